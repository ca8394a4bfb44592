"""A disk that is really full, under jobs and under a whole campaign of real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SmallDisk
from histories import make_layout, offer_files, take
from user_project import Project, user_project, wait_until

from hpo import checkpoint
from hpo.folder import offers
from hpo.folder.files import append_line, read_json
from hpo.folder.patience import Patience, StorageTrouble
from hpo.folder.reports import read_reports
from hpo.job.leg import finish_leg, run_leg
from hpo.job.orders import LegSettings, Surroundings
from hpo.record.goal import Goal
from hpo.trial.trial import Trial

NO_PATIENCE = Patience(report_s=0.0, result_s=0.0)
SETTINGS = LegSettings("c", "tests:objective", [], Goal("loss"), 1, 30.0)


def make_trial(folder: Path, **settings: Any) -> Trial:
    return Trial(
        trial_id=0, config={}, folder=folder, attempt=0, metric="loss", target=9, **settings
    )


class TestReports:
    def test_a_line_that_did_not_fit_leaves_nothing_for_the_next_to_run_into(
        self, small_disk: SmallDisk
    ) -> None:
        path = small_disk.root / "reports-a0.jsonl"
        append_line(path, json.dumps({"epoch": 1}))
        small_disk.fill()
        with pytest.raises(OSError, match="No space left"):
            append_line(path, json.dumps({"epoch": 2, "text": "x" * 10**6}))
        small_disk.make_room()
        append_line(path, json.dumps({"epoch": 2}))
        assert path.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'

    def test_a_line_torn_by_a_dead_job_does_not_swallow_the_next(self, tmp_path: Path) -> None:
        path = tmp_path / "reports-a0.jsonl"
        path.write_text('{"epoch": 1}\n{"epo')
        append_line(path, json.dumps({"epoch": 2}))
        assert [report["epoch"] for report in read_reports(tmp_path)] == [1, 2]

    @pytest.mark.parametrize("line", ["", "{", "[" * 10**5, "5", "\x00\x00", '{"epoch": "two"}'])
    def test_a_damaged_line_is_skipped(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "reports-a0.jsonl").write_text(f'{{"epoch": 1}}\n{line}\n{{"epoch": 3}}\n')
        found = read_reports(tmp_path, resource_attr="epoch")
        assert [report["epoch"] for report in found] == [1, 3]


class TestCheckpoints:
    def test_training_goes_on_without_a_checkpoint_and_the_one_before_stays(
        self, small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
    ) -> None:
        trial = make_trial(small_disk.root / "trial")
        state: dict[str, Any] = {"epoch": 0, "weights": "x" * 300_000}
        trial.restore(state=state)
        for epoch in (1, 2, 3):
            state["epoch"] = epoch
            if epoch == 2:
                state["weights"] = "x" * 1_800_000  # fits by itself, but not beside the other
            trial.report(epoch=epoch, loss=1.0)
            if epoch == 2:
                assert [c.resource for c in checkpoint.find(trial._folder)] == [1]
                state["weights"] = "x"
        assert "no checkpoint at epoch 2" in caplog.text
        assert [c.resource for c in checkpoint.find(trial._folder)] == [3, 1]
        assert not list((trial._folder / "checkpoint").glob(".new*"))

    def test_what_must_be_saved_ends_the_leg_and_not_the_trial(self, small_disk: SmallDisk) -> None:
        trial = make_trial(
            small_disk.root / "trial", asked_to_leave=lambda: True, patience=NO_PATIENCE
        )
        trial.restore(state={"weights": "x" * 3_000_000})
        with pytest.raises(StorageTrouble, match="the checkpoint"):
            trial.report(epoch=1, loss=1.0)


class TestLegs:
    @pytest.mark.parametrize("step", ["start", "report", "users own", "result"])
    def test_a_leg_that_cannot_write_is_no_failed_trial(
        self, small_disk: SmallDisk, step: str
    ) -> None:
        layout = make_layout(small_disk.root)
        offer_files(layout, 0)
        claim = take(layout, "7")
        offer = read_json(layout.claims / claim.name)
        assert offer is not None

        def objective(config: dict[str, Any], trial: Trial) -> None:
            if step == "report":
                small_disk.fill()
            if step == "users own":
                (small_disk.root / "mine").write_text("x" * 3_000_000)
            trial.report(epoch=9, loss=0.5)
            if step == "result":
                small_disk.fill()

        if step == "start":
            small_disk.fill()
        here = Surroundings("7", "host", time.time, patience=NO_PATIENCE)
        with pytest.raises(StorageTrouble):
            finish_leg(
                layout,
                run_leg(layout, claim, offer, lambda: objective, SETTINGS, here),
                NO_PATIENCE,
            )
        assert offers.is_held(layout, claim)
        assert list(layout.results.iterdir()) == []


TRAIN = """
state = {"epoch": 0}
trial.restore(state=state)
for epoch in trial.epochs():
    time.sleep(0.3)
    print("a line of the user's own")
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
SPACE = '{"lr": loguniform(1e-4, 1.0), "max_epochs": 8}'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def test_a_campaign_on_a_disk_that_fills_up_and_is_freed_runs_every_trial_once(
    project: Project, small_disk: SmallDisk
) -> None:
    project.write(TRAIN, space=SPACE, output_dir=str(small_disk.root / "c"), n_trials=6)
    manager = project.start()
    live = project.output / "jobs" / "live"
    wait_until(lambda: len(list(live.glob("[!.]*.json"))) == 2, "two jobs start")
    small_disk.fill()  # before they have taken their trials
    time.sleep(6.0)
    small_disk.make_room()
    wait_until(lambda: sum(project.started().values()) >= 4, "others run")
    small_disk.fill()
    time.sleep(6.0)
    assert manager.poll() is None
    small_disk.make_room()
    assert manager.wait(timeout=120) == 0, project.printed()
    assert project.started() == Counter(range(6))
    assert [project.result(i)["status"] for i in range(6)] == ["completed"] * 6
    assert [len(project.result(i)["reports"]) for i in range(6)] == [8] * 6
    assert project.final()["n_completed"] == 6
    assert project.final()["lost_legs"] == 0
    printed = project.printed()
    assert "Traceback" not in printed
    assert "Logging error" not in printed
    assert printed.count("the campaign's files cannot be used") <= 2
    logs = "".join(path.read_text() for path in (project.output / "jobs").glob("*.out"))
    assert "Traceback" not in logs


