"""Points as people write them: words, a JSON file, a table."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError
from hpo.folder.json_text import parse

WHERE = "the command"


def read_words(words: Sequence[str]) -> dict[str, Any]:
    """The point of `lr=0.01 optimizer.momentum=0.9`.

    Raises:
        SettingsError: with all words that cannot be read.
    """
    point: dict[str, Any] = {}
    problems = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            problems.append(f"{word!r} must be name=value, as in lr=0.01")
            continue
        value, problem = _value(text)
        if problem:
            problems.append(f"{word!r}: {problem}")
        elif not _put(point, name.strip(), value):
            problems.append(f"{word!r}: the name was given before")
    if problems:
        raise SettingsError(problems, where=WHERE)
    return point


def read_file(path: Path) -> list[Mapping[str, Any]]:
    """The points of a .json or a .csv file.

    Raises:
        SettingsError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        why = getattr(err, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError([f"{path} cannot be read: {why}"], where=WHERE) from err
    if path.suffix.lower() == ".csv":
        return _table(path, text)
    try:
        found = parse(text.encode())
    except ValueError as err:
        problem = f"{path} is no JSON: {err} (a table must be called .csv)"
        raise SettingsError([problem], where=WHERE) from err
    points = found if isinstance(found, list) else [found]
    if not points or not all(isinstance(point, dict) for point in points):
        problem = f'{path} must hold a list of points, as in [{{"lr": 0.01}}]'
        raise SettingsError([problem], where=WHERE)
    return points


def _table(path: Path, text: str) -> list[Mapping[str, Any]]:
    names, *rows = list(csv.reader(text.splitlines())) or [[]]
    problems = [] if rows else [f"{path} holds no points: names in its first line, then values"]
    points: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(names):
            problems.append(f"{path}, line {number}: {len(row)} values for {len(names)} names")
            continue
        point: dict[str, Any] = {}
        for name, cell in zip(names, row, strict=True):
            value, problem = _value(cell)
            if problem:
                problems.append(f"{path}, line {number}, {name}: {problem}")
            elif cell.strip() and not _put(point, name.strip(), value):
                problems.append(f"{path}: the name {name!r} is there twice")
        points.append(point)
    if problems:
        raise SettingsError(problems, where=WHERE)
    return points


def _value(text: str) -> tuple[Any, str]:
    """A value as in JSON (`1e-3`), or as in YAML (`adam`); and what is wrong with it."""
    with contextlib.suppress(ValueError):
        return parse(text.strip().encode(), strict=True), ""
    from hpo.settings.reading.yaml_files import parse_yaml  # here, because YAML takes its time

    value, _, problems = parse_yaml(text, lambda _: "the value")
    return value, "; ".join(problems)


def _put(point: dict[str, Any], name: str, value: Any) -> bool:
    """Put a value where the dots in its name say; False: there is one already."""
    *above, last = name.split(".")
    for part in above:
        inner = point.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        point = inner
    if last in point:
        return False
    point[last] = value
    return True
