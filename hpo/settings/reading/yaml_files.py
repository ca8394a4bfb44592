"""Configurations in YAML, with line numbers for what YAML 1.1 reads differently than people do.

`on` and `yes` are booleans there, `1e-5` is text, `1:30:00` is 5400: the first two are problems
here, the last stays text. Nothing but plain data is ever constructed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from hpo.settings.reading.finding import read_file
from hpo.settings.reading.raw import SECTIONS, RawConfig, did_you_mean
from hpo.space.text import written_number

MOST_BYTES = 1_000_000  # of a file; its reader takes seconds for that
MOST_NODES = 300_000  # values with all aliases written out
ALIASES = {"config_space": "space", "slurm_config": "slurm", "hpo_config": "hpo"}

_STANDARD = "tag:yaml.org,2002:"
_TRAP = "!trap:"


def _resolvers() -> dict[str | None, list[tuple[str, re.Pattern[str]]]]:
    """Which plain words are not text, by their first character, as PyYAML wants it."""
    digits, signs = "0123456789", "-+"
    rules = [
        (_STANDARD + "bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        (_STANDARD + "null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        (_STANDARD + "merge", r"<<", "<"),
        (_STANDARD + "int", r"[-+]?(0|[1-9][0-9_]*)", signs + digits),
        (
            _STANDARD + "float",
            r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
            r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
            signs + digits + ".",
        ),
        (_TRAP + "float", r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+", signs + digits),
        (_TRAP + "bool", r"(?i:yes|no|on|off)", "yYnNoO"),
        (_TRAP + "null", r"None", "N"),
    ]
    table: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, firsts in rules:
        for first in firsts:
            table.setdefault(first, []).append((tag, re.compile(f"(?:{pattern})\\Z")))
    return table


class ConfigLoader(yaml.SafeLoader):
    """Safe YAML without timestamps, octal and sexagesimal numbers, and with marked traps."""

    yaml_implicit_resolvers = _resolvers()


def load_yaml(path: Path) -> RawConfig:
    """Read a YAML configuration; what is wrong is in `problems`."""
    empty = RawConfig(sections={}, labels={name: f"section '{name}'" for name in SECTIONS})
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        empty.problems.append(f"{path} cannot be read: {error}")
        return empty
    value, lines, problems = parse_yaml(text, lambda line: f"{path}:{line}")
    empty.problems.extend(problems)
    if value is None and problems:
        return empty
    if not isinstance(value, dict):
        empty.problems.append(f"{path} must have the sections space, slurm and hpo")
        return empty
    return _read_sections(empty, value, {key: f"{path}:{line}" for key, line in lines.items()})


def _read_sections(
    config: RawConfig, document: dict[Any, Any], lines: dict[tuple[str, ...], str]
) -> RawConfig:
    for written, content in document.items():
        section = ALIASES.get(written, written)
        place = lines.get((str(written),), "")
        if section not in SECTIONS:
            hint = did_you_mean(written, [*SECTIONS, *ALIASES])
            config.problems.append(
                f"{place}: unknown section {written!r}{hint or '; there are space, slurm and hpo'}"
            )
        elif section in config.sections:
            config.problems.append(f"{place}: section '{section}' is there twice")
        elif content is not None and not isinstance(content, dict):
            config.problems.append(f"{place}: section '{written}' must hold 'name: value' lines")
        else:
            config.sections[section] = content or {}
            for key in config.sections[section]:
                config.places[section, str(key)] = lines.get((str(written), str(key)), place)
    config.problems.extend(
        f"section '{name}' is missing"
        for name in ("space", "hpo")  # because all of slurm has defaults
        if name not in {ALIASES.get(written, written) for written in document}
    )
    config.sections.setdefault("slurm", {})
    return config


def parse_yaml(
    text: str, place: Callable[[int], str]
) -> tuple[Any, dict[tuple[str, ...], int], list[str]]:
    """Plain data from YAML text.

    Args:
        text: One YAML document.
        place: How a line, counted from 1, is shown to the user.

    Returns:
        The value; the lines of the keys of the two upper levels; all problems.
    """
    problems: list[str] = []
    try:
        loader = ConfigLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}, []
        _require_small(node, {})
        _find_traps(node, place, problems, ())
        return loader.construct_document(node), _key_lines(node), problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        hint = " (indent with spaces, not tabs)" if "\\t" in str(error.problem) else ""
        problems.append(f"{place(line)}: {error.problem or error.context}{hint}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems.append(f"{place(1)}: cannot be read as YAML: {str(error).splitlines()[0]}")
    return None, {}, problems


def _require_small(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values a node stands for; in `sizes` what is known, and 0 for what is counted now.

    Raises:
        ValueError: too many, or without end.
    """
    known = sizes.get(id(node))
    if known is not None:
        if known == 0:
            raise ValueError("an alias refers to itself")
        return known
    sizes[id(node)] = 0
    inner = node.value if isinstance(node, yaml.CollectionNode) else ()
    pairs = isinstance(node, yaml.MappingNode)
    below = [one for pair in inner for one in pair] if pairs else inner
    size = 1 + sum(_require_small(one, sizes) for one in below)
    if size > MOST_NODES:
        raise ValueError(f"its aliases stand for more than {MOST_NODES} values")
    sizes[id(node)] = size
    return size


def _find_traps(
    node: yaml.Node, place: Callable[[int], str], problems: list[str], above: tuple[int, ...]
) -> None:
    """Note each trap below `node`, and take it for what was most likely meant."""
    if id(node) in above:
        raise ValueError("an alias refers to itself")
    above = (*above, id(node))
    where = place(node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_TRAP):
        problems.append(f"{where}: {_trap_problem(node)}")
        node.tag = _STANDARD + node.tag.removeprefix(_TRAP)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _find_traps(item, place, problems, above)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                line = place(key.start_mark.line + 1)
                problems.append(f"{line}: {key.value!r} is there twice: remove one of them")
            seen.add(str(key.value))
            _find_traps(key, place, problems, above)
            _find_traps(value, place, problems, above)


def _trap_problem(node: yaml.ScalarNode) -> str:
    word = node.value
    match node.tag.removeprefix(_TRAP):
        case "float":
            good = written_number(word, float(word.replace("_", "")))
            return f"{word} is text in YAML, not a number: write {good}"
        case "null":
            return "None is text in YAML: write null, or 'None' in quotes for the text"
        case _:
            boolean = "true" if word.lower() in ("yes", "on") else "false"
            return f"{word} is a boolean in YAML: write {boolean}, or '{word}' in quotes for text"


def _key_lines(root: yaml.Node) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    if not isinstance(root, yaml.MappingNode):
        return lines
    for section, content in root.value:
        lines[(str(section.value),)] = section.start_mark.line + 1
        if isinstance(content, yaml.MappingNode):
            for key, _ in content.value:
                lines[str(section.value), str(key.value)] = key.start_mark.line + 1
    return lines
