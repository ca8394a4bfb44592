"""Settings that concern training scripts, checked against each other.

Says what is wrong; reads no file and starts nothing.
"""

from __future__ import annotations

import re

from hpo.settings.search import HpoSettings


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
