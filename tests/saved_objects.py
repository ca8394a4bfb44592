"""A user's objects, saved by one attempt of a trial and restored by the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpo.trial.trial import Trial


def make_trial(folder: Path, attempt: int = 0) -> Trial:
    return Trial(trial_id=17, config={}, folder=folder, attempt=attempt, target=9)


def save(folder: Path, **objects: Any) -> None:
    trial = make_trial(folder)
    trial.restore(**objects)
    trial.report(epoch=1, validation_error=0.5)


def restore(folder: Path, **objects: Any) -> None:
    assert make_trial(folder, attempt=1).restore(**objects) == 1
