"""What an offer asks of the seat that takes it, and which seats all legs ask for, now and later.

An offer keeps what it said when it was made: its name is on the disk, and a seat may be taking it.
What no longer fits has to be taken back first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from hpo.decisions.limits import Limits, SeatLimits, all_trials
from hpo.decisions.whole_trials import LegPolicy
from hpo.record import events as ev
from hpo.record.result import Result
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.record.usage import asking_mb
from hpo.units.sizes import Size, time_class

KEPT_OFF_S = 1800.0  # for another node to become free
MAYBE_ALONE_S = 300.0  # the same, where no other node was ever used
LONGER = 2  # times the time in which a leg saved nothing


class ComingLeg(NamedTuple):
    """A leg that is not offered yet: to `rung`, by `length` of the resource (None: unknown)."""

    rung: int
    length: int | None


def with_needs(event: ev.Event, state: CampaignState, limits: Limits) -> ev.Event:
    """The same decision; an offer says what it needs."""
    if not isinstance(event, ev.LegOffered):
        return event
    trial = state.trials.get(event.trial_id)
    time_s = _time_s(trial, event.rung, event.target, state, limits)
    return replace(event, time_s=time_s, mem_mb=_mem_mb(event, state, limits))


def outdated_offers(state: CampaignState, limits: Limits) -> set[int]:
    """Trials whose offers ask for too much by now.

    They were made before a setting was lowered; or while nobody knew how long legs take, so that
    they want all the time of a new seat, and one that goes on could never take them.
    """
    offered = (state.trials[trial_id] for trial_id in state.of(TrialStatus.OFFERED))
    return {trial.trial_id for trial in offered if _asks_too_much(trial, state, limits)}


def _asks_too_much(trial: TrialState, state: CampaignState, limits: Limits) -> bool:
    if trial.mem_mb > limits.max_mem_mb:
        return True
    most_s = limits.max_time_s
    if not limits.learn_time or trial.time_s < most_s:
        return False  # where times are not learned a new seat takes any leg
    needed_s = _time_s(trial, trial.rung, trial.target, state, limits)
    return trial.time_s > most_s or (state.pace.is_sure and needed_s < most_s)


def has_longer(trial: TrialState, limits: Limits) -> bool:
    """Whether a leg that saved nothing in its time may get more than it had.

    So may one that a seat took for the rest of its time, whose limit is not that of a new seat.
    """
    return limits.timed and max(trial.time_s, trial.outlasted_s) < limits.max_time_s


def outlasts(trial: TrialState, state: CampaignState, limits: Limits) -> bool:
    """Whether the leg of the trial hardly ends within the longest time that one job has."""
    expected = state.pace.expected_s(trial, trial.rung, trial.target)
    return expected is not None and 0 < limits.max_time_s < expected


def offers_ahead(state: CampaignState, limits: Limits) -> int:
    """How many offers may lie ready.

    Few while it is not known what they should say, because they keep what they say.
    """
    known = state.pace.is_sure if limits.learn_time else state.pace.is_known
    if limits.timed and not known:
        return min(limits.offers_ahead, limits.offers_untimed)
    return limits.offers_ahead


def had_mb(
    state: CampaignState, trial: TrialState, ended: Result | ev.LegLost, limits: Limits
) -> int:
    """The memory (MB) that a leg had which ran out of it."""
    if not limits.learn_mem:
        return max(trial.mem_mb, limits.mem_mb)
    # Seats differ, and it may have died before it could say what it had.
    usual_mb = state.usage.usual_mb(limits.max_mem_mb)
    return ended.mem_had_mb or max(trial.mem_mb, usual_mb)


def out_of_memory(had_mb: int, why: str, limits: Limits) -> str:
    """A trial ran out of `had_mb`, and may have no more."""
    if limits.learn_mem:
        asked = f"{had_mb}M of `mem: auto`"
        raising = f"Raise `max_mem` in get_slurm_config() (now {limits.max_mem_mb}M)"
    elif limits.mem_mb == 0:
        asked, raising = "what its job was given", "Ask for more"
    else:
        asked = f"mem={limits.mem_mb}M"
        asked += f", then raised to {had_mb}M" if had_mb > limits.mem_mb else ""
        raising = "Raise `mem` in get_slurm_config(), or `max_mem`"
        raising += f" (now {limits.max_mem_mb}M)"
    return (
        f"out of memory, with {asked}: {why}. {raising}, or leave such configurations out of the "
        "space"
    )


def out_of_time(lost: ev.LegLost, limits: Limits) -> str:
    """A leg reached the longest time limit that it may have, and had saved nothing."""
    setting = "`max_time`" if limits.learn_time else "`time`"
    if not lost.lost_resource:
        return (
            "the job reached its time limit, and nothing was reported in it: either the trial hangs"
            " (`hang_after` in get_hpo_config() ends it sooner, and shows where), or no epoch fits"
            f" in {setting}"
        )
    return (
        f"one checkpoint interval does not fit in {setting}: the job reached its time limit and no "
        f"newer checkpoint was there; raise {setting} or lower checkpoint_interval"
    )


def _time_s(
    trial: TrialState | None, rung: int, target: int | None, state: CampaignState, limits: Limits
) -> int:
    """How long the leg may take; never more than a new seat has, or nobody could take it.

    0 is anybody's guess: a seat that goes on may try it in the time that it has left.
    """
    if not limits.timed:
        return 0
    expected = state.pace.expected_s(trial, rung, target)
    if expected is None:
        return limits.max_time_s if limits.learn_time else 0
    least = 0 if trial is None else LONGER * trial.outlasted_s
    return min(max(1, math.ceil(expected), least), limits.max_time_s)


def _mem_mb(event: ev.LegOffered, state: CampaignState, limits: Limits) -> int:
    """The memory that the leg was raised to, or is known to need beyond what every seat has."""
    trial = state.trials.get(event.trial_id)
    if not limits.learn_mem or trial is None or not trial.used_mb:
        return event.mem_mb
    own = min(asking_mb(trial.used_mb), limits.max_mem_mb)
    return max(event.mem_mb, own if own > state.usage.least_mb(limits.max_mem_mb) else 0)


@dataclass(frozen=True, slots=True)
class WantedSeats:
    """What seats are to be there for.

    `needs` counts the offers by what they need, `coming` further legs that are expected. `usual_mb`
    is the memory that most are to have; None: what the settings say.
    `is_known`: what they need was learned, so that seats which wait with more may give it up.
    """

    needs: Mapping[Size, int]
    coming: Mapping[Size, int]
    usual_mb: int | None
    is_known: bool


NO_SEATS = WantedSeats({}, {}, None, is_known=False)


def wanted_seats(
    state: CampaignState, limits: SeatLimits, to_come: Mapping[ComingLeg, int]
) -> WantedSeats:
    """The seats that the offers ask for, and the legs `to_come` that are not offered yet."""
    max_mem_mb, max_time_min = limits.learn_mem_to, limits.learn_time_to
    usual_mb = None if max_mem_mb is None else state.usage.usual_mb(max_mem_mb)
    needs: Counter[Size] = Counter()
    for trial_id in state.of(TrialStatus.OFFERED):
        trial = state.trials[trial_id]
        raised_mb = trial.mem_mb if trial.mem_mb > limits.mem_mb else 0
        mem_mb = max(raised_mb, usual_mb or 0) or None
        needs[Size(mem_mb, _class_of(trial.time_s, max_time_min))] += 1
    coming: Counter[Size] = Counter()
    for leg, count in to_come.items():
        time_s = state.pace.expected_s(None, leg.rung, leg.length) or 0
        coming[Size(usual_mb, _class_of(math.ceil(time_s), max_time_min))] += count
    knows_time = max_time_min is None or state.pace.is_sure
    knows_memory = max_mem_mb is None or state.usage.is_known
    learns = max_time_min is not None or max_mem_mb is not None
    is_known = learns and knows_time and knows_memory
    return WantedSeats(needs, coming, usual_mb, is_known)


def kept_off(state: CampaignState, now: float, working: Collection[str]) -> frozenset[str]:
    """Nodes on which a seat would find nothing now, because all offers are to be kept off them.

    Only for a while, longer where others are among those that were seen `working`: there may be no
    other node.
    """
    offered = [state.trials[trial_id] for trial_id in state.of(TrialStatus.OFFERED)]
    off = frozenset(trial.off for trial in offered if trial.off)
    for_s = KEPT_OFF_S if set(working) - off else MAYBE_ALONE_S
    everywhere = not all(trial.off and now < trial.offered_at + for_s for trial in offered)
    return frozenset() if everywhere else off


def _class_of(time_s: int, max_time_min: int | None) -> int | None:
    """The time limit (min) for an offer; one that says nothing was made before times were learned.

    Without times that are learned there is none.
    """
    return max_time_min if max_time_min is None or not time_s else time_class(time_s, max_time_min)


def legs_to_come(state: CampaignState, limits: Limits, legs: LegPolicy) -> Mapping[ComingLeg, int]:
    """How many legs of each kind are still to come: of new trials, and of those promoted.

    An estimate, so that seats wait in the queue before there is an offer for them.
    Each leg that runs counts as one that may be followed by another, however unlikely that is:
    near the end that one would have to wait in the queue, and the whole campaign for it.
    """
    undrawn = max(0, all_trials(state, limits.n_trials) - len(state.trials))
    undrawn = len(state.enqueued) if state.exhausted else undrawn
    coming = Counter(legs.promotions_to_come(state, undrawn)) | _followers(state, limits)
    coming[0] += undrawn
    return {ComingLeg(rung, legs.length(rung)): n for rung, n in coming.items() if n}


def _followers(state: CampaignState, limits: Limits) -> Counter[int]:
    """By rung, what may follow the legs that run: the next ones, and the rest of a long one."""
    running = [state.trials[trial_id] for trial_id in state.of(TrialStatus.CLAIMED)]
    next_rungs = Counter(trial.rung + 1 for trial in running if not trial.final)
    return next_rungs | Counter(t.rung for t in running if outlasts(t, state, limits))
