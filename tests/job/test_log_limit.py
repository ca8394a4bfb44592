"""A job's log that grows beyond its limit: head and tail stay, and writers go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import Project, user_project

from hpo.job.log_limit import LimitedLog

LIMIT = 40_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[LimitedLog, Path, int]]:
    path = tmp_path / "log.out"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield LimitedLog(path, LIMIT, descriptor), path, descriptor
    os.close(descriptor)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(first, last))


def test_head_and_tail_stay_and_what_comes_after_follows(
    log: tuple[LimitedLog, Path, int],
) -> None:
    limited, path, descriptor = log
    for start in range(0, 50_000, 1_000):
        os.write(descriptor, lines(start, start + 1_000))
        limited.look()
    os.write(descriptor, b"the end\n")
    text = path.read_bytes()
    assert len(text) <= LIMIT
    assert text.startswith(lines(0, 100))
    assert text.endswith(lines(49_990, 50_000) + b"the end\n")
    assert text.count(b"are left out here: log_limit]") == 1
    shown = [line for line in text.splitlines() if line]
    assert all(len(line) == 11 for line in shown if line.startswith(b"line"))


def test_a_log_below_its_limit_is_left_alone(log: tuple[LimitedLog, Path, int]) -> None:
    limited, path, descriptor = log
    os.write(descriptor, lines(0, 1_000))
    assert not limited.look()
    assert path.read_bytes() == lines(0, 1_000)


def test_a_progress_bar_without_line_ends_is_cut_as_well(
    log: tuple[LimitedLog, Path, int],
) -> None:
    limited, path, descriptor = log
    os.write(descriptor, b"\r 10 % [####      ]" * 10_000)
    assert limited.look()
    assert LIMIT // 3 < path.stat().st_size <= LIMIT


@pytest.mark.parametrize("what", ["not appended to", "another file", "gone", "a pipe"])
def test_what_is_not_the_jobs_log_is_never_cut(tmp_path: Path, what: str) -> None:
    path = tmp_path / "log.out"
    flags = os.O_WRONLY | os.O_CREAT | (0 if what == "not appended to" else os.O_APPEND)
    reading, descriptor = os.pipe() if what == "a pipe" else (-1, os.open(path, flags))
    os.write(descriptor, lines(0, 5_000))
    if what == "another file":
        path.rename(tmp_path / "moved")
        path.write_bytes(lines(0, 5_000))
    elif what == "gone":
        path.unlink()
    assert not LimitedLog(path, LIMIT, descriptor).look()
    assert not path.exists() or path.read_bytes() == lines(0, 5_000)
    for each in {reading, descriptor} - {-1}:
        os.close(each)


def test_writers_in_other_processes_lose_no_whole_log(tmp_path: Path) -> None:
    path = tmp_path / "log.out"
    program = "for n in range(200_000): print('line %06d' % n)"
    with path.open("ab") as output:
        limited = LimitedLog(path, 200_000, output.fileno())
        children = [subprocess.Popen([sys.executable, "-c", program], stdout=output)]
        while any(child.poll() is None for child in children):
            limited.look()
            time.sleep(0.005)
        limited.look()
    text = path.read_bytes()
    assert len(text) <= 200_000
    assert text.startswith(lines(0, 1_000))
    assert text.endswith(b"line 199999\n")


FLOOD = """
import subprocess
print("the first line", flush=True)
child = "import time\\nfor n in range(3000): print('x' * 999, flush=True); time.sleep(0.0008)"
subprocess.run([sys.executable, "-c", child], check=True)
print("the last line", flush=True)
trial.report(epoch=1, validation_error=1.0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as found:
        yield found


def test_a_trial_whose_child_floods_its_log_keeps_both_ends(project: Project) -> None:
    space = '{"lr": loguniform(1e-4, 1.0)}'
    project.write(FLOOD, space=space, n_trials=1, log_limit="1M").finish()
    (log,) = (project.output / "jobs").glob("*.out")
    text = log.read_text()
    assert len(text) <= 1_100_000
    assert "log_limit]" in text
    assert "the first line" in text
    assert "the last line" in text
    assert "trial 0 completed" in text
