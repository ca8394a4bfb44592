"""`hpo schema`: an editor lets through what can be loaded, and marks what cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpo.settings.reading.yaml_files import ConfigLoader
from hpo.settings.schema import configuration_schema

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[2]
HPO = "hpo: {n_trials: 3, objective: 'train.py:objective'}"


def problems(text: str) -> list[str]:
    """What an editor marks in a file."""
    document = yaml.load(text, ConfigLoader)
    found = jsonschema.Draft7Validator(configuration_schema()).iter_errors(document)
    return [error.message for error in found]


@pytest.mark.parametrize(
    "text",
    [
        f"space: {{lr: 'loguniform(1e-4, 1e-2)', width: [32, 64]}}\n{HPO}",
        f"config_space: {{a: {{type: randint, low: 1, high: 3}}, b: {{c: [1, 2]}}}}\n{HPO}",
        f"space: {{a: [1, 2]}}\nslurm: {{time: 30, mem: 0, env_setup: source activate x}}\n{HPO}",
        f"space: {{a: [1, 2]}}\nslurm: {{time: auto, python: [apptainer, exec], gpus: 1}}\n{HPO}",
        f"space: {{a: [1, 2]}}\nslurm:\n{HPO}",
        "space: {a: [1, 2]}\nhpo: {n_trials: 3, entry_point: train.py, scheduler: asha}",
        "space: {a: [1]}\nhpo: {n_trials: 3, command: python t.py, scheduler: {max_t: 9}}",
        "space: {a: [1]}\nhpo: {n_trials: 3, trials_per_job: auto, hang_after: never}",
    ],
)
def test_what_can_be_loaded_is_let_through(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"space: {{a: [1]}}\nslurm: {{gpu: 1}}\n{HPO}", "gpu"),
        (f"space: {{a: [1]}}\nslurm: {{gpus: -1}}\n{HPO}", "-1"),
        ("space: {a: [1]}\nhpo: {n_trials: ten}", "ten"),
        ("space: {a: [1]}\nhpo: {n_trials: 3, mode: smallest}", "smallest"),
        ("space: {a: [1]}\nhpo: {objective: 'a:b'}", "n_trials"),
        (f"spaces: {{a: [1]}}\n{HPO}", "spaces"),
        ("space: {a: [1]}\nhpo: {n_trials: 3, scheduler: {max: 9}}", "max"),
    ],
)
def test_what_cannot_is_marked(text: str, word: str) -> None:
    assert word in "".join(problems(text))


def test_each_setting_says_what_it_is() -> None:
    found = configuration_schema()["$defs"]
    fields: dict[str, Any] = found["slurm"]["properties"] | found["hpo"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []
    assert "Partition" in found["slurm"]["properties"]["partition"]["description"]


def test_the_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "schema"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == configuration_schema()
