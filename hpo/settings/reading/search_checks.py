"""Whether the settings fit each other and the space; says what is wrong, reads no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hpo.command_line import PLACES, CommandLine
from hpo.errors import ObjectiveError
from hpo.search.gp import gp_problems
from hpo.search.grid import grid_problems
from hpo.settings.reading.scripts import command_line
from hpo.settings.search import HpoSettings
from hpo.settings.searchers import GpSettings, GridSettings
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


def searcher_problems(space: Space, hpo: HpoSettings) -> list[str]:
    """Why the searcher does not fit the space."""
    if isinstance(hpo.searcher, GridSettings):
        return grid_problems(space, hpo.searcher.n_values)
    return gp_problems(space) if isinstance(hpo.searcher, GpSettings) else []


def script_problems(space: Space | None, hpo: HpoSettings) -> list[str]:
    """What is wrong with the settings of a training script; `space` None: it is wrong itself."""
    problems = []
    key = "entry_point" if hpo.entry_point is not None else "command"
    runs_script = hpo.entry_point is not None or hpo.command is not None
    if runs_script and hpo.objective is not None:
        problems.append(
            f"{key!r} and 'objective' are both set: keep {key!r} for a script that is"
            " run, or 'objective' for a function that is called"
        )
    if not runs_script:
        problems += [
            f"{name!r} is for a training script: name that as 'entry_point'"
            for name in ("arguments", "flags", "lists")
            if name in hpo.model_fields_set
        ]
    elif space is not None:
        line = command_line(hpo, hpo.command, space)
        problems += line.problems(list(space.domains), space.free)
        problems += _entry_point_problems(hpo, line)
        if not problems:
            problems += _value_problems(line, space)
    if hpo.metric_pattern is not None:
        if not runs_script:
            problems.append(
                "'metric_pattern' reads the lines of a training script: name it as 'entry_point'"
            )
        problems += _pattern_problems(hpo.metric_pattern, hpo.metric)
    return problems


def _value_problems(line: CommandLine, space: Space) -> list[str]:
    """The listed values that no script would be told, one of each hyperparameter."""
    places = dict.fromkeys(PLACES, "x")
    problems = []
    for name, domain in space.to_json().items():
        for value in _listed(domain):
            try:
                line.fill({name: value}, places)
            except ObjectiveError as err:
                problems.append(str(err))
                break
    return problems


def _listed(domain: Any) -> Iterator[Any]:
    """The values of a domain that are written out, of those within mappings one by one."""
    match domain:
        case {"type": "choice" | "ordinal", "values": values}:
            yield from values
        case {"type": "constant", "value": value}:
            yield value
        case {"type": "mapping", "fields": fields}:
            for name, inner in fields.items():
                yield from ({name: value} for value in _listed(inner))
        case {"type": "options", "options": options}:
            for option in options:
                yield from _listed(option)


def _entry_point_problems(hpo: HpoSettings, line: CommandLine) -> list[str]:
    if hpo.entry_point is None and "script" in line.named:
        return ["'command': {script} is the file of 'entry_point', which is not set"]
    if hpo.entry_point is not None and "script" not in line.named:
        return ["'command' does not run 'entry_point': write {script} there, or leave it out"]
    return []


def _pattern_problems(text: str, metric: str) -> list[str]:
    try:
        groups = re.compile(text).groupindex
    except re.error as err:
        return [f"'metric_pattern' is no regular expression: {err}: {text}"]
    if _needs_another_line(text):
        return [
            f"'metric_pattern' is tried on one line after the other, and its line break never"
            f" matches: {text!r}; write a pattern for the line that has the metric"
        ]
    if metric in groups:
        return []
    named = f"it names {', '.join(groups)}" if groups else "it names none"
    return [
        f"'metric_pattern' has no group for the metric {metric}: {named}; write"
        f" (?P<{metric}>…) around the number"
    ]


def _needs_another_line(text: str) -> bool:
    """Whether a pattern has a line break that must match, and something after it.

    Nothing is said of patterns with alternatives.
    """
    tokens = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", text, re.DOTALL)
    if "|" in tokens or re.compile(text).flags & re.VERBOSE:
        return False
    return any(
        token in ("\n", "\\n", "\r", "\\r") and rest and rest[0] not in ("?", "*", "{")
        for token, *rest in (tokens[i:] for i in range(len(tokens)))
    )
