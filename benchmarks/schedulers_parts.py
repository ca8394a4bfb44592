"""The two halves of schedulers.py that are not its report: synchronous halving, and one campaign.

A campaign runs through the package's own manager, offers, legs and checkpoints, on its simulated
cluster. What it came to is read from its journal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from simulated_campaign import SimulatedCampaign, campaign_folder, random_search, sync_nothing

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialState, TrialStatus

MAX_T, ETA, COHORT = 81, 3, 81
SPREAD = 1.0  # sigma of the log-normal of the trials' epoch times
EPOCH_S, START_S = 30.0, 1.0
ASHA, SYNC, SYNC_FILLED, RANDOM = "ASHA", "sync SH", "sync SH, filled", "random"
METHODS = (ASHA, SYNC, SYNC_FILLED, RANDOM)


@dataclass(frozen=True)
class SynchronousHalving:
    """Successive halving by cohorts: a rung promotes once, when the last of its trials is there.

    Trials n * cohort … (n + 1) * cohort - 1 are one bracket. A failed trial does not block.
    """

    rungs: Asha
    cohort: int
    _over: set[int] = field(default_factory=set, compare=False, repr=False)

    def at(self, state: CampaignState) -> SynchronousHalving:
        """Its rungs stay as they are."""
        del state
        return self

    def bracket(self, trial_id: int) -> int:
        """All start at the first rung."""
        del trial_id
        return 0

    def target(self, config: Mapping[str, Any], rung: int) -> int | None:
        """The resource of the rung."""
        return self.rungs.target(config, rung)

    def is_final(self, rung: int) -> bool:
        """Whether `rung` is the last."""
        return self.rungs.is_final(rung)

    def after_rung(self, state: CampaignState, trial: TrialState, now: float) -> ev.Event:
        """Pause, or complete at the last rung."""
        return self.rungs.after_rung(state, trial, now)

    def promotions(self, state: CampaignState) -> Iterable[int]:
        """The best 1/eta of every rung that all of its cohort's trials have come to."""
        open_ = {TrialStatus.WAITING, TrialStatus.OFFERED, TrialStatus.CLAIMED}
        due: list[tuple[int, int]] = []
        for cohort in range(len(state.trials) // self.cohort):
            if cohort in self._over:
                continue
            first = cohort * self.cohort
            trials = [state.trials[i] for i in range(first, first + self.cohort)]
            rung = max(trial.rung for trial in trials)
            running = [trial for trial in trials if trial.rung == rung]
            if any(trial.status in open_ for trial in running):
                continue
            if self.is_final(rung):
                self._over.add(cohort)
                continue
            there = {t.trial_id for t in running if t.status is TrialStatus.PAUSED}
            kept = max(1, self.cohort // self.rungs.reduction_factor ** (rung + 1))
            ranked = (i for _, i in state.rungs[0, rung].ranked if i in there)
            due += [(-rung, i) for i, _ in zip(ranked, range(kept), strict=False)]
        return [trial_id for _, trial_id in sorted(due, key=lambda entry: entry[0])]

    def hopeless(self, state: CampaignState, n_trials: int) -> Collection[int]:
        """Nothing is deleted here."""
        del state, n_trials
        return ()

    def length(self, rung: int) -> int | None:
        """As in ASHA."""
        return self.rungs.length(rung)

    def promotions_to_come(self, state: CampaignState, undrawn: int) -> Mapping[int, int]:
        """In the end as many as without waiting."""
        return self.rungs.promotions_to_come(state, undrawn)


@dataclass(frozen=True)
class Run:
    """One simulated campaign, up to the target or its end; times in s, virtual."""

    method: str
    seats: int
    seed: int
    reached: bool
    time_s: float
    utilisation: float
    epochs: float
    trials: int
    late_s: float  # median time from a promotion's offer to its claim


def cohort_of(seats: int) -> int:
    """Trials of a synchronous bracket: 81, or the next multiple that gives every seat one."""
    return COHORT * max(1, -(-seats // COHORT))


def simulate(method: str, seats: int, seed: int, target: float, most: int) -> Run:
    """One campaign until a leg ends at or below `target`, or `most` trials are drawn and ended."""
    sync_nothing()
    model = ClusterModel(
        seats=seats,
        queue_wait_s=0.0,
        start_s=START_S,
        epoch_s=EPOCH_S,
        epoch_spread=SPREAD,
        seed=seed,
    )
    with campaign_folder() as root:
        campaign = SimulatedCampaign(root, model, claim_timeout=30.0)
        cohort = cohort_of(seats)
        limit = -(-most // cohort) * cohort
        drawn = cohort if method == SYNC else limit  # one bracket after the other, or all at once
        search = random_search(MAX_T, seed)
        while True:
            limits = Limits(n_trials=drawn, target_metric=target, offers_ahead=seats + 32)
            scheduler = Scheduler(search, limits, _policy(method, cohort))
            seat_limits = SeatLimits(seats, max(450, 2 * seats))
            manager = campaign.manager(scheduler, seat_limits, until_target=True)
            if not manager.run() or manager.state.ending is not None or drawn >= limit:
                break
            drawn += cohort  # the limits were raised: the manager starts again
        return _summary(method, seats, seed, read_events(campaign.layout.journal), model)


def _policy(method: str, cohort: int) -> LegPolicy:
    rungs = Asha(max_t=MAX_T, reduction_factor=ETA)
    if method == RANDOM:
        return WholeTrials()
    return rungs if method == ASHA else SynchronousHalving(rungs, cohort)


def _summary(
    method: str, seats: int, seed: int, events: list[ev.Event], model: ClusterModel
) -> Run:
    """Fold the journal: what was spent until the target was met."""
    ended = [e for e in events if isinstance(e, (ev.CampaignEnding, ev.CampaignEnded))]
    until = next((e.time for e in ended if isinstance(e, ev.CampaignEnding)), ended[-1].time)
    reached = any(isinstance(e, ev.CampaignEnding) for e in ended)
    target: dict[int, int] = {}
    done: dict[int, int] = {}
    offered: dict[int, float] = {}
    claimed: dict[int, float] = {}
    late: list[float] = []
    busy_s, epochs = 0.0, 0.0
    for event in events:
        match event:
            case ev.LegOffered():
                offered[event.trial_id] = event.time
                target[event.trial_id] = event.target or MAX_T
            case ev.LegClaimed():
                claimed[event.trial_id] = event.time
                if event.rung > 0:
                    late.append(event.time - offered[event.trial_id])
            case ev.LegFinished():
                busy_s += event.time - claimed.pop(event.trial_id)
                epochs += event.result.resource - done.get(event.trial_id, 0)
                done[event.trial_id] = event.result.resource
            case _:
                pass
    for trial_id, since in claimed.items():  # runs on when the target is met
        speed = np.random.default_rng([model.seed, trial_id]).lognormal(0, model.epoch_spread)
        spent_s = max(0.0, until - since)
        busy_s += spent_s
        left = target[trial_id] - done.get(trial_id, 0)
        epochs += min(left, spent_s / (model.epoch_s * float(speed)))
    return Run(
        method,
        seats,
        seed,
        reached,
        until,
        busy_s / (seats * until),
        epochs,
        sum(isinstance(e, ev.LegClaimed) and e.rung == 0 for e in events),
        float(np.median(late)) if late else 0.0,
    )