def test_a_campaign_started_on_a_full_disk_says_so(project: Project, small_disk: SmallDisk) -> None:
    project.write(output_dir=str(small_disk.root / "c"))
    small_disk.fill()
    done = project.run()
    assert done.returncode == 75, done.stdout + done.stderr
    assert "No space left on device" in done.stdout + done.stderr
    small_disk.make_room()
    project.finish()


def test_a_job_whose_log_lies_on_a_full_disk_may_print(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    program = (
        "import logging, sys\n"
        "from hpo.folder.full_disk_output import QuietStreamHandler, protect_standard_output\n"
        "protect_standard_output()\n"
        "logging.basicConfig(level=logging.INFO, handlers=[QuietStreamHandler(sys.stdout)])\n"
        "sys.stdin.readline()\n"
        "for i in range(1000): print('x' * 1000); logging.info('y' * 1000)\n"
        "sys.stdin.readline()\n"
        "print('room again', flush=True)\n"
    )
    log = small_disk.root / "job.out"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-u", "-c", program],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    assert child.stdin is not None
    small_disk.fill()
    child.stdin.write(b"\n")
    child.stdin.flush()
    time.sleep(1.5)
    small_disk.make_room()
    child.stdin.write(b"\n")
    child.stdin.close()
    assert child.wait(timeout=30) == 0
    assert "Traceback" not in log.read_text()
    assert log.read_text().endswith("room again\n")
