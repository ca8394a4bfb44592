"""`--set section.key=value`: single settings changed from the command line.

Changes the raw sections before they are checked, so a value is treated like one in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hpo.settings.reading.raw import SECTIONS, RawConfig, did_you_mean
from hpo.settings.reading.yaml_files import ALIASES, parse_yaml

_MISSING = object()
_FORM = re.compile(r"(?P<section>[^.=]+)\.(?P<key>[^=]+?)\s*=(?P<value>.*)", re.DOTALL)


def apply_overrides(config: RawConfig, overrides: Sequence[str]) -> None:
    """Put each `section.key=value` into `config`, or a problem where that cannot be done."""
    for override in overrides:
        problem = _apply(config, override)
        if problem is not None:
            config.problems.append(f"--set {override}: {problem}")


def _apply(config: RawConfig, override: str) -> str | None:
    match = _FORM.fullmatch(override.strip())
    if match is None:
        return "must be section.key=value, as in hpo.n_trials=20"
    written, key = match["section"].strip(), match["key"].strip()
    section = ALIASES.get(written, written)
    if section not in SECTIONS:
        hint = did_you_mean(written, SECTIONS)
        return f"unknown section {written!r}{hint or '; there are space, slurm and hpo'}"
    value, _, problems = parse_yaml(match["value"], lambda _: "the value")
    if problems:
        return "; ".join(problems)
    content = config.sections.get(section)
    if content is None:
        return None  # because the section's own problem is known already
    if section == "space":
        return _set_in_space(config, content, key, value)
    key, *inner = key.split(".", 1) if section != "space" else [key]
    if inner:
        outer = content.get(key)
        # A scheduler and a searcher may be given by their names alone.
        called = "name" if key == "searcher" else "type"
        outer = {called: outer} if isinstance(outer, str) else outer
        value = {**(outer if isinstance(outer, dict) else {}), inner[0]: value}
    content[key] = value
    config.places[section, key] = "--set"
    return None


def _set_in_space(config: RawConfig, content: dict[Any, Any], key: str, value: Any) -> str | None:
    """Replace a hyperparameter, or by its names with dots one below another."""
    name, *inner = [key] if key in content else key.split(".")
    if name in content and inner:
        value = _replaced(content[name], inner, value)
    if name not in content or value is _MISSING:
        return f"the space has no {key!r}{did_you_mean(key, map(str, content))}"
    content[name] = value
    config.places["space", name] = "--set"
    return None


def _replaced(outer: Any, names: list[str], value: Any) -> Any:
    """A copy of the mapping `outer` with the value below it replaced, where there is one."""
    name, *inner = names
    if not isinstance(outer, dict) or name not in outer:
        return _MISSING
    value = _replaced(outer[name], inner, value) if inner else value
    return value if value is _MISSING else {**outer, name: value}
