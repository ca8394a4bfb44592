"""A seat that takes one leg after the other, as `trials_per_job` allows.

Owns the loop: which leg comes next, in which process it runs, and what is written about a trial
whose process died. The process imports the user's code once and keeps no trial itself: each runs in
a fork of it (or a fresh interpreter, where a fork is not safe), unless the user wants all in the
same one. Standard library only.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field

import hpo.checkpoint  # noqa: F401  # because else each forked trial would import it
from hpo.errors import EXIT_RESUMABLE
from hpo.folder import offers
from hpo.folder.patience import StorageTrouble
from hpo.job import start
from hpo.job.ending import ON_ITS_WAY_S, broken_leg, failure
from hpo.job.hang_watch import Guard, HangWatch
from hpo.job.leave_flag import LeaveFlag
from hpo.job.leg import finish_leg
from hpo.job.many.forking import RandomStart, danger
from hpo.job.many.process import TRAINED, Note, ProcessEnd, Watching, run_forked, run_fresh
from hpo.job.many.warming import Warmth, told
from hpo.job.memory import oom_kills
from hpo.job.serving import (
    Objective,
    Place,
    Served,
    Taken,
    begin,
    serve_leg,
    tell_end,
    wait_for_claim,
)
from hpo.job.watcher import Watcher, watch_over
from hpo.job.watching import result_of
from hpo.record.causes import Cause
from hpo.record.result import Outcome
from hpo.seats.silence import NEVER
from hpo.seats.stay import Stay
from hpo.trial.objective import SCRIPT

log = logging.getLogger(__name__)

GIVEN_UP = "its claim was given up meanwhile"
RENAME_S = 60.0  # between two names of a job, however short its legs are


def serve(place: Place, flag: LeaveFlag, first: Taken) -> None:
    """Run the leg that was taken first, and others after it.

    Raises:
        StorageTrouble: the files cannot be used; what is held has to be run again.
    """
    stay = Stay.of(place.settings.trials_per_job, place.job.time.leave_at)
    load = Objective(place.settings, list(first[1]["config"]))
    watcher = watch_over(place)
    watcher.begin(first[0])  # because the import of users' code may hang, too
    how = _choose(place, flag, stay, load, watcher)
    watcher.end()
    taken: Taken | None = first
    renamed_at = float("-inf")
    while taken is not None:
        rename = time.monotonic() >= renamed_at + RENAME_S
        renamed_at = time.monotonic() if rename else renamed_at
        begin(place, taken, rename=rename)
        stay.took()
        how.run(taken)
        taken = None
        if stay.over is None:
            taken = wait_for_claim(
                place,
                time_s=lambda: stay.time_s(time.monotonic()),
                wanted=lambda: _goes_on(place, stay),
            )
    why = stay.over or f"no trial to run within {place.settings.claim_timeout:.0f} s"
    watcher.close()
    log.info("this job ends after %d legs: %s", stay.legs, why)


def _goes_on(place: Place, stay: Stay) -> bool:
    """Whether to look for another leg; if not, `stay.over` says why."""
    stay.over = place.why_unwanted() or stay.why_no_time(time.monotonic())
    return stay.over is None


def _choose(
    place: Place, flag: LeaveFlag, stay: Stay, load: Objective, watcher: Watcher
) -> _InHere | _Apart:
    settings = place.settings
    if settings.trial_process == "same" or settings.objective.startswith(SCRIPT):
        return _InHere(place, stay, load, watcher)
    start = RandomStart()
    try:
        load()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # because a trial says it, with its traceback
        log.info("the objective cannot be imported here; each trial tries it itself")
    start.imported()
    why_not = danger()
    if why_not is not None:
        log.info("each trial gets a fresh interpreter, not a fork: %s", why_not)
        return _Fresh(place, stay, flag)
    return _Forked(place, stay, flag, load, start)


@dataclass(frozen=True)
class _InHere:
    """Trials in this very process."""

    place: Place
    stay: Stay
    load: Objective
    watcher: Watcher

    def run(self, taken: Taken) -> None:
        self.watcher.begin(taken[0])
        served = serve_leg(self.place, taken, self.load, self.stay, self.watcher.end)
        _count(served, self.stay)


@dataclass(frozen=True)
class _Apart:
    """Trials in processes of their own."""

    place: Place
    stay: Stay
    flag: LeaveFlag

    def run(self, taken: Taken) -> None:
        """Let a process run the leg, and settle what it left open.

        Raises:
            StorageTrouble: it could not use the files, or they cannot be used here.
        """
        killed_before, begun = oom_kills(), time.monotonic()
        end = self.process(taken)
        told = [note for note in end.notes if "outcome" in note]
        served = [Served(**note | {"outcome": Outcome(note["outcome"])}) for note in told]
        for leg in served:
            _count(leg, self.stay)
        out_of_memory = end.code == -signal.SIGKILL and oom_kills() > killed_before
        took_s = time.monotonic() - begun
        _settle(
            self.place,
            self.stay,
            end,
            took_s,
            was_told=bool(served),
            out_of_memory=out_of_memory,
        )
        self.ended(end)

    def watching(self, claim: offers.Leg) -> Watching | None:
        """How the process is looked after that trains the leg; None: it is not."""
        hang_after = self.place.settings.hang_after
        if hang_after == NEVER:
            return None
        return lambda pid: Guard(HangWatch(self.place.layout, claim, hang_after, pid))

    def ended(self, end: ProcessEnd) -> None:
        """Learn from it for the next."""

    def process(self, taken: Taken) -> ProcessEnd:
        raise NotImplementedError


@dataclass(frozen=True)
class _Forked(_Apart):
    load: Objective
    start: RandomStart
    warmth: Warmth = field(default_factory=Warmth)

    def process(self, taken: Taken) -> ProcessEnd:
        def work(note: Note) -> None:
            self.start.begin()
            before = set(sys.modules)
            served = serve_leg(self.place, taken, self.load, self.stay, lambda: note(TRAINED))
            note(served._asdict())
            told(note, before)

        return run_forked(work, self.flag, watching=self.watching(taken[0]))

    def ended(self, end: ProcessEnd) -> None:
        for loaded in (note["loaded"] for note in end.notes if "loaded" in note):
            self.warmth.take_up(loaded.split(), self.stay, self.flag)


@dataclass(frozen=True)
class _Fresh(_Apart):
    def process(self, taken: Taken) -> ProcessEnd:
        python = [sys.executable, "-u", start.__file__, "trial"]
        root, stay = str(self.place.layout.root), json.dumps(asdict(self.stay))
        job = json.dumps(self.place.job._asdict())
        words = [root, taken[0].name, stay, job, str(os.getpid())]
        command, watching = [*python, *words], self.watching(taken[0])
        return run_fresh(command, dict(os.environ), self.flag, watching)


def _count(served: Served, stay: Stay) -> None:
    """Note a leg that ended here; none follows where the manager had given it up."""
    stay.ended(served.outcome, served.seconds, time.monotonic())
    if not served.counts:
        stay.over = GIVEN_UP


def _settle(
    place: Place,
    stay: Stay,
    end: ProcessEnd,
    took_s: float,
    *,
    was_told: bool,
    out_of_memory: bool,
) -> None:
    """See to the leg that a process held when it ended, after `took_s` seconds."""
    layout, patience = place.layout, place.patience

    def look() -> list[offers.Leg]:
        return list(offers.held_by(layout, place.job.job_id))

    held = patience.insist("what this job holds", look)
    if end.code == EXIT_RESUMABLE:
        raise StorageTrouble("the trial's process could not use the campaign's files")
    if not held:
        if not was_told:
            stay.over = GIVEN_UP
        return
    claim = held[0]
    who = f"trial {claim.trial_id}"
    if end.hang is None and place.flag.comes(ON_ITS_WAY_S if end.was_killed else 0.0):
        # Ended with the job; nobody could say that the trial is to blame.
        patience.insist(f"{who}: its leg", lambda: offers.give_back(layout, place.job.job_id))
        stay.over = "it was asked to leave"
        return
    offer = patience.insist(f"{who}: its offer", lambda: offers.read_claim(layout, claim))
    if end.hang is not None:
        result = result_of(end.hang)
    elif out_of_memory:
        message = "its process was killed for its memory"
        result = failure(Cause.OUT_OF_MEMORY.value, message, None)
    else:
        result = failure(Cause.KILLED.value, end.describe(), None)
    log.error("%s: %s", who, result.message)
    goes_on = place.goes_on(stay, result.outcome)
    here = place.surroundings(lambda _outcome: goes_on)
    goal = place.settings.goal
    account = broken_leg(layout, (claim, offer), goal, here, result, took_s=took_s)
    tell_end(account, finish_leg(layout, account, patience))
    stay.ended(result.outcome, account.result.elapsed, time.monotonic())
