"""Modules that trials load on their way, and a seat that then has them for the trials to come."""

from __future__ import annotations

from pathlib import Path

import pytest
from seat_runs import SeatRun

LAZY = """
import lib
def objective(config, trial):
    import lib.part
    (HERE / f"trial-{trial.trial_id}").write_text(f"{os.getppid()} {lib.part.LOADED_BY}")
    trial.report(loss=1.0)
"""
NOTED = """
import os
LOADED_BY = os.getpid()
with open({path!r}, "a") as file:
    file.write("loaded\\n")
"""


def seat_with(folder: Path, part: str, **settings: object) -> SeatRun:
    (folder / "lib").mkdir()
    (folder / "lib" / "__init__.py").write_text("")
    noted = NOTED.format(path=str(folder / "loads.txt"))
    (folder / "lib" / "part.py").write_text(noted + part)
    return SeatRun(folder, LAZY, dict(settings))


def loads(folder: Path) -> int:
    return len((folder / "loads.txt").read_text().splitlines())


def test_later_trials_find_loaded_what_the_first_one_needed(tmp_path: Path) -> None:
    seat = seat_with(tmp_path, "")
    seat.offer(5)
    printed = seat.run()
    # The first trial, the try in a fork, and the seat itself.
    assert loads(tmp_path) == 3
    seat_pid, loaded_by = (tmp_path / "trial-4").read_text().split()
    assert loaded_by == seat_pid
    assert "modules for the trials to come" in printed


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            "threads",
        ),
        ("import jax", "jax does not work in forked processes"),
    ],
)
def test_what_would_make_forks_unsafe_is_left_to_the_trials(
    tmp_path: Path, part: str, why: str
) -> None:
    (tmp_path / "jax.py").write_text("")
    seat = seat_with(tmp_path, part)
    seat.offer(4)
    printed = seat.run()
    assert loads(tmp_path) == 5  # each trial, and the try
    assert why in printed
    assert "fresh interpreter" not in printed


def test_a_module_that_only_a_trial_can_load_harms_nobody(tmp_path: Path) -> None:
    seat = seat_with(tmp_path, "assert 'READY' in os.environ")
    train = tmp_path / "train.py"
    train.write_text(
        train.read_text().replace("    import", "    os.environ['READY'] = '1'\n    import")
    )
    seat.offer(3)
    seat.run()
    assert [seat.result(i)["status"] for i in range(3)] == ["completed"] * 3


def test_few_trials_to_come_are_not_worth_it(tmp_path: Path) -> None:
    seat = seat_with(tmp_path, "", trials_per_job=3)
    seat.offer(3)
    seat.run()
    assert loads(tmp_path) == 3  # by each trial
