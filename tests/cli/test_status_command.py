"""`hpo status` as a user types it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from user_project import NO_SYNC, TRAIN, Project, kill, user_project, wait_until

from hpo.folder.files import Layout
from hpo.manager.lock import Holder

# What a command that only looks must not load.
SLOW = ("pandas", "numpy", "scipy", "torch", "matplotlib", "textual", "pydantic", "rich", "optuna")
COUNT = """
import sys
opened = []
def note(event, what):
    if event == "open": opened.append(str(what[0]))
    assert event != "subprocess.Popen", what
    assert not event.startswith(("os.exec", "os.fork", "os.posix_spawn", "socket.connect")), event
from hpo.cli import main
import hpo.cli.status
sys.addaudithook(note)
code = main(sys.argv[1:])
slow = [name for name in {slow!r} if name in sys.modules]
print(code, len([name for name in opened if "/proc" not in name]), slow)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A folder with two campaigns that have ended, and one failure."""
    with user_project(tmp_path_factory.mktemp("home")) as project:
        body = f'if trial.trial_id == 2:\n    raise ValueError("bad [red]value\\x1b[2J")\n{TRAIN}'
        project.write(body, output_dir="hpo_results/old", n_trials=4)
        project.finish()
        project.write(TRAIN, output_dir="hpo_results/new", n_trials=3)
        project.finish("--scheduler", "asha")
        yield project


def status(folder: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "status", *words],
        cwd=folder,
        env=os.environ | NO_SYNC | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def refused(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "hpo", "status", *words]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | NO_SYNC, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_newest_campaign_is_told_where_none_is_named(home: Project) -> None:
    told = status(home.folder)
    assert told.startswith("new  ended: all trials ended after ")
    assert " trials  3: " in told
    assert "hpo_results/new/best_config.json" in told
    assert told == told.replace("\x1b", ""), "plain in a pipe"
    assert status(home.folder, "hpo_results").partition(" after")[0] == told.partition(" after")[0]


def test_failures_name_the_command_that_explains_them(home: Project) -> None:
    told = status(home.folder, "hpo_results/old", COLUMNS="200")
    assert "1 failed" in told
    assert "1 x ValueError (bad [red]value\\x1b[2J)   -> hpo why hpo_results/old 2" in told


def test_a_line_each_for_several(home: Project) -> None:
    told = status(home.folder, "hpo_results/old", "hpo_results/new").splitlines()
    assert [line.split()[0] for line in told] == ["old", "new"]
    assert "4 trials: 1 failed  best 0." in told[0]


def test_json_for_programs(home: Project) -> None:
    told = [json.loads(line) for line in status(home.folder, "--json").splitlines()]
    assert len(told) == 1
    assert told[0]["ended"] == "all trials ended"
    assert told[0]["manager_life"] == "none"
    assert told[0]["folder"] == str(home.folder / "hpo_results/new")


def test_few_files_nothing_slow_and_nobody_asked(home: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(slow=SLOW), "status", "hpo_results/new"],
        cwd=home.folder,
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )
    code, opened, slow = done.stdout.splitlines()[-1].split(maxsplit=2)
    assert (code, slow) == ("0", "[]"), done.stderr
    assert 0 < int(opened) <= 12


def test_a_copy_and_a_campaign_of_an_older_version(home: Project, tmp_path: Path) -> None:
    copy = shutil.copytree(home.folder / "hpo_results" / "old", tmp_path / "copy")
    told = status(tmp_path, "copy", COLUMNS="300")
    assert f"copied from {home.folder}/hpo_results/old" in told
    document = json.loads((copy / "status.json").read_text())
    for name in ("format", "campaign", "manager", "rungs", "incumbent", "best_config", "failures"):
        del document[name]
    (copy / "status.json").write_text(json.dumps(document))
    assert " trials  4: 3 complete  1 failed" in status(tmp_path, "copy")


@pytest.mark.parametrize("text", ["", "{torn", "[]", None])
def test_without_a_status_the_journal_tells(home: Project, tmp_path: Path, text: str) -> None:
    copy = shutil.copytree(home.folder / "hpo_results" / "old", tmp_path / "copy")
    (copy / "status.json").unlink()
    if text is not None:
        (copy / "status.json").write_text(text)
    told = status(tmp_path, "copy", COLUMNS="200")
    assert " trials  4: 3 complete  1 failed" in told
    assert "1 x ValueError" in told
    (copy / "journal.jsonl").write_text("no journal")
    assert status(tmp_path, "copy").startswith("copy  ")


def test_where_there_is_no_campaign(tmp_path: Path) -> None:
    assert "there is no hpo_results here" in refused(tmp_path)
    assert "holds no campaign" in refused(tmp_path, ".")
    assert "holds no campaign" in refused(tmp_path, "nowhere")
    assert "--every 0" in refused(tmp_path, "--every", "0")
    assert "--every" in refused(tmp_path, "--every", "nan")


def test_a_manager_that_was_killed(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        project.write("wait_for('go')\n" + TRAIN, n_trials=3)
        child = project.start()
        document = project.output / "status.json"
        wait_until(lambda: document.exists() and len(running(document)) == 2, "two run")
        told = status(tmp_path, "results", COLUMNS="200")
        assert told.startswith("results  running ")
        assert f", manager process {child.pid} on " in told
        assert " s ago" in told.splitlines()[0]
        kill(child)
        told = status(tmp_path, "results", COLUMNS="200")
        assert told.startswith("results  manager DEAD since ")
        assert "; 2 trials are held by jobs, which go on if they live" in told.splitlines()[0]
        assert f" go on   cd {tmp_path} && hpo run --config search.py" in told
        elsewhere = json.loads((project.output / "manager.json").read_text())
        beat = json.loads(document.read_text())
        beat["manager"] |= {"host": "hal48", "beat": time.time() - 7200.0}
        document.write_text(json.dumps(beat))
        old = Holder(**elsewhere | {"host": "hal48", "since": time.time() - 9000, "job_id": "812"})
        (project.output / "manager.json").write_text(json.dumps(asdict(old)))
        told = status(tmp_path, "results", COLUMNS="200")
        assert told.startswith("results  NO SIGN of its manager since ")
        assert "job 812 on hal48; whether it lives cannot be seen from here: squeue -j 812" in told
        Layout(project.output).lock.unlink()
        assert status(tmp_path, "results").startswith("results  NO MANAGER since ")
        project.go()


def running(document: Path) -> list[object]:
    found: list[object] = json.loads(document.read_text())["running"]
    return found


def test_again_and_again_until_the_end(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        project.write("wait_for('go')\n" + TRAIN, n_trials=2)
        child = project.start()
        wait_until(lambda: (project.output / "campaign.json").exists(), "the campaign")
        command = [sys.executable, "-m", "hpo", "status", "results", "--every", "1"]
        watching = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | NO_SYNC, stdout=subprocess.PIPE, text=True
        )
        time.sleep(2.0)
        project.go()
        assert child.wait(timeout=100) == 0
        told, _ = watching.communicate(timeout=60)
        assert watching.returncode == 0
        assert told.count("results  ") >= 2
        assert "results  ended: all trials ended" in told


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colours_on_a_terminal_unless_somebody_minds(
    home: Project, no_colour: str, coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | NO_SYNC | {"NO_COLOR": no_colour, "TERM": "xterm"}
    command = [sys.executable, "-m", "hpo", "status"]
    done = subprocess.run(command, cwd=home.folder, env=environment, stdout=theirs, check=False)
    os.close(theirs)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert ("\x1b[32m" in told) is coloured


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_whose_campaign_it_is(home: Project, tmp_path: Path) -> None:
    copy = shutil.copytree(home.folder / "hpo_results" / "old", tmp_path / "copy")
    os.chown(copy, 12345, 12345)
    assert "; it belongs to user 12345" in status(tmp_path, "copy", COLUMNS="300")
