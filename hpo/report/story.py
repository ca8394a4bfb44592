"""What happened to one trial, in order, as the journal tells it; and why it stands where it stands.

The files of the trial and the words of the cluster are added by whoever prints it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import Outcome
from hpo.record.rung import Rung
from hpo.record.state import CampaignState, TrialState, TrialStatus, apply
from hpo.report.narration import what_is_asked
from hpo.report.usage_words import leg_usage


@dataclass(frozen=True, slots=True)
class Rules:
    """What the words need to know of the campaign; `levels` are empty without rungs."""

    goal: Goal = field(default_factory=Goal)
    levels: Sequence[int] = ()
    reduction_factor: int = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, at `time` (s, Unix).

    With a `job_id` it is what became of an attempt: `claimed` opens it, `ended` closes it, as
    completed, interrupted, failed, lost or returned.
    """

    time: float
    text: str
    attempt: int | None = None
    job_id: str | None = None
    ended: str | None = None


class Teller:
    """Follows a campaign event by event; `state` is how it stands after them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.state = CampaignState(rules.goal)
        self._last_of: dict[str, int] = {}  # the trial whose leg a job ran last

    def follow(self, event: ev.Event) -> str:
        """Apply the event; why it happened, as far as that is known only before it.

        Raises:
            TransitionError: it cannot follow from those before it.
        """
        # The reason of an offer is in the state before it, the rank of a result in the one after.
        reason = ""
        if len(self.state.levels or ()) > len(self.rules.levels):
            self.rules = replace(self.rules, levels=self.state.levels)
        if isinstance(event, ev.LegOffered):
            reason = _reason(event, self.state, self.rules)
        elif isinstance(event, ev.LegClaimed):
            reason = _taken(event, self._last_of.get(event.job_id))
        elif isinstance(event, ev.LegFinished):
            self._last_of[event.job_id] = event.trial_id
        apply(self.state, event)
        return reason

    def step(self, event: ev.Event, reason: str) -> Step | None:
        """The last event in words, for its trial, or for all that are open; None: for none."""
        if isinstance(event, ev.TrialDrawn | ev.TrialEvent):
            return _step(event, self.state, self.rules, reason)
        return _of_campaign(event)

    def concerns(self, event: ev.Event, trial_id: int) -> bool:
        """Whether the event, which has been followed, belongs to the story of the trial."""
        if isinstance(event, ev.TrialDrawn | ev.TrialEvent | ev.StopAsked):
            return event.trial_id == trial_id
        if isinstance(event, ev.RetryAsked):
            return trial_id in event.trial_ids
        return trial_id in self.state.trials and _is_open(self.state.trials[trial_id])


def tell(
    events: Iterable[ev.Event], trial_id: int, rules: Rules
) -> tuple[list[Step], CampaignState]:
    """The steps of a trial, and the campaign as it stands after all events."""
    teller = Teller(rules)
    state = teller.state
    steps: list[Step] = []
    for event in events:
        reason = teller.follow(event)
        if teller.concerns(event, trial_id) and (step := teller.step(event, reason)) is not None:
            steps.append(step)
    return steps, state


def standing(state: CampaignState, trial_id: int, rules: Rules) -> str:
    """Where the trial stands, and what has to happen for it to go on."""
    trial = state.trials[trial_id]
    rules = replace(rules, levels=state.levels or rules.levels)
    match trial.status:
        case TrialStatus.OFFERED:
            offered = (state.trials[i] for i in state.of(TrialStatus.OFFERED))
            ahead = sum(_order(other) < _order(trial) for other in offered)
            return f"it waits for a job; {_count(ahead, 'other leg')} will be taken before it"
        case TrialStatus.CLAIMED:
            return f"it runs in job {trial.job_id}{_to(trial.target, rules)}"
        case TrialStatus.WAITING:
            return "its leg has ended; the manager decides next what follows"
        case TrialStatus.PAUSED:
            return _why_paused(state, trial, rules)
        case TrialStatus.COMPLETED:
            early = " early, as its code returned" if _is_early(trial) else ""
            return f"it is complete{early}: {_value(trial.metric, rules)}{_place(state, trial)}"
        case TrialStatus.FAILED:
            return f"it failed ({trial.cause})"
        case _:
            if trial.stop_asked:
                who = f"as {trial.stop_asked} asked"
                return f"it is stopped, {who}; `hpo retry DIR {trial_id}` takes it up again"
            ended = trial.ended_leg
            last = ended.result if isinstance(ended, ev.LegFinished) else ended
            if last is not None and last.cause == Cause.CANCELLED:
                return "it is stopped for good, because its job was cancelled by the user"
            return f"it is stopped ({trial.cause}); it goes on when the campaign does"


def _order(offered: TrialState) -> tuple[int, int, int]:
    """In which seats take offers; see `offers.list_legs`."""
    return (-offered.mem_mb, -offered.rung, offered.trial_id)


def _step(
    event: ev.TrialDrawn | ev.TrialEvent, state: CampaignState, rules: Rules, reason: str
) -> Step:
    match event:
        case ev.TrialDrawn():
            where = f", for bracket {event.bracket}" if event.bracket else ""
            how = "taken from the points that were enqueued" if event.enqueued else "drawn"
            return Step(event.time, f"{how}{where}")
        case ev.LegOffered():
            rung = f" (rung {event.rung})" if rules.levels else ""
            text = f"offered{_to(event.target, rules)}{rung}: {reason}"
            return Step(event.time, text, event.attempt)
        case ev.LegClaimed():
            text = f"{reason}, attempt {event.attempt + 1}"
            return Step(event.time, text, event.attempt, event.job_id)
        case ev.LegReturned():
            former = state.trials[event.trial_id].job_id
            text = "its job was requeued and gave it back: it is offered again"
            return Step(event.time, text, event.attempt - 1, former, "returned")
        case ev.LegFinished():
            text = _finished(event, state, rules)
            return Step(event.time, text, event.attempt, event.job_id, event.result.outcome)
        case ev.LegLost():
            saved = f"saved up to {rules.goal.resource} {event.resource}"
            saved = saved if event.resource else "nothing was saved"
            text = f"lost ({event.cause}): {event.message}; {saved}"
            return Step(event.time, text, event.attempt, event.job_id, "lost")
        case ev.TrialRedrawn():
            return Step(event.time, "suggested anew, as more was known by then")
        case ev.OfferRevoked():
            return Step(event.time, "the offer was taken back; no job had taken it")
        case ev.TrialCompleted():
            return Step(event.time, "decided: complete, nothing is left to run")
        case ev.TrialPaused():
            return Step(event.time, "decided: it pauses, and costs nothing until it is promoted")
        case ev.TrialFailed():
            return Step(event.time, f"decided: failed ({event.cause}): {event.message}")
        case _:  # TrialStopped
            return Step(event.time, f"decided: stopped: {event.reason}")


def _reason(event: ev.LegOffered, state: CampaignState, rules: Rules) -> str:
    """Why it was offered, told from the state before."""
    trial = state.trials.get(event.trial_id)
    if trial is None or trial.attempt < 0:
        return "a new trial"  # or one that the journal does not know, as will be told
    rung = state.rungs.get((trial.bracket, trial.rung))
    if event.rung > trial.rung and rung is not None:
        place = _rank(rung, trial, rules)
        return f"promoted, as rank {place} of {len(rung.ranked)} at {_level(trial.rung, rules)}"
    leg = trial.ended_leg
    if trial.retry_asked:
        return f"again, as {trial.retry_asked} asked"
    if trial.status is TrialStatus.STOPPED:
        return "again, because the campaign goes on"
    if trial.status is TrialStatus.FAILED:
        return "again, after a repair"
    if isinstance(leg, ev.LegLost):
        return f"again, because its job was lost ({leg.cause})"
    if leg is not None and leg.result.outcome is Outcome.FAILED:
        elsewhere = f", and on another node than {event.off} if there is one" if event.off else ""
        return f"again, because it had failed ({leg.result.cause}){elsewhere}"
    return "again, because it had been interrupted"


def _taken(event: ev.LegClaimed, before: int | None) -> str:
    """How a job came to it that ran a leg of the trial `before`, or none."""
    if before is None:
        return f"job {event.job_id} took it"
    if before == event.trial_id:
        return f"job {event.job_id} went on with it"
    return f"job {event.job_id} took it after trial {before}"


def _finished(event: ev.LegFinished, state: CampaignState, rules: Rules) -> str:
    told = event.result
    took = f"after {told.elapsed:.1f} s{leg_usage(told)}"
    if told.outcome is Outcome.FAILED:
        return f"failed {took}: {told.cause}: {told.message}"
    at = f"{rules.goal.resource} {told.resource}"
    if told.outcome is Outcome.INTERRUPTED:
        return f"was asked to leave, saved and left at {at} {took}: {told.message or ''}"
    how = "returned early, at" if told.early else "reached"
    text = f"{how} {at} {took}: {_value(told.metric, rules)}"
    trial = state.trials[event.trial_id]
    rung = state.rungs.get((trial.bracket, trial.rung))
    if rules.levels and rung and (place := _rank(rung, trial, rules)):
        text += f", rank {place} of {len(rung.ranked)} there"
    return text


def _of_campaign(event: ev.Event) -> Step | None:
    match event:
        case ev.CampaignEnding():
            return Step(event.time, f"the campaign begins to end: {event.reason}")
        case ev.CampaignEnded():
            return Step(event.time, f"the campaign ends: {event.reason}")
        case ev.CampaignReopened():
            return Step(event.time, f"the campaign goes on: {event.reason}")
        case ev.CampaignExtended() | ev.StopAsked() | ev.RetryAsked():
            return Step(event.time, what_is_asked(event))
        case _:
            return None


def _why_paused(state: CampaignState, trial: TrialState, rules: Rules) -> str:
    rung = state.rungs.get((trial.bracket, trial.rung), Rung())
    results, place = len(rung.ranked), _rank(rung, trial, rules)
    text = f"it is paused at {_level(trial.rung, rules)}, rank {place} of {results} there"
    if trial.metric is None:
        return f"{text}; a value that is not finite is never promoted"
    best, factor = results // rules.reduction_factor, rules.reduction_factor
    needed = factor * (place or results)
    return (
        f"{text}; 1 in {factor} goes on, so far the best {best}: with this rank it is promoted "
        f"when {needed} trials have reached this rung"
    )


def _place(state: CampaignState, trial: TrialState) -> str:
    if trial.metric is None:
        return ""
    others = [t.metric for t in state.trials.values() if t.metric is not None]
    better = sum(state.goal.better(other, trial.metric) for other in others)
    return f", rank {better + 1} of {len(others)} trials with a result"


def _is_early(trial: TrialState) -> bool:
    return isinstance(trial.ended_leg, ev.LegFinished) and trial.ended_leg.result.early


def _rank(rung: Rung, trial: TrialState, rules: Rules) -> int | None:
    """From 1 on; None: it did not reach the rung with the value that it has."""
    mine = (rules.goal.key(trial.metric), trial.trial_id)
    place = bisect_left(rung.ranked, mine)
    return place + 1 if rung.ranked[place : place + 1] == [mine] else None


def _is_open(trial: TrialState) -> bool:
    """Whether what happens to the campaign concerns the trial."""
    return trial.status not in (TrialStatus.COMPLETED, TrialStatus.FAILED)


def _level(rung: int, rules: Rules) -> str:
    level = f" ({rules.goal.resource} {rules.levels[rung]})" if rung < len(rules.levels) else ""
    return f"rung {rung}{level}"


def _to(target: int | None, rules: Rules) -> str:
    return "" if target is None else f" to {rules.goal.resource} {target}"


def _value(metric: float | None, rules: Rules) -> str:
    if metric is None or not math.isfinite(metric):
        return f"{rules.goal.metric} was not finite, which counts as the worst"
    best = " at its best" if rules.goal.trial_value == "best" else ""
    return f"{rules.goal.metric}={metric:.6g}{best}"


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
