"""One campaign of queue_waits.py: promotion ASHA on 8 seats behind a queue, until its target.

The package's own manager, offers, legs and checkpoints on its simulated cluster, in virtual time.
A row of the table is one change of settings or of the model; see `ROWS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from schedulers_parts import ETA, MAX_T
from simulated_campaign import SimulatedCampaign, campaign_folder, random_search

from hpo.cluster.simulated.arrival import Arrival, Backfill, Exponential, LogNormal
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits, SeatLimits
from hpo.decisions.scheduler import Scheduler
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.settings.limits import SUCCESSORS
from hpo.units.sizes import usable_s

SEATS = 8
EPOCH_S, SPREAD = 60.0, 1.0
START_S, LOAD_S = 20.0, 10.0
TIME_MIN = 24 * 60  # what every seat asks for, where nothing is learned
WAITS: dict[str, Callable[[float], Arrival]] = {
    "exponential": Exponential,
    "lognormal": LogNormal,
}


@dataclass(frozen=True)
class Case:
    """One campaign: a row, a queue and a seed; times in s."""

    row: str
    wait_s: float
    seed: int
    target: float
    straggle: float | None
    arrival: str
    model: ClusterModel = field(default_factory=ClusterModel)
    queue_ahead: int | None = None
    learns: bool = False  # the time that seats ask for
    most_queued: int = 450


@dataclass(frozen=True)
class Run:
    """When the target was met (s, virtual), and what was charged until then."""

    row: str
    wait_s: float
    seed: int
    reached: bool
    time_s: float
    held_s: float
    jobs: int
    legs: int
    submits: int


def _bound(case: Case) -> Case:
    model = replace(case.model, bound_at_submission=True)
    return replace(case, model=model, most_queued=SEATS, queue_ahead=0)


def _late(case: Case) -> Case:
    return replace(case, queue_ahead=0)


def _ahead(case: Case) -> Case:
    return case  # the default of the program


def _several(case: Case) -> Case:
    ahead = SUCCESSORS * SEATS  # as in hpo.campaign_limits
    return replace(case, model=replace(case.model, legs_per_job=None), queue_ahead=ahead)


def _learned(case: Case) -> Case:
    return replace(case, learns=True)


def _all(case: Case) -> Case:
    return replace(_learned(_several(case)), queue_ahead=None)


def _limit(case: Case) -> Case:
    model = replace(case.model, start_s=0.0, load_s=0.0, straggle=0.0, time_min=0)
    return replace(case, model=replace(model, legs_per_job=None), queue_ahead=0)


BASELINE = "bound at submission"
LIMIT = "limit"
ROWS: dict[str, Callable[[Case], Case]] = {
    BASELINE: _bound,
    "late bound": _late,
    "+ queue-ahead": _ahead,
    "+ learned wall time": _learned,
    "+ several legs per job": _several,
    "+ both": _all,
    LIMIT: _limit,
}


def prepare(
    row: str, wait_s: float, seed: int, target: float, straggle: float | None, arrival: str
) -> Case:
    """The case of a row."""
    model = ClusterModel(
        seats=SEATS,
        arrival=Backfill(WAITS[arrival](wait_s), TIME_MIN),
        straggle=straggle,
        start_s=START_S,
        load_s=LOAD_S,
        epoch_s=EPOCH_S,
        epoch_spread=SPREAD,
        time_min=TIME_MIN,
        poll_s=60.0,
        tick_s=2.0,
        seed=seed,
    )
    return ROWS[row](Case(row, wait_s, seed, target, straggle, arrival, model))


def simulate(case: Case, most_trials: int) -> Run:
    """One campaign until a leg ends at or below the target, or all trials have ended."""
    with campaign_folder() as root:
        campaign = SimulatedCampaign(root, case.model)
        several = case.model.legs_per_job is None
        limits = Limits(
            n_trials=most_trials,
            target_metric=case.target,
            offers_ahead=2 * SEATS + 32,
            # As in hpo.campaign_limits, for `time: auto` and `trials_per_job: auto`.
            timed=case.learns or several,
            max_time_s=usable_s(TIME_MIN),
            learn_time=case.learns,
            offers_untimed=SEATS * (1 if case.learns else 2),
        )
        seats = SeatLimits(
            SEATS,
            case.most_queued,
            queue_ahead=case.queue_ahead,
            legs_per_seat=case.model.legs_per_job,
            learn_time_to=TIME_MIN if case.learns else 0,
        )
        asha = Asha(max_t=MAX_T, reduction_factor=ETA)
        scheduler = Scheduler(random_search(MAX_T, case.seed), limits, asha)
        campaign.manager(scheduler, seats, until_target=True).run()
        events = read_events(campaign.layout.journal)
        ends = [e.time for e in events if isinstance(e, (ev.CampaignEnding, ev.CampaignEnded))]
        return Run(
            case.row,
            case.wait_s,
            case.seed,
            any(isinstance(e, ev.CampaignEnding) for e in events),
            ends[0],
            campaign.cluster.lives.charged_s(),
            campaign.cluster.lives.use.started,
            len(campaign.cluster.lives.use.legs_run),
            campaign.cluster.calls["submit"],
        )
