"""The JSON Schema of a configuration in YAML, for editors: names, kinds, bounds, descriptions.

What it lets through is still checked as a whole when the configuration is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.settings.reading.yaml_files import ALIASES
from hpo.settings.search import HpoSettings, SlurmSettings
from hpo.space.text import DOMAINS

DIALECT = "http://json-schema.org/draft-07/schema#"  # which all editors know
SPACE = (
    "The hyperparameters by name: a list is one of its values, `loguniform(1e-4, 1e-2)` a range, "
    "a mapping holds hyperparameters below this one, and anything else is a constant."
)
DOMAIN = {
    "description": "A list (one of its values), a domain such as `loguniform(1e-4, 1e-2)` or "
    "`{type: randint, low: 1, high: 8}`, a mapping of hyperparameters, or a constant.",
    "examples": ["loguniform(1e-4, 1e-2)", "randint(1, 8)", [32, 64, 128], 50],
    "anyOf": [
        {"type": ["array", "string", "number", "boolean", "null"]},
        {
            "type": "object",
            "properties": {
                "type": {"description": f"One of {', '.join(DOMAINS)}, or scipy.stats.NAME."}
            },
        },
    ],
}


def configuration_schema() -> dict[str, Any]:
    """The schema of the whole file."""
    slurm, hpo = SlurmSettings.model_json_schema(), HpoSettings.model_json_schema()
    definitions = {
        **slurm.pop("$defs", {}),
        **hpo.pop("$defs", {}),
        "space": {
            "type": "object",
            "title": "space",
            "description": SPACE,
            "minProperties": 1,
            "additionalProperties": {"$ref": "#/$defs/domain"},
        },
        "domain": DOMAIN,
        "slurm": {**slurm, "title": "slurm", "type": ["object", "null"]},
        "hpo": {**hpo, "title": "hpo"},
    }
    names = {name: name for name in ("space", "slurm", "hpo")} | ALIASES
    sections = {written: {"$ref": f"#/$defs/{name}"} for written, name in names.items()}
    return {
        "$schema": DIALECT,
        "title": "hpo campaign",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "allOf": [_one_of(names, "space"), _one_of(names, "hpo")],
        "$defs": {name: _plain(content) for name, content in definitions.items()},
    }


def _one_of(names: Mapping[str, str], section: str) -> dict[str, Any]:
    """That the section is there, by one of its names."""
    written = [name for name, meant in names.items() if meant == section]
    return {"anyOf": [{"required": [name]} for name in written]}


def _plain(schema: Any) -> Any:
    """Without what pydantic adds for forms: a title for each field; descriptions on one line."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: _field(field) for name, field in value.items()}
        elif key == "description":
            found[key] = " ".join(value.split())
        else:
            found[key] = _plain(value)
    return found


def _field(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _plain(schema).items() if key != "title"}
