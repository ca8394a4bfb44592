"""A trial that saves longer than it trains says so once, with the setting to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.trial.saving_time import LONG_S, SavingTime
from hpo.trial.trial import Trial


def after(saves: int, each_s: float, *, every: int = 1) -> SavingTime:
    saving = SavingTime()
    for number in range(1, saves + 1):
        saving.add(each_s, number * every)
    return saving


def test_it_names_an_interval_with_which_saving_takes_a_tenth() -> None:
    # Ten epochs of 1 s, each saved in 4 s: every 40th is a tenth.
    told = after(10, 4.0).complaint(50.0, 1, "epoch")
    assert told is not None
    assert told.startswith("saving takes longer than training, 40 of 50 s")
    assert "`checkpoint_interval: 40` (now 1; in epochs)" in told


def test_it_is_said_once() -> None:
    saving = after(10, 4.0)
    assert saving.complaint(50.0, 1, "epoch")
    assert saving.complaint(50.0, 1, "epoch") is None


@pytest.mark.parametrize(
    ("saves", "each_s", "passed_s", "interval"),
    [(10, 4.0, 81.0, 1), (10, LONG_S / 11, 25.0, 1), (2, 40.0, 81.0, 1), (10, 4.0, 50.0, 0)],
)
def test_it_is_not_said_of_little(
    saves: int, each_s: float, passed_s: float, interval: int
) -> None:
    assert after(saves, each_s).complaint(passed_s, interval, "epoch") is None


def test_a_trial_tells_its_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 10_000, 8))  # each look at the clock is 8 s later
    monkeypatch.setattr("hpo.trial.trial.time.monotonic", lambda: float(next(ticks)))
    told: list[str] = []
    trial = Trial(
        trial_id=3,
        config={},
        folder=tmp_path,
        attempt=0,
        target=5,
        clock=lambda: 30.0,
        remark=told.append,
    )
    trial._started = 0.0
    trial.restore(state={"epoch": 0})
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=1.0)
    assert len(told) == 1
    assert told[0].startswith("trial 3: saving takes longer than training, 24 of 30 s")
