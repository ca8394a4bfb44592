"""Training scripts as a configuration names them: which file is run, and with which words.

Looks for the files that a command names. Runs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hpo.command_line import COMMAND, CommandLine, names_in
from hpo.settings.search import HpoSettings
from hpo.space.space import Space

NESTED = ("mapping", "options")
"""The types of domains whose values may be mappings of hyperparameters."""


def resolve_command(
    words: Sequence[str], look: Callable[[str], Path | None]
) -> tuple[list[str], str, list[str]]:
    """A command whose files have their absolute names, its reference, and what is not there.

    Its own files are the program, where it is named by a path, and Python scripts. What has an
    absolute name may lie in a container, or on the nodes alone.

    Args:
        words: the template.
        look: finds a file by the name that a user wrote; None: there is none.
    """
    found: list[str] = []
    script: str | None = None
    missing: list[str] = []
    for index, word in enumerate(words):
        is_program = index == 0 and os.sep in word
        if names_in(word) or not (is_program or word.endswith(".py")):
            found.append(word)
            continue
        file = look(word)
        found.append(word if file is None else str(file))
        is_script = word.endswith(".py") and script is None
        if is_script:
            script = found[-1]
        wanted = is_program or (is_script and "-m" not in words)
        if file is None and wanted and not Path(word).is_absolute():
            missing.append(word)
    if script is not None and Path(script).is_file():
        return found, f"script:{script}", missing
    fixed = [word for word in found if not names_in(word) or word == "{python}"]
    return found, COMMAND + " ".join(word.strip("{}") for word in fixed), missing


def command_line(hpo: HpoSettings, words: Sequence[str] | None, space: Space | None) -> CommandLine:
    """How the script is run; `words` None: as `entry_point` is."""
    domains = {} if space is None else space.to_json()
    nested = tuple(
        name
        for name, domain in domains.items()
        if isinstance(domain, dict) and domain.get("type") in NESTED
    )
    styled = CommandLine(arguments=hpo.arguments, flags=hpo.flags, lists=hpo.lists, nested=nested)
    return styled if words is None else replace(styled, words=tuple(words))
