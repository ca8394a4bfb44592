"""The command as a user types it: exit codes, settings, what is printed, where files go."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest
from user_project import NO_SYNC, ROOT, TRAIN, Project, user_project, wait_until

CONTROL_CODES = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\x1b|\r")
WAIT = 'wait_for("go")' + TRAIN


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


@pytest.fixture
def weird_project(weird_tmp_path: Path) -> Iterator[Project]:
    with user_project(weird_tmp_path) as project:
        yield project


def test_help_prints_the_exit_codes(project: Project) -> None:
    done = project.run("--help")
    assert done.returncode == 0
    for code in ("0 ", "1 ", "2 ", "3 ", "75 "):
        assert re.search(rf"^  {code} +\w", done.stdout, re.MULTILINE)


def test_a_finished_campaign_exits_with_0_and_leaves_its_files(project: Project) -> None:
    printed = project.write().finish()
    final = project.final()
    errors = [project.result(trial_id)["error"] for trial_id in range(4)]
    assert final["n_trials"] == 4
    assert final["best_error"] == min(errors)
    assert final["best_config"] == project.result(errors.index(min(errors)))["config"]
    assert json.loads((project.output / "best_config.json").read_text()) == final["best_config"]
    assert "4 completed" in printed
    assert f"{project.output}/best_config.json" in printed
    assert project.started() == dict.fromkeys(range(4), 1)


def test_main_hpo_is_hpo_run(project: Project) -> None:
    project.write()
    command = [sys.executable, str(ROOT / "main_hpo.py"), "--config", "search", "--executor"]
    done = subprocess.run(
        [*command, "simulated"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 completed" in done.stdout


def test_no_control_codes_where_standard_output_is_no_terminal(project: Project) -> None:
    printed = project.write().finish()
    assert not CONTROL_CODES.search(printed)
    log = next(project.output.glob("hpo_campaign_*.log")).read_text()
    assert log == printed


def test_a_terminal_shows_a_bar_with_what_runs_and_the_best(project: Project) -> None:
    project.write(WAIT.replace("go", "go-{trial.trial_id}").replace('("', '(f"'), n_trials=3)
    project.go("go-0")
    project.go("go-1")
    manager, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    child = subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=environment | NO_SYNC | {"TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = ""
    try:
        while data := _read(manager):
            shown += data
            if "2/3 running 1" in CONTROL_CODES.sub("", shown):
                project.go("go-2")
    finally:
        project.go("go-2")
        os.close(manager)
        assert child.wait(timeout=60) == 0
    shown = CONTROL_CODES.sub("", shown)
    assert re.search(r"trials .* 2/3 running 1 .*best 0\.\d+ \(trial \d\)", shown)
    assert re.search(r"3/3 running 0  best 0\.\d+ \(trial \d\)", shown)
    assert "3 completed" in shown


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, 65536).decode(errors="replace")
    except OSError:  # the other side is closed
        return ""


def test_a_campaign_in_a_folder_with_an_awkward_name(weird_project: Project) -> None:
    weird_project.write(WAIT, output_dir='the "best" of mine\'s', slurm='{"env_setup": "true"}')
    child = weird_project.start()
    wait_until(weird_project.started, "a trial runs")
    child.terminate()
    assert child.wait(timeout=60) == 75
    weird_project.go()
    command = re.search(r"to go on: (.*)", weird_project.printed())
    assert command is not None
    words = shlex.split(command[1])
    assert words[0] == "hpo"
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=weird_project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert weird_project.started() == dict.fromkeys(range(4), 1)
    assert weird_project.final()["n_trials"] == 4


def test_settings_on_the_command_line_replace_those_of_the_file(project: Project) -> None:
    project.write()
    project.finish(
        "--set",
        "hpo.n_trials=3",
        "space.max_epochs=5",
        "--set",
        "space.lr=[0.25, 0.5, 0.75]",
        "slurm.env_setup=export COLOUR='dark red'",
        "--output-dir",
        "elsewhere",
    )
    elsewhere = project.folder / "elsewhere"
    assert not project.output.exists()
    assert [c["max_epochs"] for c in project.configs(elsewhere)] == [5, 5, 5]
    assert sorted(c["lr"] for c in project.configs(elsewhere)) == [0.25, 0.5, 0.75]
    assert project.result(0, elsewhere)["reports"][-1]["epoch"] == 5


def test_more_trials_than_a_finite_space_holds_end_early_and_say_so(project: Project) -> None:
    project.write(space='{"lr": [0.1, 0.2, 0.3], "max_epochs": 1}', n_trials=50)
    printed = project.finish()
    assert project.final()["n_trials"] == 3
    assert sorted(config["lr"] for config in project.configs()) == [0.1, 0.2, 0.3]
    assert "the space holds only 3 different configurations" in printed


def test_the_same_seed_gives_the_same_trials_however_many_run_at_once(project: Project) -> None:
    project.write(n_trials=6)
    project.finish("--set", "hpo.max_concurrent_jobs=1", "--output-dir", "one")
    project.finish("--set", "hpo.max_concurrent_jobs=4", "--output-dir", "four")
    project.finish("--output-dir", "virtual", executor="simulated")
    one = project.configs(project.folder / "one")
    assert len(one) == 6
    assert project.configs(project.folder / "four") == one
    assert project.configs(project.folder / "virtual-simulated") == one
    project.finish("--set", "hpo.seed=8", "--output-dir", "other", executor="simulated")
    assert project.configs(project.folder / "other-simulated") != one


def test_hours_in_a_simulated_cluster_take_seconds(project: Project) -> None:
    project.write(n_trials=16, space='{"lr": uniform(0, 1), "max_epochs": 30}')
    before = time.monotonic()
    project.finish(executor="simulated")
    assert time.monotonic() - before < 30
    assert not project.output.exists()
    folder = project.folder / "results-simulated"
    results = [project.result(trial_id, folder) for trial_id in range(16)]
    ends = [result["additional_info"]["end_time"] for result in results]
    starts = [result["additional_info"]["start_time"] for result in results]
    assert max(ends) - min(starts) > 3 * 3600
    assert sum(r["additional_info"]["training_time"] for r in results) > 6 * 3600


def test_a_campaign_without_a_usable_result_exits_with_1(project: Project) -> None:
    done = project.write('trial.report(epoch=1, validation_error=float("nan"))').run()
    assert done.returncode == 1
    assert "4 completed" in done.stdout
    assert "no trial gave a result" in done.stdout
    assert project.final()["best_config"] is None
    assert project.result(0)["error"] is None


@pytest.mark.parametrize(
    "arguments",
    [("--config",), ("--config", "search", "--executor", "pbs"), ("--confog", "search")],
)
def test_wrong_usage_exits_with_2(project: Project, arguments: tuple[str, ...]) -> None:
    project.write()
    command = [sys.executable, "-m", "hpo", "run", *arguments]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: hpo" in done.stderr


def test_without_a_configuration_those_that_are_found_are_named(project: Project) -> None:
    project.write()
    command = [sys.executable, "-m", "hpo", "run"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "add --config NAME" in done.stderr
    assert "there are digits_example, mlp_example, search" in done.stderr
    assert not project.output.exists()


def test_the_first_trials_all_fail_alike(project: Project) -> None:
    """The circuit breaker: exit code 1, one traceback, and after the fix the same command."""
    project.write('raise KeyError("no such column")', n_trials=8)
    done = project.run()
    assert done.returncode == 1
    assert done.stdout.count("Traceback (most recent call last)") == 1
    assert "KeyError: 'no such column'" in done.stdout
    assert "start again with the same command" in done.stdout
    failed = project.started()
    assert 5 <= len(failed) < 8
    assert project.final()["n_failed"] == len(failed)

    project.write()
    printed = project.finish()
    assert "campaign goes on" in printed
    assert "8 completed" in printed
    assert project.started() == {i: 2 if i in failed else 1 for i in range(8)}
    assert [project.result(i)["status"] for i in range(8)] == ["completed"] * 8


def test_where_fewer_trials_all_fail_the_traceback_is_shown_once_too(project: Project) -> None:
    done = project.write('raise KeyError("no such column")', n_trials=2).run()
    assert done.returncode == 1
    assert done.stdout.count("Traceback (most recent call last)") == 1
    assert "KeyError: 'no such column'" in done.stdout


@pytest.mark.parametrize("words", [["why", "the results", "0"], ["--help"], ["run", "--help"]])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(
    project: Project, words: list[str]
) -> None:
    project.write().finish()
    words = [str(project.output) if word == "the results" else word for word in words]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_breaker_does_not_trip_once_a_trial_gave_a_result(project: Project) -> None:
    project.write("if trial.trial_id: raise KeyError(1)" + TRAIN, n_trials=8, max_concurrent_jobs=1)
    printed = project.finish()
    assert "1 completed, 7 failed" in printed
    assert project.final()["best_trial_id"] == 0


def test_max_wallclock_time_lets_running_trials_finish(project: Project) -> None:
    project.write(WAIT, n_trials=8, max_wallclock_time=4.0)
    child = project.start()
    wait_until(lambda: "running trials may finish" in project.printed(), "the time is over")
    assert child.poll() is None
    project.go()
    assert child.wait(timeout=60) == 0
    final = project.final()
    assert final["ended"] == "max_wallclock_time"
    assert 1 <= final["n_trials"] <= 4
    assert project.started() == dict.fromkeys(range(final["n_trials"]), 1)
    statuses = [project.result(i)["status"] for i in range(final["n_trials"])]
    assert statuses == ["completed"] * final["n_trials"]
    assert not list((project.output / "offers").iterdir())

    project.settings["max_wallclock_time"] = None
    project.write()
    assert "limits were raised" in project.finish()
    assert project.started() == dict.fromkeys(range(8), 1)


def test_a_configuration_that_sets_up_a_log_of_its_own_silences_nothing(project: Project) -> None:
    project.write()
    config = project.folder / "search.py"
    own = "import logging.config\nlogging.config.dictConfig({'version': 1})\n"
    config.write_text(own + config.read_text())
    printed = project.finish()
    assert "trial 0 completed" in printed
    assert "campaign ended" in printed
