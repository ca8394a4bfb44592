"""What was started from Python: it lives on alone, is come back to, stopped, shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psutil
import pytest
from user_project import NO_SYNC

import hpo
from hpo.api.run import started_file
from hpo.errors import CampaignLockedError, SettingsError
from hpo.folder.files import publish_json

TRAINING = """
import os, time

def objective(config, trial):
    for epoch in trial.epochs():
        while not os.path.exists("go") and not os.path.exists(f"go{trial.trial_id}"):
            time.sleep(0.02)
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
BUILD = """
import hpo

campaign = hpo.Campaign(
    "waiting.py:objective", space={"lr": hpo.loguniform(1e-4, 1.0), "max_epochs": 2},
    n_trials=3, max_concurrent_jobs=2, output_dir="out", claim_timeout=5,
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    for name, value in NO_SYNC.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "waiting.py").write_text(TRAINING)
    yield tmp_path
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] == str(tmp_path) and process.pid != os.getpid():
            process.kill()


def python(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A program of the user's, from beginning to end."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD + textwrap.dedent(text)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def statuses(run: hpo.Run) -> list[str]:
    return sorted(run.results.trials.status)


def campaign() -> hpo.Campaign:
    space: dict[str, Any] = {"lr": hpo.loguniform(1e-4, 1.0), "max_epochs": 2}
    return hpo.Campaign(
        "waiting.py:objective",
        space=space,
        n_trials=3,
        max_concurrent_jobs=2,
        output_dir="out",
        claim_timeout=5,
    )


def test_it_outlives_the_program_that_started_it_and_is_come_back_to(folder: Path) -> None:
    done = python("run = campaign.submit(executor='local')\nprint(run)", folder)
    assert "its manager is starting" in done.stdout or "running" in done.stdout
    run = hpo.attach("out")
    assert run.is_managed
    with pytest.raises(TimeoutError, match=r"after 0.2 s"):
        run.wait(timeout=0.2)
    with pytest.raises(CampaignLockedError, match="goes on already: "):
        campaign().submit(executor="local")
    (folder / "go").touch()
    assert run.wait(timeout=100) is run
    assert statuses(run) == ["completed"] * 3
    assert "ended: all trials ended" in repr(run)
    assert not run.is_managed


def test_stop_and_go_on(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = campaign().submit(executor="local")
    wait_until(lambda: len(list(folder.glob("out/claims/*"))) == 2, "two trials run")
    run.stop("now")
    assert "what runs saves and leaves at its next report" in capfd.readouterr().out
    (folder / "go").touch()
    run.wait(timeout=100)
    assert "ended: stopped by the user" in repr(run)
    run = campaign().run(executor="local")
    assert statuses(run) == ["completed"] * 3
    assert "campaign ended: all trials ended" in capfd.readouterr().out
    with pytest.raises(SettingsError, match="must be 'drain', 'now' or 'kill'"):
        run.stop("gently")  # type: ignore[arg-type]


def test_an_interrupted_run_lets_its_trials_go_on(folder: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", BUILD + "campaign.run(executor='local')"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len(list(folder.glob("out/claims/*"))) == 2, "two trials run")
    program.send_signal(signal.SIGINT)  # of the program alone, as a notebook may do it
    _, err = program.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    run = hpo.attach("out")
    assert not run.is_managed
    assert "NO MANAGER" in repr(run)
    assert repr(run).endswith("--executor local")
    (folder / "go").touch()
    assert statuses(campaign().run(executor="local")) == ["completed"] * 3


def test_a_manager_that_cannot_begin_says_why(folder: Path) -> None:
    run = campaign().submit(executor="local")
    wait_until(lambda: list(folder.glob("out/claims/*")), "it runs")
    run.stop("kill")
    run.wait(timeout=100)
    (folder / "out").rename(folder / "gone")
    with pytest.raises(SettingsError, match="campaign out"):
        run.wait()
    with pytest.raises(SettingsError, match="holds no campaign, and none was started for it"):
        hpo.attach("never")


def test_a_script_that_jobs_import_does_not_start_itself_again(folder: Path) -> None:
    script = folder / "my_script.py"
    lines = "hpo.Campaign(objective, space={'lr': [0.1, 0.2]}, n_trials=2).run(executor='local')"
    script.write_text(
        f"import hpo\n\ndef objective(lr):\n    return lr\n\nrun = {lines}\nprint(run)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert 'write the lines that start it below `if __name__ == "__main__":`' in done.stderr
    assert not (folder / "hpo_results" / "objective").exists()
    guarded = f"if __name__ == '__main__':\n    run = {lines}\n    print(run)\n"
    script.write_text(f"import hpo\n\ndef objective(lr):\n    return lr\n\n{guarded}")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ended: all trials ended" in done.stdout


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_in_a_notebook_it_is_a_table_with_a_curve_and_no_markup_of_users(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m"
    root = tmp_path / "out <b>"
    root.mkdir()
    started = {"time": 0.0, "host": hostile, "output": "", "job_id": "12", "pid": None, "began": ""}
    publish_json(started_file(root), started)
    publish_json(
        root / "status.json",
        {
            "metric": hostile,
            "mode": "min",
            "updated": 1000.0,
            "n_trials": 9,
            "trials": {"completed": 3, "failed": 1},
            "best_trial_id": 2,
            "best_error": 0.25,
            "best_config": {hostile: hostile},
            "incumbent": [
                {"time": 900.0, "trial_id": 0, "error": 0.5, "resource": 1},
                {"time": 950.0, "trial_id": 2, "error": 0.25, "resource": 1},
            ],
            "failures": [{"cause": hostile, "count": 1, "trial_id": 3, "message": hostile}],
        },
    )
    run = hpo.attach(root)
    page = _Tags()
    page.feed(run._repr_html_())
    assert set(page.tags) == {"table", "tr", "th", "td", "svg", "title", "path"}
    assert "3 completed, 1 failed (of 9)" in page.text
    assert "0.25 (trial 2)" in page.text
    assert "from 0.5 to 0.25" in page.text
    assert "<script>" in page.text  # as text
    for shown in (repr(run), page.text):
        assert "\x1b" not in shown


def test_a_job_that_another_user_names_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "out"
    root.mkdir()
    started = {"time": 0.0, "host": "", "output": "", "job_id": "12", "pid": None, "began": ""}
    publish_json(started_file(root), started)
    assert "was submitted as job 12" in repr(hpo.attach(root))
    publish_json(started_file(root), started | {"job_id": "12 34"})
    with pytest.raises(SettingsError, match="holds no campaign"):
        hpo.attach(root)
    publish_json(started_file(root), started)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SettingsError, match="holds no campaign"):
        hpo.attach(root)


def test_importing_it_is_cheap() -> None:
    line = "import hpo, sys; hpo.attach; print(*(m for m in sys.modules if m.startswith('torch')))"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    line = "import hpo, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"pydantic", "numpy", "pandas", "hpo.api", "hpo.cli", "yaml"}


def test_what_is_asked_for_by_attach_is_the_folder_of_the_campaign(folder: Path) -> None:
    (folder / "go").touch()
    campaign().run(executor="local")
    run = hpo.attach(folder / "out")
    assert json.loads((run.folder / "final_results.json").read_text())["n_trials"] == 3
    assert run.status is not None
    assert run.status.ended == "all trials ended"
