"""The configurations on the page "Your script is …", with scripts that have those command lines.

The scripts stand in for what the page names: they take the same words and print the same lines,
with nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from user_project import ROOT, Project

import hpo

PAGE = ROOT / "docs" / "how-to" / "your-script.md"

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--nesterov", action="store_true")
parser.add_argument("--units", type=int, nargs="+", required=True)
parser.add_argument("--max-epochs", type=int, required=True)
args = parser.parse_args()
seen(vars(args))
for epoch in range(1, args.max_epochs + 1):
    print(f"epoch {epoch} loss 3.0 val_loss {args.learning_rate / epoch}")
"""

HYDRA = """
experiment, folder, *overrides = sys.argv[1:]
assert experiment == "experiment=base"
checkpoints = Path(folder.removeprefix("hydra.run.dir="))
config = dict(word.split("=", 1) for word in overrides)
seen(config)
last = checkpoints / "last.ckpt"
first = int(last.read_text()) if last.exists() else 0
for epoch in range(first, int(config["trainer.max_epochs"])):
    last.write_text(str(epoch + 1))
    print(f"Epoch {epoch}, global step {100 * epoch}: val/loss={float(config['optimizer.lr'])}")
"""

LIGHTNING_CLI = r"""
fit, root, *options = sys.argv[1:]
assert fit == "fit"
assert Path(root.removeprefix("--trainer.default_root_dir=")).is_dir()
config = dict(option.removeprefix("--").split("=", 1) for option in options)
seen({name: json.loads(text) for name, text in config.items()})
print("\rSanity Checking DataLoader 0: 100%|####| 2/2 [00:00<00:00]", end="")
print("\r" + 60 * " ", end="\r")
shown = ""
for epoch in range(int(config["trainer.max_epochs"])):
    for step in range(5):
        print(f"\rEpoch {epoch}: {25 * step:3d}%|###| {step}/4 [00:00<00:00{shown}]", end="")
    shown = f", v_num=0, val_loss={0.5 ** epoch}"
    print(f"\rEpoch {epoch}: 100%|####| 4/4 [00:00<00:00{shown}]", end="", flush=True)
print()
"""

KERAS = r"""
config = json.load(open(sys.argv[1]))
seen(config)
for epoch in range(1, config["epochs"] + 1):
    print(f"Epoch {epoch}/{config['epochs']}")
    for step in range(1, 6):
        line = f"\x1b[1m{step}/5\x1b[0m \x1b[32m━━━\x1b[0m \x1b[1m0s\x1b[0m - loss: {step / epoch}"
        print("\b" * 90 + f"\r{line}", end="", flush=True)
    print("\b" * 90 + f"\r{line} - val_loss: {config['learning_rate'] / epoch}")
"""

POSITIONAL = """
data, alpha, l1_ratio = sys.argv[1:]
assert data == "wine.csv"
seen({"alpha": float(alpha), "l1_ratio": float(l1_ratio)})
print(f"Elasticnet model (alpha={alpha}, l1_ratio={l1_ratio}):")
print(f"  RMSE: {alpha}")
"""

CONTAINER = """
import argparse
assert os.environ["IN_CONTAINER"] == "--nv image.sif"
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--max_epochs", type=int)
args = parser.parse_args()
seen(vars(args))
for epoch in range(1, args.max_epochs + 1):
    print(f"epoch {epoch} error {args.lr / epoch}")
"""

APPTAINER = f"""#!/bin/bash
[ "$1" = exec ] || exit 9
export IN_CONTAINER="$2 $3"
shift 4
exec {sys.executable} "$@"
"""

HEAD = """
import json, os, sys
from pathlib import Path
def seen(config):
    with open(Path(__file__).with_name("seen.txt"), "a") as file:
        file.write(json.dumps(config) + "\\n")
"""

SCRIPTS = {
    "argparse, click or typer, with dashes and flags": ("train.py", ARGPARSE),
    "Hydra": ("train.py", HYDRA),
    "LightningCLI": ("main.py", LIGHTNING_CLI),
    "Keras": ("train.py", KERAS),
    "Positional, without epochs": ("train.py", POSITIONAL),
    "In a container, or no Python at all": ("train.py", CONTAINER),
}


def configurations() -> dict[str, str]:
    """What the page says to write, by its headings."""
    found = re.findall(r"^## (.*?)\n.*?^```yaml\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return dict(found)


def test_each_configuration_has_a_script() -> None:
    assert list(configurations()) == list(SCRIPTS)


@pytest.mark.parametrize("heading", SCRIPTS)
def test_it_runs_as_the_page_says(tmp_path: Path, heading: str) -> None:
    name, code = SCRIPTS[heading]
    (tmp_path / name).write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
    (tmp_path / "search.yaml").write_text(configurations()[heading], encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "apptainer").write_text(APPTAINER)
    (tmp_path / "bin" / "apptainer").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    project = Project(tmp_path)
    project.finish("--config", "search.yaml", "--output-dir", "results", PATH=path)

    frames = hpo.load_campaign(tmp_path / "results")
    assert set(frames.trials["status"]) == {"completed"}
    assert not frames.trials["early"].any()
    names = [name for name in frames.trials if "max" in name or name == "epochs"]
    epochs = frames.trials[names[0]].iloc[0] if names else 1
    assert set(frames.reports.groupby("trial_id").size()) == {epochs}
    told = [json.loads(line) for line in (tmp_path / "seen.txt").read_text().splitlines()]
    configs = [
        json.loads(path.read_text()) for path in tmp_path.glob("results/trials/*/config.json")
    ]
    assert sorted(map(as_seen, told), key=repr) == sorted(map(as_seen, configs), key=repr)


def as_seen(config: dict[str, Any]) -> dict[str, str]:
    """Values as text, under the names that every parser gives them."""
    return {name.replace("-", "_"): str(value) for name, value in sorted(config.items())}
