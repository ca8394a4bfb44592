"""When a job that was sent a signal leaves: at once, or when SLURM's warning was due."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from hpo.job.leave_flag import SIGNALS, LeaveFlag


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in SIGNALS}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def listening(warned_at: float | None) -> tuple[LeaveFlag, Clock]:
    clock = Clock()
    flag = LeaveFlag(warned_at, clock)
    flag.listen()
    return flag, clock


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_warning_that_comes_early_counts_when_it_was_due() -> None:
    flag, clock = listening(1020.0)
    send(signal.SIGUSR2)
    assert not flag.is_set()
    clock.now = 1020.0
    assert flag.is_set()


def test_a_limit_that_was_lowered_brings_the_warning_still_earlier() -> None:
    clock = Clock()
    flag = LeaveFlag(1200.0, clock, early_s=240.0)
    flag.listen()
    send(signal.SIGUSR2)
    assert not flag.is_set()
    clock.now = 1200.0
    assert flag.is_set()


@pytest.mark.parametrize("warned_at", [None, 990.0, 1061.0])
def test_a_warning_that_is_due_or_that_nobody_expects_counts_at_once(
    warned_at: float | None,
) -> None:
    flag, _ = listening(warned_at)
    send(signal.SIGUSR2)
    assert flag.is_set()


def test_a_warning_that_is_repeated_says_nothing_new() -> None:
    """A forked trial has its seat's flag, and is told once more."""
    flag, clock = listening(1020.0)
    send(signal.SIGUSR2)
    send(signal.SIGUSR2)
    assert not flag.is_set()
    clock.now = 1021.0
    send(signal.SIGUSR2)
    assert flag.is_set()


def test_preemption_means_now_also_after_a_warning() -> None:
    flag, _ = listening(1020.0)
    send(signal.SIGUSR2)
    send(signal.SIGTERM)
    assert flag.is_set()


@pytest.mark.parametrize(
    ("sent", "passed_on"), [(signal.SIGUSR2, signal.SIGUSR2), (signal.SIGTERM, signal.SIGTERM)]
)
def test_a_process_that_comes_later_is_told_the_same(
    monkeypatch: pytest.MonkeyPatch, sent: int, passed_on: int
) -> None:
    flag, _ = listening(1020.0)
    send(sent)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
    flag.pass_on_to(7)
    assert told == [(7, passed_on)]
