"""Writes reference/settings.md from the settings themselves: names, kinds, defaults, docstrings.

Whenever the site is built, or by `python docs/settings_table.py`; no setting is described twice.
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
    from hpo.settings.search import HpoSettings, SchedulerSettings, SlurmSettings
    from hpo.settings.searchers import MODELS

    text = HEAD
    models = {model.__name__: model for model in (SlurmSettings, HpoSettings, SchedulerSettings)}
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
    if "$ref" in field or "oneOf" in field:
        return "name or mapping"
    bounds = [f" {sign} {field[key]:g}" for key, sign in BOUNDS if key in field]
    items = f" of {KINDS[field['items']['type']]}s" if "items" in field else ""
    return KINDS[field["type"]] + items.replace("texts", "text") + "".join(bounds)


def write(path: Path) -> None:
    """Write the page if it is not current."""
    text = page()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    write(HERE / "reference" / "settings.md")
