"""The best configuration, handed on: a folder that trains it wherever this program is installed."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from hpo import __version__, checkpoint
from hpo.errors import SettingsError
from hpo.exports import again
from hpo.folder.files import Layout
from hpo.report.page.sources import Plan
from hpo.report.results import read_results
from hpo.shown import one_line, shell_words
from hpo.trial.code import code_of
from hpo.values import flat

CONFIGURATION = "best.yaml"


def write_best(layout: Layout, document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Write it into `folder`, which is empty; a line for each thing that lies there then.

    What may hold passwords (`slurm`, with its `env_setup`) is not handed on.

    Raises:
        SettingsError: there is no result yet, or something lies in the folder.
        OSError: something cannot be read or written.
    """
    plan = Plan.of(document)
    found = again.best_results(read_results(layout, plan.goal.resource), plan.goal, 1)
    problems = [] if found else [f"no trial in {layout.root} has a result yet"]
    if any(folder.iterdir()):
        problems.append(f"{folder} is not empty: name a new folder")
    if problems:
        raise SettingsError(problems, where="the command")
    best, settings = found[0], dict(document["settings"])
    config = best.get("config") or {}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    yield f"config.json: trial {best['trial_id']}, {plan.goal.metric} {best['error']:.6g}"
    reference, left = _copy_code(settings, folder)
    yield from left
    settings |= {"objective": reference, "pythonpath": ["code"], "slurm": {}}
    content = again.sections(settings, [config], "run")
    content["slurm"] = {}
    comment = f"The best configuration of {plan.goal.metric}; made by `hpo export --best`."
    written = again.text(comment, content)
    (folder / CONFIGURATION).write_text(written, encoding="utf-8")
    command = ["hpo", "run", "--config", CONFIGURATION, "--executor", "local"]
    script = f'#!/bin/sh\ncd "$(dirname "$0")" && exec {shell_words(command)} "$@"\n'
    (folder / "train.sh").write_text(script, encoding="utf-8")
    (folder / "train.sh").chmod(0o755)
    yield f"train.sh: trains it here, as {CONFIGURATION} says"
    yield _copy_checkpoint(layout, best["trial_id"], folder)
    (folder / "environment.txt").write_text(_environment(), encoding="utf-8")
    yield "environment.txt: the versions of what is installed here"
    (folder / "README.md").write_text(_readme(layout, plan, best), encoding="utf-8")
    yield f"README.md: what is what in {folder}"


def _copy_code(settings: Mapping[str, Any], folder: Path) -> tuple[str, list[str]]:
    """Copy the files of the objective; its reference there, and what is to be told of it."""
    reference = str(settings["objective"])
    code = code_of(reference, settings.get("pythonpath") or ())
    if code is None:
        return reference, [f"no code was copied: {one_line(reference)} is used where it lies"]
    for name in code.digests:
        target = folder / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(code.folders[name] / name, target)
    head, _, function = reference.removeprefix("script:").rpartition(":")
    path = Path(head or function)
    inside = [name for name in code.digests if code.folders[name] / name == path]
    if inside:
        local = f"code/{inside[0]}"
        reference = local if reference.startswith("script:") else f"{local}:{function}"
    return reference, [f"code/: {len(code.digests)} files, as they are now"]


def _copy_checkpoint(layout: Layout, trial_id: int, folder: Path) -> str:
    saved = checkpoint.find(layout.trial(trial_id))
    if not saved:
        return "no checkpoint of it lies there any more, or its code saves none"
    shutil.copytree(saved[0].path, folder / "checkpoint", symlinks=True)
    users = layout.users_files(trial_id)
    if users.is_dir():
        shutil.copytree(users, folder / "checkpoint" / users.name, symlinks=True)
    return f"checkpoint/: as trained to {saved[0].resource}"


def _environment() -> str:
    installed = sorted(
        {f"{one.metadata['Name']}=={one.version}" for one in metadata.distributions()},
        key=str.lower,
    )
    python = f"# Python {platform.python_version()}, {platform.platform()}, hpo {__version__}\n"
    return python + "".join(f"{line}\n" for line in installed)


def _readme(layout: Layout, plan: Plan, best: Mapping[str, Any]) -> str:
    goal = plan.goal
    rows = "".join(
        f"| `{one_line(name)}` | `{one_line(json.dumps(value))}` |\n"
        for name, value in flat(best.get("config") or {}).items()
    )
    return f"""# The best configuration of {one_line(layout.root.name)}

Trial {best["trial_id"]}: {one_line(goal.metric)} = {best["error"]:.6g} at {goal.resource} \
{best.get("resource")}.

| hyperparameter | value |
|---|---|
{rows}
- `config.json`: the configuration.
- `train.sh`: trains it on this machine, with the package `hpo-campaign`; the result comes to
  `run/`. Interrupted, it goes on from its last checkpoint when it is started again.
- `{CONFIGURATION}`: what `train.sh` runs. On a cluster, fill in its section `slurm` and leave out
  `--executor local`.
- `code/`: the objective and what it imports of its project. Data that it reads is not here.
- `checkpoint/`: the trained state of the trial, one file for each object that it saved.
- `environment.txt`: the packages where this folder was made; `pip install -r environment.txt`.
"""
