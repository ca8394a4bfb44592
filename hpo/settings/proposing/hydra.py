"""The hyperparameters of a script that Hydra configures: the values in its YAML files."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError
from hpo.settings.proposing.argument import (
    Argument,
    CommandStyle,
    constants,
    keywords,
    kind_of,
    last_name,
    value_of,
)
from hpo.settings.reading.finding import read_file
from hpo.settings.reading.yaml_files import MOST_BYTES, parse_yaml

_OWN = ("hydra", "defaults")


def read_hydra(tree: ast.Module, script: Path) -> CommandStyle | None:
    """What `@hydra.main(config_path=…, config_name=…)` names; None: the script has none.

    Raises:
        SettingsError: the file that it names cannot be read.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and last_name(decorator) == "main":
                told = keywords(decorator)
                known = constants(tree)
                folder = value_of(told.get("config_path"), known)
                name = value_of(told.get("config_name"), known)
                if not isinstance(name, str):
                    continue
                home = script.parent / folder if isinstance(folder, str) else script.parent
                return _style(home, name)
    return None


def _style(home: Path, name: str) -> CommandStyle:
    path = home / f"{name.removesuffix('.yaml')}.yaml"
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise SettingsError([f"{path}, of Hydra, cannot be read: {err}"], where="init") from err
    value, _, problems = parse_yaml(text, lambda line: f"{path}:{line}")
    if not isinstance(value, dict):
        raise SettingsError(problems or [f"{path} has no values"], where="init")
    values = _values(home, name, 0)
    found = tuple(
        Argument(key, kind_of(value), value)
        for key, value in _leaves(values, "")
        if not (isinstance(value, str) and ("${" in value or value == "???"))
    )
    return CommandStyle(
        "Hydra",
        found,
        ("hydra.run.dir={checkpoint_dir}",),
        {"arguments": "{name}={value}"},
    )


def _values(home: Path, name: str, depth: int) -> dict[str, Any]:
    """A file and those that its `defaults` name, as Hydra puts them together."""
    path = home / f"{name.removesuffix('.yaml')}.yaml"
    found = _read(path)
    merged: dict[str, Any] = {}
    own = {key: value for key, value in found.items() if key not in _OWN}
    for entry in found.get("defaults") or [] if depth < 8 else []:
        if isinstance(entry, dict):
            for group, option in entry.items():
                words = str(group).removeprefix("override ").removeprefix("optional ").split("@")
                place = words[-1].strip("/") if len(words) > 1 else words[0].strip("/")
                if isinstance(option, str) and not place.startswith("hydra"):
                    inner = _values(home / words[0].strip("/"), option, depth + 1)
                    _merge(merged, _placed(place, inner))
        elif isinstance(entry, str) and entry != "_self_":
            _merge(merged, _values(home, entry, depth + 1))
    _merge(merged, own)
    return merged


def _placed(place: str, values: dict[str, Any]) -> dict[str, Any]:
    for part in reversed([part for part in place.replace("/", ".").split(".") if part]):
        if part != "_global_":
            values = {part: values}
    return values


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _read(path: Path) -> dict[str, Any]:
    """Empty where it cannot be read; numbers such as 1e-3 count as numbers, as Hydra takes them."""
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    value, _, _ = parse_yaml(text, str)
    return value if isinstance(value, dict) else {}


def _leaves(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{name}.")
        elif not str(key).startswith("_"):
            yield name, value
