"""Users' training scripts, and how a job runs one."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from hpo.trial.objective import call, load_objective
from hpo.trial.script.objective import ScriptObjective
from hpo.trial.trial import Trial

Write = Callable[..., Path]

# As the d2l chapter has it, with hpo's Reporter.
TRAIN = """
from argparse import ArgumentParser
from hpo import Reporter

if __name__ == '__main__':
    parser = ArgumentParser()
    parser.add_argument('--max_epochs', type=int, default=16)
    parser.add_argument('--learning_rate', type=float, default=1e-3)
    parser.add_argument('--batch_size', type=int, default=16)
    args, _ = parser.parse_known_args()
    report = Reporter()
    for epoch in range(1, args.max_epochs + 1):
        print('training epoch', epoch)
        report(epoch=epoch, validation_error=args.learning_rate / epoch)
    print('the script is done')
"""
CONFIG = {"learning_rate": 0.1, "batch_size": 64, "max_epochs": 3}


def writer(folder: Path) -> Write:
    def write(code: str, name: str = "train_script.py") -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return path

    return write


def make_trial(tmp_path: Path, **changes: Any) -> Trial:
    usual: dict[str, Any] = {"trial_id": 3, "config": CONFIG, "attempt": 0}
    return Trial(**(usual | {"folder": tmp_path / "trial_3"} | changes))


def run(script: Path, trial: Trial, pattern: str | None = None, grace_s: float = 5.0) -> None:
    found = load_objective(f"script:{script}", pattern)
    assert isinstance(found, ScriptObjective)
    call(ScriptObjective(found.path, pattern, found.takes_checkpoint_dir, grace_s), trial)


def epochs(trial: Trial) -> list[int]:
    return [line["epoch"] for line in trial.history]


def is_gone(pid: int) -> bool:
    """Whether a process ended; one that nobody waits for in this container is a zombie."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
