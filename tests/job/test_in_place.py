"""A trial that is promoted while its process is still there: it goes on, or starts again right."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from seat_runs import JOB, SeatRun
from user_project import wait_until

from hpo.folder import offers
from hpo.folder.offers import Leg
from hpo.trial.epochs import Epochs

CONTENT = {"config": {"x": 1.0, "max_epochs": 9}, "final": False}
TRAIN = """
def objective(config, trial):
    time.sleep(1.0)  # what a fresh start costs
    state = {"n": 0}
    SAVE
    for epoch in EPOCHS:
        state["n"] += 1
        with (HERE / "epochs.txt").open("a") as file:
            print(epoch, state["n"], trial.attempt, os.getpid(), file=file)
        trial.report(epoch=epoch, loss=1 / epoch)
    (HERE / "returned").touch()
"""
SAVE, FILES = "trial.restore(state=state)", "trial.checkpoint_dir"
LIVE, BY_ITSELF = "trial.epochs()", 'range(trial.resource + 1, config["max_epochs"] + 1)'
BEFOREHAND = "list(trial.epochs())"


def seat_of(folder: Path, epochs: str, save: str, **settings: Any) -> SeatRun:
    body = TRAIN.replace("EPOCHS", epochs).replace("SAVE", save)
    seat = SeatRun(folder, body, {"claim_timeout": 10.0, "trials_per_job": 2} | settings)
    offers.publish_offers(seat.layout, [(Leg(0, 0, 0), {"target": 1} | CONTENT)])
    return seat


def promote(seat: SeatRun, rung: int, target: int, *, final: bool = False, at: int = 0) -> None:
    """What the manager does when the leg below has ended: offer first, then take its claim away."""
    done = Leg(0, rung - 1, at, JOB, done=True)
    wait_until(lambda: done in offers.list_legs(seat.layout.claims), f"rung {rung - 1} is done")
    content = CONTENT | {"target": target, "final": final}
    offers.publish_offers(seat.layout, [(Leg(0, rung, at + 1), content)])
    offers.discard(seat.layout.claims, done)


def trained(seat: SeatRun) -> list[tuple[int, ...]]:
    """(epoch, steps, attempt) of each epoch; and the processes that trained, by number."""
    lines = (seat.folder / "epochs.txt").read_text().splitlines()
    rows = [tuple(map(int, line.split())) for line in lines]
    pids = list(dict.fromkeys(row[3] for row in rows))
    return [(*row[:3], pids.index(row[3])) for row in rows]


@pytest.mark.parametrize(("epochs", "process"), [(LIVE, "fork"), (BY_ITSELF, "same")])
def test_it_goes_on_in_its_process_to_the_end(tmp_path: Path, epochs: str, process: str) -> None:
    seat = seat_of(tmp_path, epochs, SAVE, trial_process=process, trials_per_job=3)
    job = seat.start()
    promote(seat, 1, 3)
    promote(seat, 2, 9, final=True, at=1)
    printed, _ = job.communicate(timeout=60)
    assert trained(seat) == [
        *((1, 1, 0, 0), (2, 2, 1, 0), (3, 3, 1, 0)),
        *((epoch, epoch, 2, 0) for epoch in range(4, 10)),
    ]
    assert "trial 0 goes on in place, to 9" in printed
    statuses = [seat.result(0, attempt)["status"] for attempt in range(3)]
    assert statuses == ["paused", "paused", "completed"]
    assert [len(seat.result(0, attempt)["reports"]) for attempt in range(3)] == [1, 3, 9]
    spent = [seat.result(0, attempt)["additional_info"]["training_time"] for attempt in range(3)]
    assert min(spent) >= 1.0  # of all legs so far
    names = {path.name for path in (seat.layout.trial(0) / "checkpoint").glob("epoch_*")}
    assert "epoch_9-a2" in names
    assert "this job ends after 3 legs" in printed
    assert (tmp_path / "returned").exists()


def test_the_job_keeps_its_name_which_tells_the_trial_already(tmp_path: Path) -> None:
    names, scontrol = tmp_path / "names.txt", tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {names}\n')
    scontrol.chmod(0o755)
    path = f"{scontrol.parent}{os.pathsep}{os.environ['PATH']}"
    seat = seat_of(tmp_path, LIVE, SAVE)
    job = seat.start(HPO_JOB_ID="", SLURM_JOB_ID=JOB, PATH=path)
    promote(seat, 1, 3, final=True)
    printed, _ = job.communicate(timeout=60)
    assert "trial 0 goes on in place, to 3" in printed
    assert names.read_text().splitlines() == [f"update jobid={JOB} name=trial_0.test"]


def test_what_had_read_its_end_beforehand_starts_again_from_its_checkpoint(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, BEFOREHAND, SAVE)
    job = seat.start()
    promote(seat, 1, 3, final=True)
    job.communicate(timeout=60)
    assert [row[:3] for row in trained(seat)] == [(1, 1, 0), (2, 2, 1), (3, 3, 1)]
    assert seat.result(0, 1)["status"] == "completed"


def test_a_trial_that_saves_nothing_is_spared_its_first_epochs(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, LIVE, "pass")
    job = seat.start()
    promote(seat, 1, 3, final=True)
    job.communicate(timeout=60)
    assert [row[:3] for row in trained(seat)] == [(1, 1, 0), (2, 2, 1), (3, 3, 1)]


def test_one_that_saves_files_of_its_own_ends_its_leg_first(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, LIVE, FILES)
    job = seat.start()
    promote(seat, 1, 3, final=True)
    job.communicate(timeout=60)
    # It restores nothing, and so begins at 1, in a process of its own.
    assert trained(seat) == [(1, 1, 0, 0), (1, 1, 1, 1), (2, 2, 1, 1), (3, 3, 1, 1)]


def test_without_a_promotion_it_pauses_and_the_seat_takes_something_else(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, LIVE, SAVE)
    offers.publish_offers(seat.layout, [(Leg(1, 0, 0), {"target": 1} | CONTENT)])
    job = seat.start()
    done = Leg(0, 0, 0, JOB, done=True)
    wait_until(lambda: done in offers.list_legs(seat.layout.claims), "its leg is done")
    offers.discard(seat.layout.claims, done)
    start = time.monotonic()
    wait_until(lambda: (seat.layout.trial(1) / "attempt-a0.json").exists(), "another trial begins")
    assert time.monotonic() - start < 0.9  # it does not wait for what was decided already
    job.communicate(timeout=60)
    assert not (tmp_path / "returned").exists()
    assert [row[0] for row in trained(seat)] == [1, 1]


def test_a_better_offer_goes_first(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, LIVE, SAVE, trials_per_job=3)
    better = Leg(7, 2, 2)
    job = seat.start()
    wait_until(lambda: (seat.layout.trial(0) / "attempt-a0.json").exists(), "it trains")
    content = {"target": 9, "final": True, "config": {"x": 2.0, "max_epochs": 9}}
    offers.publish_offers(seat.layout, [(better, content)])
    promote(seat, 1, 3, final=True)
    printed, _ = job.communicate(timeout=60)
    assert printed.index("trial 7, attempt 2") < printed.index("trial 0, attempt 1")


def test_the_last_leg_of_a_seat_ends_as_any_other(tmp_path: Path) -> None:
    seat = seat_of(tmp_path, LIVE, SAVE, trials_per_job=1, claim_timeout=60.0)
    seat.run()
    assert seat.result(0)["status"] == "paused"
    assert "goes_on" not in seat.result(0)


class TestEpochs:
    def test_they_look_like_the_range_of_the_leg(self) -> None:
        epochs = Epochs(2, lambda: 4)
        assert (len(epochs), epochs[0], epochs[-1], epochs[1:]) == (3, 2, 4, range(3, 5))
        assert list(epochs) == [2, 3, 4]
        assert list(reversed(epochs)) == [4, 3, 2]
        assert epochs == range(2, 5) == epochs
        assert repr(epochs) == "range(2, 5)"
        assert 3 in epochs
        assert 5 not in epochs

    def test_a_loop_goes_on_as_far_as_the_trial_does(self) -> None:
        last = 2
        seen = []

        def end() -> int:
            return last

        for epoch in Epochs(1, end):
            seen.append(epoch)
            if epoch == 2:
                last = 4
        assert seen == [1, 2, 3, 4]
