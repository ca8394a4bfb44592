"""`run_trial.py DIR --trial N`: one trial again, on this terminal, and the campaign untouched."""

from __future__ import annotations

import hashlib
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import NO_SYNC, ROOT, TIMEOUT_S, Project, user_project

SPACE = '{"lr": [0.1, 0.2, 0.3, 0.4], "max_epochs": 4}'
TRAIN = """
state = {"epoch": 0}
trial.restore(state=state)
note("from.txt", f"{trial.trial_id} {state['epoch']}")
for epoch in trial.epochs():
    if trial.trial_id == 1 and epoch == 3 and not (HERE / "mended").exists():
        raise ValueError("too hot")
    if (HERE / "stop here").exists():
        breakpoint()
    state["epoch"] = epoch
    noise = 0.01 if (HERE / "noise").exists() and epoch == 4 else 0.0
    trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch + noise)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        project.write(TRAIN, space=SPACE, n_trials=2)
        project.finish()
        yield project


def words(project: Project, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / "run_trial.py"), str(project.output), *options]


def run_trial(project: Project, *options: str) -> subprocess.CompletedProcess[str]:
    """From another folder than the campaign was started in."""
    before = files(project)
    done = subprocess.run(
        words(project, *options),
        cwd="/",
        env=os.environ | NO_SYNC | {"TMPDIR": str(project.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert files(project) == before
    assert not list(project.folder.glob("hpo_trial_*"))
    return done


def files(project: Project) -> dict[str, str]:
    """All of the campaign, byte for byte."""
    found = sorted(path for path in project.output.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_a_failure_is_seen_again_from_the_checkpoint_and_is_gone_once_mended(
    project: Project,
) -> None:
    done = run_trial(project, "--trial", "1")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ValueError: too hot")
    assert "trial 1 from its checkpoint at epoch 2 to epoch 4" in done.stdout
    assert "here: its code raised an exception without a report" in done.stdout
    assert "in the campaign: failed (ValueError), reports up to epoch 2" in done.stdout
    (project.folder / "mended").touch()
    done = run_trial(project, "--trial", "1")
    assert done.returncode == 0, done.stderr
    assert "epoch=4  validation_error=" in done.stdout
    assert "here: its code returned after epoch 4" in done.stdout
    assert project.notes("from.txt").count("1 2") == 2


def test_a_complete_trial_runs_from_the_start_and_is_compared(project: Project) -> None:
    done = run_trial(project, "--trial", "0")
    assert done.returncode == 2 or "from the start" in done.stdout
    done = run_trial(project, "--trial", "0", "--from-start")
    assert done.returncode == 0, done.stderr
    assert "all 4 reports that both have show the same validation_error" in done.stdout
    (project.folder / "noise").touch()
    done = run_trial(project, "--trial", "0", "--from-start")
    assert "1 of the 4 reports that both have differ, from epoch 4 on" in done.stdout


def test_a_debugger_has_the_terminal(project: Project) -> None:
    (project.folder / "stop here").touch()
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        words(project, "--trial", "0", "--from-start"),
        cwd="/",
        env=os.environ | NO_SYNC,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    seen = b""
    asked = False
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # its end closed
            break
        if not chunk:
            break
        seen += chunk
        if b"(Pdb) " in seen and not asked:
            os.write(ours, b"p 6 * trial.trial_id + 42\nq\n")
            asked = True
    os.close(ours)
    assert child.wait(timeout=TIMEOUT_S) == 1
    assert b"42" in seen.partition(b"(Pdb) ")[2]
    assert b"BdbQuit" in seen


def test_what_cannot_be_run_is_told(project: Project) -> None:
    done = run_trial(project, "--trial", "7")
    assert done.returncode == 2
    assert "no trial 7 in" in done.stderr
    done = run_trial(project, "--from-start")
    assert done.returncode == 2
    assert "--from-start goes with --trial" in done.stderr


def test_a_script_is_run_by_its_command(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        (tmp_path / "train.py").write_text(
            "import sys\n"
            "for epoch in (1, 2):\n"
            "    print(f'epoch {epoch} loss {1 / epoch}', flush=True)\n"
        )
        project.write(
            "pass",
            space='{"lr": [0.1, 0.2], "max_epochs": 2}',
            n_trials=1,
            entry_point="train.py",
            metric="loss",
            metric_pattern=r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)",
        )
        text = (tmp_path / "search.py").read_text().partition("def objective")[0]
        (tmp_path / "search.py").write_text(text)
        project.finish()
        done = run_trial(project, "--trial", "0", "--from-start")
        assert done.returncode == 0, done.stderr
        assert "all 2 reports that both have show the same loss" in done.stdout
