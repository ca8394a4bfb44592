"""Writes down what the settings say of themselves; no setting is described twice.

reference/settings.md (names, kinds, defaults, docstrings), whenever the site is built, and the
types of keyword arguments in hpo/api/options.py; both by `python docs/settings_table.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

HEAD = """\
<!-- Written by docs/settings_table.py from the docstrings in hpo/settings/; change those. -->
# Settings

A configuration says `get_slurm_config()` and `get_hpo_config()`, or `slurm:` and `hpo:` in YAML;
the command line says `--set hpo.n_trials=20 slurm.partition=gpu`. What is misspelt or out of bounds
is told before anything is submitted.
"""

SECTIONS = (
    ("SlurmSettings", "`get_slurm_config()`", ""),
    ("HpoSettings", "`get_hpo_config()`", ""),
    ("SchedulerSettings", "`scheduler`", "In `get_hpo_config()`, as a mapping. "),
    ("NotifySettings", "`notify`", "In `get_hpo_config()`, as a mapping. "),
)
TABLE = "| setting | kind | default | meaning |\n|---|---|---|---|\n"
SEARCHERS = """\
In `get_hpo_config()`: one of these names, or a mapping, `{"name": "tpe", "n_initial": 20}`. Which
one when: [Searchers](../how-to/searcher.md). What each does:
[How searchers search](../how-it-works/search.md)."""
KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}
BOUNDS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))


def page() -> str:
    """The whole page."""
    from hpo.settings.notify import NotifySettings
    from hpo.settings.search import HpoSettings, SchedulerSettings, SlurmSettings
    from hpo.settings.searchers import MODELS

    text = HEAD
    sections = (SlurmSettings, HpoSettings, SchedulerSettings, NotifySettings)
    models = {model.__name__: model for model in sections}
    for name, title, where in SECTIONS:
        schema = models[name].model_json_schema()
        text += f"\n## {title}\n\n{where}{schema['description']}\n\n" + TABLE
        text += "".join(_row(key, field) for key, field in schema["properties"].items())
    text += f"\n## `searcher`\n\n{SEARCHERS}\n"
    for name, model in MODELS.items():
        schema = model.model_json_schema()
        text += f"\n### `{name}`\n\n{schema['description']}\n"
        rows = [_row(key, field) for key, field in schema["properties"].items() if key != "name"]
        text += "\n" + TABLE + "".join(rows) if rows else ""
    return text


def _row(name: str, field: dict[str, Any]) -> str:
    default = "required" if "default" not in field else _default(field["default"])
    meaning = " ".join(field["description"].split())
    cells = (f"`{name}`", _kind(field), default, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(value: object) -> str:
    if value is None or value in ([], {}):
        return "none"  # its docstring says what that means
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return "mapping"
    if "oneOf" in field:
        return "name or mapping"
    bounds = [f" {sign} {field[key]:g}" for key, sign in BOUNDS if key in field]
    items = f" of {KINDS[field['items']['type']]}s" if "items" in field else ""
    return KINDS[field["type"]] + items.replace("texts", "text") + "".join(bounds)


OPTIONS_HEAD = '''\
"""The settings as keyword arguments, for type checkers and editors; docs/reference/settings.md.

Written by docs/settings_table.py from hpo/settings/; change those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict
'''
TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "Mapping[str, Any]",
}
TAKEN_APART = {"objective", "searcher", "scheduler"}
"""The settings for which there is more in Python than text."""


def options() -> str:
    """The module of types."""
    from hpo.settings.search import HpoSettings, SlurmSettings

    text = OPTIONS_HEAD
    for name, model, what in (
        ("SlurmOptions", SlurmSettings, "What each job asks SLURM for."),
        ("CampaignOptions", HpoSettings, "How the search is run."),
    ):
        text += f'\n\nclass {name}(TypedDict, total=False):\n    """{what}"""\n\n'
        text += "".join(
            f"    {key}: {_type(field)}\n"
            for key, field in model.model_json_schema()["properties"].items()
            if key not in TAKEN_APART
        )
    return text


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        found = dict.fromkeys(_type(one) for one in field["anyOf"])
        return " | ".join(sorted(found, key="None".__eq__))
    if "enum" in field or "const" in field:
        values = field.get("enum", [field.get("const")])
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if field.get("format") == "path":
        return "str | PathLike[str]"
    if "$ref" in field:
        return TYPES["object"]
    if field["type"] == "array":
        return f"Sequence[{_type(field['items'])}]"
    return TYPES[field["type"]]


def write(path: Path, text: str) -> None:
    """Write the file if it is not current."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    write(HERE / "reference" / "settings.md", page())
    write(HERE.parent / "hpo" / "api" / "options.py", options())
