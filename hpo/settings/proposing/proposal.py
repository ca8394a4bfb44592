"""From what a user named to a proposed configuration: reads the text, and runs nothing of it."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import SettingsError
from hpo.settings.proposing.argument import CommandStyle, imports
from hpo.settings.proposing.command_lines import (
    read_absl,
    read_argparse,
    read_click,
    read_typer,
)
from hpo.settings.proposing.document import Document, render
from hpo.settings.proposing.functions import functions_in, read_function
from hpo.settings.proposing.hydra import read_hydra
from hpo.settings.proposing.metrics import LIGHTNING, Metric, find_metric, of_lightning
from hpo.settings.proposing.typed_lines import read_typed
from hpo.settings.reading.finding import MOST_CODE_BYTES, absolute, read_file

WHERE = "init"
_TRAINS = re.compile(r"objective|train|fit|main|run")


@dataclass(frozen=True, slots=True)
class Named:
    """What a user named: a script, or a function in one."""

    path: Path
    function: str | None = None


def find_named(text: str, cwd: Path) -> Named:
    """The script `train.py`, or the function of `train.py:train` and `package.module:train`.

    Raises:
        SettingsError: there is no such file.
    """
    place, separator, function = text.rpartition(":")
    if not separator:
        place, function = text, ""
    path = absolute(place, cwd)
    if path.is_file():
        return Named(path, function or None)
    if separator and not place.endswith(".py") and "/" not in place:
        below = absolute(place.replace(".", "/"), cwd)
        for candidate in (below.with_suffix(".py"), below / "__init__.py"):
            if candidate.is_file():
                return Named(candidate, function)
    raise SettingsError(
        [f"there is no file {path}: name a script (train.py), or a function (train.py:train)"],
        where=WHERE,
    )


def propose_for(text: str, output: Path, cwd: Path) -> Document:
    """The configuration for what `text` names, to be written to `output`.

    Raises:
        SettingsError: it cannot be read, or has no arguments that are found.
    """
    named = find_named(text, cwd)
    try:
        source = read_file(named.path, MOST_CODE_BYTES)
        tree = ast.parse(source, str(named.path))
    except OSError as err:
        raise SettingsError([f"{named.path} cannot be read: {err}"], where=WHERE) from err
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise SettingsError(
            [f"{named.path} is no Python that can be read: {err}"], where=WHERE
        ) from err
    packages = imports(tree)
    found = _style(named, tree, packages, text)
    target = os.path.relpath(named.path, output.parent)
    if target.startswith(f"..{os.sep}.."):
        target = str(named.path)  # because nobody would move both together
    if named.function is not None:
        by_module = named.path.suffix == ".py" and text.count("/") == 0 and ".py:" not in text
        target = text if by_module else f"{target}:{named.function}"
    metric = find_metric(tree, packages, named.function) or _monitored(found, packages)
    return render(
        found,
        metric,
        target=target,
        source=text,
        packages=packages,
    )


def _monitored(found: CommandStyle, packages: set[str]) -> Metric | None:
    """What the callbacks in a configuration of Lightning's watch, such as `val/loss`."""
    for argument in found.arguments:
        if argument.name.endswith(".monitor") and packages & LIGHTNING:
            return of_lightning(str(argument.default))
    return None


def _style(named: Named, tree: ast.Module, packages: set[str], text: str) -> CommandStyle:
    """The arguments, read in the style that the script is written in.

    Raises:
        SettingsError: none is found.
    """
    if named.function is not None:
        found = read_function(tree, named.function)
        if found is None:
            there = ", ".join(functions_in(tree)) or "none"
            problem = f"{named.path} has no function {named.function}; it has {there}"
            raise SettingsError([problem], where=WHERE)
        return found
    found = _script_style(named.path, tree, packages)
    if found is not None and found.arguments:
        return found
    functions = functions_in(tree)
    if "get_config_space" in functions:
        problem = f"{named.path} is a configuration already: hpo doctor --config {text}"
        raise SettingsError([problem], where=WHERE)
    usual = [name for name in functions if _TRAINS.search(name)]
    told = next(iter(usual or functions[-1:]), None)
    hint = "" if told is None else f", such as {named.path.name}:{told}"
    raise SettingsError(
        [
            f"{named.path} has no command line that is found in its text (argparse, absl, click, "
            "typer, Hydra, LightningCLI, or what HfArgumentParser, tyro, simple-parsing, draccus "
            f"or fire read): name the function that trains{hint}, or give the script arguments; "
            "docs/how-to/your-script.md has configurations to begin with"
        ],
        where=WHERE,
    )


def _script_style(path: Path, tree: ast.Module, packages: set[str]) -> CommandStyle | None:
    if "hydra" in packages and (found := read_hydra(tree, path)) is not None:
        return found
    if (found := read_typed(tree, packages)) is not None:
        return found
    if "typer" in packages and (found := read_typer(tree)) is not None:
        return found
    if {"click", "rich_click"} & packages and (found := read_click(tree)) is not None:
        return found
    return read_argparse(tree) or read_absl(tree)
