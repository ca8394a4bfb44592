"""`hpo why` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import NO_SYNC, TRAIN, Project, kill, user_project, wait_until

from hpo.cluster.slurm.accounting import read_usage

HOSTILE = "red \x1b[31m, bell \x07, title \x1b]0;owned\x07"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def why(project: Project, trial: str, *, code: int = 0) -> str:
    before = files(project)
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "why", str(project.output), trial],
        cwd="/",
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert set(before) <= set(files(project))
    return done.stdout + done.stderr


def files(project: Project) -> list[Path]:
    # Without what a manager that lives is just writing under another name.
    return sorted(path for path in project.output.rglob("*") if path.suffix != ".tmp")


def test_a_trial_that_completed(project: Project) -> None:
    project.write(TRAIN).finish()
    printed = why(project, "2")
    assert "offered to epoch 2: a new trial" in printed
    assert "took it, attempt 1 on " in printed
    assert "2 reports of validation_error: first " in printed
    assert "now: it is complete" in printed
    assert "the campaign has ended (all trials ended); no manager runs" in printed
    assert why(project, "trial_2") == printed


def test_for_programs(project: Project) -> None:
    project.write(TRAIN).finish()
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "why", str(project.output), "2", "--json"],
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(done.stdout)
    assert (facts["trial_id"], facts["status"], facts["resource"]) == (2, "completed", 2)
    assert (
        facts["validation_error"]
        == json.loads((project.output / "results/trial_2.json").read_text())["error"]
    )
    assert "a new trial" in facts["steps"][1]["text"] or "a new trial" in facts["steps"][0]["text"]
    assert facts["campaign_ended"] == "all trials ended"


def test_a_trial_that_failed_shows_the_traceback_and_the_log_unarmed(project: Project) -> None:
    body = f"print({HOSTILE!r})\ntrial.report(epoch=1, validation_error=1.0)\n"
    body += f"if trial.trial_id == 1: raise ValueError({HOSTILE!r})" + TRAIN.replace(
        "trial.epochs()", "(2,)"
    )
    project.write(body).finish()
    printed = why(project, "1")
    assert "failed after" in printed
    assert "| ValueError: red \\x1b[31m, bell \\x07" in printed
    assert "the end of " in printed
    assert "> red \\x1b[31m" in printed
    assert "now: it failed (ValueError)" in printed
    assert not {"\x1b", "\x07"} & set(printed)


def test_a_running_trial_its_dead_manager_and_its_lost_job(project: Project) -> None:
    project.write('wait_for("go")' + TRAIN)
    child = project.start()
    wait_until(lambda: project.printed().count("started, job") == 2, "two trials run")
    assert "now: it runs in job local-" in why(project, "0")
    printed = why(project, "3")
    assert "now: it waits for a job; 1 other leg" in printed
    assert f"the manager lives (process {child.pid} on" in printed
    kill(child)
    assert f"the manager is dead (process {child.pid} on" in why(project, "0")
    for path in project.output.glob("jobs/live/*.json"):
        os.kill(json.loads(path.read_text())["pid"], 9)
    project.go()
    project.finish()
    printed = why(project, "0")
    assert "lost (vanished)" in printed
    assert "again, because its job was lost (vanished)" in printed
    assert "took it, attempt 2" in printed


@pytest.mark.parametrize("trial", ["99", "-1", "x", "1; rm", "9" * 40])
def test_no_such_trial(project: Project, trial: str) -> None:
    project.write(TRAIN).finish()
    assert trial in why(project, trial, code=2)


def test_no_such_campaign(project: Project) -> None:
    project.write(TRAIN)
    assert "holds no campaign" in why(project, "0", code=2)


def test_a_line_of_the_journal_that_is_being_written_is_left_alone(project: Project) -> None:
    project.write(TRAIN).finish()
    with (project.output / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "TrialDr')
    assert "now: it is complete" in why(project, "0")
    assert (project.output / "journal.jsonl").read_text().endswith("TrialDr")


class TestAccounting:
    def test_the_lives_of_a_job_are_told_with_what_they_used(self) -> None:
        text = (
            "7_1|PREEMPTED|0:15|62|120|2G||gpu1\n"
            "7_1.batch|CANCELLED|0:15|63|||1024K|gpu1\n"
            "7_1.0|CANCELLED|0:15|63|||1572864K|gpu1\n"
            "7_1|COMPLETED|0:0|3723|120|2G||gpu2\n"
            "8|CANCELLED by 1000|0:0|0|Partition_Limit|4000Mn||None assigned\n"
            "a line of another shape\n"
        )
        assert read_usage(text) == {
            "7_1": [
                "PREEMPTED, exit code 0:15, ran 62 s of 2 h, memory 1.5 GB of 2.0 GB, on gpu1",
                "COMPLETED, ran 1 h 2 min of 2 h, asked for 2.0 GB of memory, on gpu2",
            ],
            "8": ["CANCELLED by 1000, ran 0 s, asked for 3.9 GB of memory"],
        }

    def test_sizes_that_are_no_numbers_are_left_out(self) -> None:
        assert read_usage("7|||x|y|?G||\n7.0|||||  |12345678|\n") == {
            "7": ["no state, memory 12 MB"]
        }
