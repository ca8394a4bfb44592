"""What follows when somebody asks for something while a campaign goes on: a fact, or why not.

Pure: the fact is journaled with the request's token, and what is done about it the scheduler
decides from the state, as about all other facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hpo.decisions.asha import Asha, longer
from hpo.decisions.limits import Limits, searched_trials
from hpo.decisions.whole_trials import LegPolicy
from hpo.record import events as ev
from hpo.record.requests import Enqueue, Extend, Request, RetryTrials, StopTrial
from hpo.record.state import CampaignState
from hpo.record.trial import RESTARTABLE, RETRIABLE, STOPPABLE, TrialStatus
from hpo.space.space import Space
from hpo.values import canonical

_IS = {
    TrialStatus.WAITING: "has just ended a leg, and is decided about",
    TrialStatus.OFFERED: "waits for a job",
    TrialStatus.CLAIMED: "runs",
    TrialStatus.PAUSED: "rests at its rung, and goes on when it is promoted",
    TrialStatus.COMPLETED: "is complete",
    TrialStatus.FAILED: "has failed",
    TrialStatus.STOPPED: "is stopped",
}


class Answer(NamedTuple):
    """What a request comes to: a fact for the journal, if any, and what of it is refused."""

    event: ev.Asked | None
    refused: list[str]


@dataclass(frozen=True, slots=True)
class Steering:
    """Answers requests; `space` is that of the configuration, None where nobody knows it."""

    limits: Limits
    legs: LegPolicy
    space: Space | None = None

    def answer(self, state: CampaignState, token: str, request: Request, now: float) -> Answer:
        """What the request comes to in this state."""
        match request:
            case StopTrial():
                why = _why_not_stop(state, request.trial_id)
                if why is not None:
                    return Answer(None, [why])
                return Answer(ev.StopAsked(now, token, request.by, request.trial_id), [])
            case RetryTrials():
                return _retry(state, token, request, now)
            case Enqueue():
                return self._enqueue(state, token, request, now)
            case _:
                return self._extend(state, token, request, now)

    def _enqueue(self, state: CampaignState, token: str, request: Enqueue, now: float) -> Answer:
        refused: list[str] = []
        points: dict[str, Mapping[str, Any]] = {}
        known = state.taken | {canonical(point) for point in state.enqueued}
        for number, given in enumerate(request.points):
            try:
                point = completed_point(self.space, given, state.constants)
            except ValueError as err:
                refused.append(f"point {number + 1}: {err}")
                continue
            key = canonical(point)
            if key in points:
                refused.append(f"point {number + 1} is given twice")
            elif key in known:
                refused.append(f"point {number + 1} is {_who_has(state, key)}")
            else:
                points[key] = point
        if not points:
            return Answer(None, refused)
        event = ev.PointsEnqueued(now, token, request.by, list(points.values()))
        return Answer(event, refused)

    def _extend(self, state: CampaignState, token: str, request: Extend, now: float) -> Answer:
        refused: list[str] = []
        has = searched_trials(state, self.limits.n_trials)
        n_trials = request.n_trials
        if request.more_trials is not None:
            n_trials = has + request.more_trials
        if n_trials is not None and n_trials <= has:
            refused.append(
                f"the search has {has} trials already; for fewer, lower n_trials in the "
                "configuration"
            )
            n_trials = None
        ladder: Ladder | None = None
        if request.max_t is not None:
            legs = self.legs.at(state)
            if not isinstance(legs, Asha):
                refused.append("the campaign has no rungs: each trial is trained to its own end")
            elif request.max_t <= legs.max_t:
                refused.append(f"its rungs go to {legs.max_t} already, and none is taken off")
            else:
                ladder = _ladder(legs, request.max_t)
        if n_trials is None and ladder is None:
            return Answer(None, refused)
        configured = None if n_trials is None else self.limits.n_trials
        who = (now, token, request.by)
        return Answer(
            ev.CampaignExtended(*who, n_trials, configured, *(ladder or NO_LADDER)), refused
        )

    def by_configuration(self, state: CampaignState, now: float) -> ev.CampaignExtended | None:
        """The rungs that an edited configuration adds; None: none.

        Where more trials are asked for there, the limits say so.
        """
        legs = self.legs.at(state)
        if not (isinstance(self.legs, Asha) and isinstance(legs, Asha)):
            return None
        if self.legs.max_t <= legs.max_t:
            return None
        ladder = _ladder(legs, self.legs.max_t)
        return ev.CampaignExtended(now, "", "the configuration", None, None, *ladder)


class Ladder(NamedTuple):
    """Rungs that are extended; see `CampaignExtended`."""

    levels: tuple[int, ...]
    last_rung: int
    constants: Mapping[str, Any]


NO_LADDER = Ladder((), 0, {})


def _ladder(legs: Asha, max_t: int) -> Ladder:
    levels = longer(legs.levels, legs.reduction_factor, max_t)
    constants = {legs.max_resource_attr: max_t} if legs.max_resource_attr else {}
    return Ladder(levels, len(legs.levels) - 1, constants)


def completed_point(
    space: Space | None, given: Mapping[str, Any], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole configuration that a point means, with the constants of an extended campaign.

    Raises:
        ValueError: it is none of the space's; all that is wrong with it is told.
    """
    if space is None:
        raise ValueError("nobody here knows the space of the campaign")
    given = {
        name: value
        for name, value in given.items()
        if name not in constants or value != constants[name]
    }
    problems = []
    for name, value in given.items():
        try:
            space.completed({name: value})
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("; ".join(problems))
    return {**space.completed(given), **constants}


def _retry(state: CampaignState, token: str, request: RetryTrials, now: float) -> Answer:
    refused: list[str] = []
    again: list[int] = []
    for trial_id in dict.fromkeys(request.trial_ids):
        why = _why_not_again(state, trial_id, from_start=request.from_start)
        if why is None:
            again.append(trial_id)
        else:
            refused.append(why)
    if not again:
        return Answer(None, refused)
    event = ev.RetryAsked(now, token, request.by, again, request.from_start)
    return Answer(event, refused)


def _why_not_stop(state: CampaignState, trial_id: int) -> str | None:
    trial = state.trials.get(trial_id)
    if trial is None:
        return _unknown(state, trial_id)
    if trial.stop_asked and trial.status in STOPPABLE:
        return f"trial {trial_id} is stopped already, or about to be, as {trial.stop_asked} asked"
    return None if trial.status in STOPPABLE else f"trial {trial_id} {_IS[trial.status]}"


def _why_not_again(state: CampaignState, trial_id: int, *, from_start: bool) -> str | None:
    trial = state.trials.get(trial_id)
    if trial is None:
        return _unknown(state, trial_id)
    if trial.status in (RESTARTABLE if from_start else RETRIABLE):
        return None
    who = f"trial {trial_id} {_IS[trial.status]}"
    if trial_id in state.stopping:
        return f"{who}, and is about to stop: ask again when it has"
    if trial.status is TrialStatus.COMPLETED:
        return f"{who}: it can only be run again from the start (--from-start)"
    return who


def _unknown(state: CampaignState, trial_id: int) -> str:
    known = len(state.trials)
    return f"there is no trial {trial_id}" + (f": 0 to {known - 1} are known" if known else "")


def _who_has(state: CampaignState, key: str) -> str:
    for trial in state.trials.values():
        if canonical(trial.config) == key:
            return f"trial {trial.trial_id} already"
    return "enqueued already"
