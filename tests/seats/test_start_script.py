"""How SLURM's jobs start, run by a real bash: a batch script, what it reads, and failed starts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.folder import starts
from hpo.folder.files import Layout
from hpo.seats import start_script
from hpo.seats.start_script import Start, batch_command

NODE, JOB = "gpu2", "7_3"
PYTHON = """#!/bin/sh
case "$1" in
  -c) exit 0 ;;
esac
case "$3" in
  check) echo "failures: $HPO_FAILURES" >&2; [ -z "$MISSING" ] || { echo "no $MISSING"; exit 1; } ;;
  seat) echo "runs $0 $4 A=$A"; rm -f "$HPO_START_MARK" ;;
esac
"""


class Job:
    """A campaign's folder with a space and a quote in its name, and one job that starts in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout(folder / "it's a campaign")
        self.layout.create()
        self.own = self.python("own python")
        (folder / "start.py").touch()
        self.start = Start(
            str(self.layout.root), str(folder / "start.py"), (), None, str(self.own), str(folder)
        )

    def python(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PYTHON)
        path.chmod(0o755)
        return path

    def setup(self, *lines: str, strict: bool = True) -> None:
        self.start = replace(self.start, env_setup=lines, strict=strict)
        starts.publish_start(self.layout, self.start.text())

    def begin(self, **environment: str) -> subprocess.Popen[str]:
        script = self.folder / "slurm_script"
        script.write_text(f"#!/bin/bash\n{batch_command(str(self.layout.jobs))}\n")
        of_slurm = {"SLURMD_NODENAME": NODE, "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
        return subprocess.Popen(
            ["bash", str(script)],
            env=os.environ | of_slurm | {"SLURM_JOB_ID": "10"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, **environment: str) -> tuple[int, str]:
        child = self.begin(**environment)
        printed, _ = child.communicate(timeout=60)
        return child.returncode, printed

    def failed(self) -> list[starts.FailedStart]:
        return starts.failed(self.layout)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(start_script, "FIRST_PAUSE_S", 0)
    return Job(tmp_path)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lines_choose_the_python_and_may_span_several(job: Job) -> None:
    chosen = job.python("env/python")
    lines = (
        f'export PATH="{chosen.parent}:$PATH"',
        "if true; then",
        "  export A='x y'",
        "fi",
        "case $A in\n  x*) A=$A! ;;\nesac",
        "f() { false; true; }",
        "f",
        '[ "$A" = other ] && exit 1',
        "set -eu",
    )
    job.setup(*lines)
    code, printed = job.run()
    assert (code, printed) == (0, f"failures: \nruns {chosen} {job.layout.root} A=x y!\n")
    assert job.failed() == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no_such_command", "exit code 127"),
        ("source /no/such/activate", "exit code 1"),
        ("f() { return 5; }; f", "exit code 5"),
        ("(exit 3)", "exit code 3"),
        ("exit 4", "the shell ended, exit code 4"),
        ('[ "$SLURMD_NODENAME" = gpu2 ] && exit 1', "the shell ended, exit code 1"),
        ("set -u; echo $NOT_SET", "the shell ended, exit code 1"),
    ],
)
def test_a_line_that_fails_is_told_with_its_number_and_tried_again(
    job: Job, line: str, why: str
) -> None:
    job.setup("export A=$A.", f"[ -e '{job.folder}/mended' ] || {{\n{line}\n}}")
    child = job.begin()
    until(lambda: job.failed() and job.failed()[0].tries > 2)
    (told,) = job.failed()
    assert (told.node, told.job_id, told.kind) == (NODE, JOB, "env_setup")
    assert told.why == f"line 3 of env_setup, {line}: {why}"
    (job.folder / "mended").touch()
    printed, _ = child.communicate(timeout=60)
    assert child.returncode == 0, printed
    # As it was before the lines, however often they were tried.
    assert printed.splitlines()[-1].endswith(" A=.")
    assert job.failed() == []


def test_edited_lines_reach_a_job_that_tries_to_start(job: Job) -> None:
    job.setup("no_such_command")
    child = job.begin()
    until(job.failed)
    job.setup("export A=edited")
    printed, _ = child.communicate(timeout=60)
    assert printed.endswith("A=edited\n")
    assert child.returncode == 0


def test_where_lines_may_fail_the_first_job_tells_which_did(job: Job) -> None:
    job.setup("no_such_command", "true", "(exit 3)", strict=False)
    code, printed = job.run()
    assert code == 0
    assert (
        "failures: line 1 of env_setup, no_such_command: exit code 127; "
        "line 3 of env_setup, (exit 3): exit code 3" in printed
    )


def test_a_python_that_is_away_is_waited_for(job: Job) -> None:
    job.setup()
    job.own.rename(job.folder / "away")
    child = job.begin()
    until(job.failed)
    assert job.failed()[0].why == f"the Python of the jobs is not there: {job.own}"
    (job.folder / "away").rename(job.own)
    child.communicate(timeout=60)
    assert child.returncode == 0


def test_what_the_first_job_cannot_import_is_a_failed_start(job: Job) -> None:
    job.setup()
    child = job.begin(MISSING="torch")
    until(job.failed)
    assert (job.failed()[0].kind, job.failed()[0].why) == ("imports", "no torch")
    child.kill()
    child.communicate()


def test_a_start_that_fails_too_long_ends_the_job(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_script, "PATIENCE_S", 0)
    job.setup("false")
    code, printed = job.run()
    assert code == 1
    assert "this job ends: it could not start" in printed


@pytest.mark.parametrize("name", ["leave", "stop.json"])
def test_a_campaign_that_stops_takes_its_jobs_with_it(job: Job, name: str) -> None:
    job.setup("false")
    (job.layout.root / name).touch()
    assert job.run()[0] == 0
    assert job.failed() == []


def test_on_a_node_that_is_left_a_job_goes_back_into_the_queue(job: Job) -> None:
    scontrol = job.folder / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f"#!/bin/sh\necho $* >> '{job.folder}/asked'\nexit 1\n")
    scontrol.chmod(0o755)
    job.setup("false")
    starts.publish_leave(job.layout, ["gpu1", NODE])
    code, _ = job.run(PATH=f"{scontrol.parent}:{os.environ['PATH']}")
    assert code == 1  # as it was not allowed to
    assert (job.folder / "asked").read_text() == "requeue 10\n"


def test_half_a_start_script_is_not_run(job: Job) -> None:
    job.setup("export A=whole")
    whole = job.layout.start_script.read_text()
    job.layout.start_script.write_text(whole[: whole.index("hpo_words=(")])
    child = job.begin()
    time.sleep(0.3)
    assert child.poll() is None
    job.layout.start_script.write_text(whole)
    printed, _ = child.communicate(timeout=60)
    assert printed.endswith("A=whole\n")
