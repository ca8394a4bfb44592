"""The legs that one process runs in a row: one, and those that its trial goes on with in place.

A trial that reaches its rung has saved and its leg is finished, as anywhere; only its process stays
for a moment. If the manager offers the trial's own next leg and none is better, the process takes
it and trains on, without loading. Owns how long it waits for that. Standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hpo.folder import offers
from hpo.folder.attempts import Account
from hpo.folder.patience import StorageTrouble
from hpo.job.announcement import announce
from hpo.job.leg import finish_leg, run_leg
from hpo.job.serving import Place, Taken, tell_end
from hpo.record.result import Outcome
from hpo.seats.stay import Stay
from hpo.trial.objective import SCRIPT

FIRST_LOOK_S = 0.02  # between two looks for the trial's own offer, growing up to LAST_LOOK_S
LAST_LOOK_S = 0.5

Note = Callable[[dict[str, Any]], None]
"""Takes what the seat has to know: that a leg was taken in place, or how one ended."""


def run_legs(
    place: Place, taken: Taken, load: Callable[[], Callable[..., Any]], stay: Stay, note: Note
) -> None:
    """Run the leg that was taken, and what its trial goes on with.

    Raises:
        StorageTrouble: what had to be written could not be; the leg that is held has to be run
            again.
    """
    row = _Row(place, stay, note)
    # A script saves when it ends, which is after its report; its leg cannot be finished before.
    may_stay = not place.settings.objective.startswith(SCRIPT)
    here = place.surroundings(row.goes_on, row.pass_on if may_stay else None)
    row.last = taken[0]
    account = run_leg(place.layout, *taken, load, place.settings, here)
    if row.last is not None:
        row.finish(account)


class _Row:
    """Legs in a row; `last` is the one that runs, None once it is finished."""

    def __init__(self, place: Place, stay: Stay, note: Note) -> None:
        self._place = place
        self._stay = stay
        self._note = note
        self.last: offers.Leg | None = None

    def goes_on(self, outcome: Outcome) -> bool:
        """Whether the seat means to take another leg after one that ends so."""
        return not (self._stay.why_last(outcome, time.time()) or self._place.why_unwanted())

    def finish(self, account: Account) -> bool:
        """Publish what the leg came to; whether it counts."""
        counts = finish_leg(self._place.layout, account, self._place.patience)
        tell_end(account, counts)
        self.last = None
        outcome, seconds = account.result.outcome, account.result.elapsed
        self._stay.ended(outcome, seconds, time.time())
        self._note({"ended": outcome, "seconds": seconds, "counts": counts})
        return counts

    def pass_on(self, account: Account, fresh_start_s: float) -> Taken | None:
        """Finish the leg of a trial that could go on at once; its next one, if that comes soon."""
        if not account.result.goes_on:
            return None  # its leg ends as any other
        if not self.finish(account):
            return None
        claim = account.leg
        timeout_s = float(self._place.settings.claim_timeout)
        wait_s = self._stay.wait_s(fresh_start_s, timeout_s)
        begun = time.monotonic()
        taken = self._wait_for_next(claim, wait_s)
        if wait_s > 0.0:
            seconds = time.monotonic() - begun
            self._stay.answered(seconds)
            self._note({"answered": seconds})
        if taken is not None:
            self.last = taken[0]
            self._stay.took()
            self._note({"took": taken[0].name})
            place = self._place
            names = (place.settings.campaign, place.job)
            # The name of the job tells this trial already.
            announce(place.layout, taken[0], taken[1]["config"], *names, rename=False)
        return taken

    def _wait_for_next(self, ended: offers.Leg, wait_s: float) -> Taken | None:
        place = self._place
        deadline = time.monotonic() + wait_s
        pause = FIRST_LOOK_S
        trouble: OSError | None = None
        while place.why_unwanted() is None:
            # Once the manager has taken the result in, what it offered at once lies there.
            is_last_look = offers.is_taken_in(place.layout, ended) or time.monotonic() >= deadline
            try:
                taken = self._look(ended, again=trouble is not None)
            except OSError as err:
                taken, trouble = None, err
            else:
                trouble = None
            if taken is not None or is_last_look:
                break
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, LAST_LOOK_S)
        else:
            taken = None
        if trouble is not None:
            raise StorageTrouble(f"whether the trial goes on cannot be told: {trouble}")
        return taken

    def _look(self, ended: offers.Leg, *, again: bool) -> Taken | None:
        place = self._place
        for claim in offers.held_by(place.layout, place.job.job_id) if again else ():
            return claim, offers.read_claim(place.layout, claim)
        return offers.claim_following(
            place.layout,
            ended,
            mem_mb=place.job.mem_mb,
            time_s=self._stay.time_s(time.time()),
        )
