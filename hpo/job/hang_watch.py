"""Whether a trial hangs, seen from a process beside it; and its end, where it does.

Owns what counts as a sign of life (its file of reports grows), as time without one (not the time in
which the process or this one was suspended, nor in which the files cannot be looked at), and the
order of the end: first the stacks, then all is ended. Writes nothing about the trial. Standard
library only, because every job imports it.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field

from hpo.folder import silence
from hpo.folder.attempts import files_of
from hpo.folder.files import Layout
from hpo.folder.offers import Leg
from hpo.job import processes
from hpo.seats.silence import AUTO, LEAST_S, Known, allowed_leaving_s, allowed_s
from hpo.trial.stack_signal import STACK_SIGNAL
from hpo.units.duration import in_words

log = logging.getLogger(__name__)

SHORTEST_STEP_S, LONGEST_STEP_S = 0.2, 10.0  # between two looks
STEPS = 20.0  # looks in the time that is allowed
SHOWING_S = 1.0  # for the stacks to be written
GRACE_S = 5.0  # from SIGTERM to SIGKILL
BUSY_SHARE = 0.05  # of one core, from which on a trial counts as computing
DESCRIBED = 12  # processes


@dataclass(frozen=True, slots=True)
class Hang:
    """What a trial is ended for; `leaving`: it was asked to leave, and did not."""

    message: str
    leaving: bool


@dataclass(slots=True)
class HangWatch:
    """Watches the attempt `claim` that process `pid` trains; `hang_after` as in the settings."""

    layout: Layout
    claim: Leg
    hang_after: float | str
    pid: int
    step_s: float = LONGEST_STEP_S
    _looked: float = field(default_factory=time.monotonic)
    _size: int = 0
    _silent_s: float = 0.0
    _own_s: float | None = None  # the longest silence that ended with a report
    _leaving_s: float = 0.0  # since it was asked to leave
    # How long it had been silent, and computed, at the last looks.
    _cpu: deque[tuple[float, float]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Look often enough."""
        known = LEAST_S if isinstance(self.hang_after, str) else self.hang_after
        self.step_s = min(max(known / STEPS, SHORTEST_STEP_S), LONGEST_STEP_S)

    def look(self) -> Hang | None:
        """Whether it hangs; to be called again and again, and only then does time count."""
        now = time.monotonic()
        passed_s = now - self._looked
        if passed_s < self.step_s:
            return None
        self._looked = now
        size = self._reported()
        if size is None or processes.is_stopped(self.pid):
            return None
        # More than that has passed only where this process could not run either.
        self._silent_s += min(passed_s, 2.0 * self.step_s)
        if size != self._size:
            self._own_s = max(self._own_s or 0.0, self._silent_s)
            self._size, self._silent_s, self._leaving_s = size, 0.0, 0.0
            self._cpu.clear()
            return None
        known = Known(self._own_s, self._others())
        if os.path.exists(self.layout.leave):  # not Path.exists, which may raise
            self._leaving_s += min(passed_s, 2.0 * self.step_s)
            if self._leaving_s >= allowed_leaving_s(known):
                return self._hang(known, leaving=True)
        allowed = allowed_s(self.hang_after, known)
        if self.hang_after == AUTO and 2.0 * self._silent_s >= allowed:
            busy = self._computes(allowed)
            allowed = allowed_s(self.hang_after, known, busy=busy)
        return self._hang(known, leaving=False) if self._silent_s >= allowed else None

    def has_moved(self) -> bool:
        """Whether it has reported since it was last looked at: to ask for a stack may wake it."""
        return self._reported() not in (None, self._size)

    def _hang(self, known: Known, *, leaving: bool) -> Hang:
        silent = in_words(self._silent_s)
        if leaving:
            return Hang(f"it was asked to leave, and has reported nothing for {silent}", leaving)
        if self.hang_after != AUTO:
            why = f"hang_after is {in_words(float(self.hang_after))}"
        elif known.longest is None:
            why = "nothing of this campaign has reported yet"
        else:
            why = f"{in_words(known.longest)} was the most that a report took before"
        return Hang(f"no report for {silent}, and {why}; the job's log has its stack", leaving)

    def _reported(self) -> int | None:
        """How much it has reported; None: nobody can tell now."""
        try:
            return files_of(self.layout, self.claim).reports.stat().st_size
        except FileNotFoundError:
            return 0
        except OSError:
            return None

    def _others(self) -> float | None:
        """Not asked for before it can matter: the file lies on the shared filesystem."""
        return silence.read(self.layout) if 2.0 * self._silent_s >= self.step_s * STEPS else None

    def _computes(self, allowed: float) -> bool:
        """Whether its processes have used the CPU in the last half of what is allowed."""
        used_s = processes.cpu_s([self.pid, *processes.descendants(self.pid)])
        if used_s is None:
            return True
        self._cpu.append((self._silent_s, used_s))
        while len(self._cpu) > 1 and self._cpu[1][0] <= self._silent_s - allowed / 2.0:
            self._cpu.popleft()
        since_s, before_s = self._cpu[0]
        return used_s - before_s >= BUSY_SHARE * (self._silent_s - since_s)


def show_stacks(claim: Leg, pid: int, hang: Hang) -> None:
    """Say in the job's log that the trial hangs, and where, as far as its processes can tell."""
    log.warning("trial %d is to be ended: %s", claim.trial_id, hang.message)
    below = processes.descendants(pid)
    # What was forked shows the same as its parent; what has a session of its own is a script.
    own = [p for p in below if (found := processes.look(p)) is not None and found.session == p]
    number = STACK_SIGNAL
    asked = [p for p in (pid, *own) if number is not None and processes.catches(p, number)]
    for one in asked:
        log.warning("the stacks of process %d:", one)
        processes.send([one], number or 0)
        time.sleep(SHOWING_S)
    for other in [p for p in (pid, *below) if p not in asked][:DESCRIBED]:
        log.warning("%s", processes.describe(other))


def end_below(pid: int) -> None:
    """Stop the process where it stands, and end all that it has started."""
    processes.send([pid], signal.SIGSTOP)
    below = processes.descendants(pid)
    processes.send(below, signal.SIGTERM)
    processes.send(below, signal.SIGCONT)
    deadline = time.monotonic() + GRACE_S
    while any(map(processes.lives, below)) and time.monotonic() < deadline:
        time.sleep(0.05)
    processes.kill([*below, *processes.descendants(pid)])


@dataclass(slots=True)
class Guard:
    """Ends the process of a trial where it hangs; for who waits for that process."""

    watch: HangWatch
    hang: Hang | None = None

    def look(self) -> Hang | None:
        """Why it was ended, now or before; None: it goes on."""
        if self.hang is None and (hang := self.watch.look()) is not None:
            show_stacks(self.watch.claim, self.watch.pid, hang)
            if not self.watch.has_moved():
                self.hang = hang
                end_below(self.watch.pid)
                processes.kill([self.watch.pid])
        return self.hang
