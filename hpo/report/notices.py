"""When somebody is to be told of a campaign, and in what words; who sends it is not said here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hpo.decisions.scheduler import BREAKER
from hpo.record.state import OPEN, CampaignState, TrialStatus
from hpo.shown import one_line
from hpo.units.duration import in_words

END, BROKEN, STUCK, BETTER = "end", "broken", "stuck", "better"
AGAIN_S = 24 * 3600.0  # between two words about a campaign that is still stuck
SILENT_S = 900.0  # that a manager may take for one look, until something holds it up


@dataclass(frozen=True, slots=True)
class Notice:
    """One word to somebody: `kind` is one of the four, `facts` are the same for programs."""

    kind: str
    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


class Occasions:
    """Of one start of the manager of `campaign` in `folder`; times in s since 1970.

    `stuck_after` and `better_every` are those of the settings.
    """

    def __init__(
        self, campaign: str, folder: str, *, stuck_after: float, better_every: float
    ) -> None:
        self._campaign, self._folder = campaign, folder
        self._stuck_after, self._better_every = stuck_after, better_every
        self._known = False  # whether it has been looked at before
        self._best: float | None = None
        self._better_at: float | None = None
        self._moved_at = 0.0
        self._standing: tuple[object, ...] = ()
        self._stuck_at: float | None = None

    def look(self, state: CampaignState, queued: int, now: float) -> list[Notice]:
        """What is to be told of a campaign that goes on, with so many jobs that wait."""
        running = len(state.of(TrialStatus.CLAIMED))
        standing = (state.best_metric, *(len(state.of(status)) for status in TrialStatus))
        if not self._known:
            self._known, self._best = True, state.best_metric
            self._moved_at, self._standing = now, standing
        if running or standing != self._standing:
            self._moved_at, self._standing, self._stuck_at = now, standing, None
        return [*self._better(state, now), *self._stuck(state, queued, now)]

    def _better(self, state: CampaignState, now: float) -> list[Notice]:
        best = state.best_metric
        if best is None or (self._best is not None and not state.goal.better(best, self._best)):
            return []
        if self._better_at is not None and now < self._better_at + self._better_every:
            return []  # the last of several is told when its time has come
        self._best, self._better_at = best, now
        return [self._notice(BETTER, "has found a better one", state)]

    def _stuck(self, state: CampaignState, queued: int, now: float) -> list[Notice]:
        waits = any(state.of(status) for status in OPEN) and state.ending is None
        for_s = now - self._moved_at
        if not waits or for_s < self._stuck_after:
            return []
        if self._stuck_at is not None and now < self._stuck_at + AGAIN_S:
            return []
        self._stuck_at = now
        what = f"is stuck: nothing has run for {in_words(for_s)}, and {queued} jobs wait"
        return [self._notice(STUCK, what, state)]

    def ended(self, state: CampaignState) -> list[Notice]:
        """What is to be told at the end; nothing where it had ended before."""
        if not self._known:
            return []
        if state.ended == BREAKER:
            what = f"has stopped: the first {state.alike_failures} trials all failed alike"
            return [self._notice(BROKEN, f"{what} ({state.alike_cause})", state)]
        return [self._notice(END, f"has ended: {state.ended}", state)]

    def broken(self, why: str) -> Notice:
        """The manager cannot go on."""
        return self._notice(BROKEN, f"cannot go on: {why}", None)

    def held_up(self, for_s: float) -> Notice:
        """The manager has not looked at anything for so long."""
        what = (
            f"does not move: its manager has been held up for {in_words(for_s)}, as by a file "
            "server or a full disk"
        )
        return self._notice(STUCK, what, None)

    def _notice(self, kind: str, what: str, state: CampaignState | None) -> Notice:
        subject = one_line(f"hpo: {self._campaign} {what}")
        lines = [subject]
        facts: dict[str, Any] = {}
        if state is not None:
            counts = {s.value: len(state.of(s)) for s in TrialStatus if state.of(s)}
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            lines.append(f"{len(state.trials)} trials: {told or 'none'}")
            lines.append(_best(state))
            facts = {
                "trials": counts,
                "best_trial_id": state.best_trial,
                "best_error": state.best_metric,
                "metric": state.goal.metric,
            }
        lines.append(f"folder: {self._folder}")
        return Notice(kind, subject, "\n".join(one_line(line) for line in lines), facts)


def _best(state: CampaignState) -> str:
    if state.best_trial is None:
        return "no result"
    trial = state.trials[state.best_trial]
    at = f"trial {trial.trial_id}, {state.goal.resource} {trial.resource}"
    return f"best {state.goal.metric}={trial.metric:.6g} ({at})"
