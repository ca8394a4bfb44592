"""Whether the settings fit each other and the space; says what is wrong, reads no file."""

from __future__ import annotations

import re

from hpo.settings.search import HpoSettings
from hpo.space.space import Space


def scheduler_problems(space: Space, hpo: HpoSettings) -> list[str]:
    """What speaks against the scheduler's settings."""
    scheduler = hpo.scheduler
    if scheduler is None or scheduler.type == "random":
        return []
    name = hpo.max_resource_attr
    constant = space.constant_int(name)
    if name in space.domains and constant is None:
        return [
            f"scheduler: with ASHA every trial may go on to max_t, so {name!r} in the space must "
            "be one whole number, not a choice; set it to max_t or leave it out"
        ]
    if scheduler.max_t is None and constant is None:
        return [f"scheduler: set 'max_t', or a constant {name!r} in the space"]
    max_t = scheduler.max_t or constant or 0
    problems = []
    if constant is not None and constant != max_t:
        problems.append(
            f"scheduler: max_t is {max_t}, and {name!r} in the space is {constant}; they must "
            "be equal"
        )
    if scheduler.grace_period > max_t:
        problems.append(
            f"scheduler: grace_period {scheduler.grace_period} is above max_t {max_t}; the first "
            "rung must come before the last"
        )
    if hpo.resource_attr in space.domains:
        problems.append(f"scheduler: {hpo.resource_attr!r} is reported, it cannot be drawn too")
    return problems


def script_problems(hpo: HpoSettings) -> list[str]:
    """What is wrong with `entry_point` and `metric_pattern`."""
    problems = []
    if hpo.entry_point is not None and hpo.objective is not None:
        problems.append(
            "'entry_point' and 'objective' are both set: keep 'entry_point' for a script that is"
            " run, or 'objective' for a function that is called"
        )
    if hpo.metric_pattern is not None:
        if hpo.entry_point is None:
            problems.append(
                "'metric_pattern' reads the lines of a training script: name it as 'entry_point'"
            )
        problems += _pattern_problems(hpo.metric_pattern, hpo.metric)
    return problems


def _pattern_problems(text: str, metric: str) -> list[str]:
    try:
        groups = re.compile(text).groupindex
    except re.error as err:
        return [f"'metric_pattern' is no regular expression: {err}: {text}"]
    if metric in groups:
        return []
    named = f"it names {', '.join(groups)}" if groups else "it names none"
    return [
        f"'metric_pattern' has no group for the metric {metric}: {named}; write"
        f" (?P<{metric}>…) around the number"
    ]
