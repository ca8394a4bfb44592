"""What bounds a campaign, from its settings: for the scheduler, and for the keeper of its seats.

`hpo run` and `hpo plan` share it, so that what is planned is what would be run.
"""

from __future__ import annotations

from hpo.decisions.limits import OFFERS_AHEAD, Limits, SeatLimits
from hpo.settings.spec import CampaignSpec
from hpo.units.sizes import usable_s

# In the simulator no number of waiting jobs was faster, also where the wait was twice their time;
# with one each, campaigns took a tenth to a third longer.
SUCCESSORS = 4
# Seats that wait behind those that run, where each takes one leg: about half of what a user may
# queue on Amarel. In benchmarks/queue_waits.py that costs at most 2 % of the time to target.
AHEAD = 250


def seat_limits(spec: CampaignSpec, executor: str) -> SeatLimits:
    """The bounds on jobs."""
    hpo, slurm = spec.hpo, spec.slurm
    learns_mem, learns_time = _learns(spec, executor)
    return SeatLimits(
        hpo.max_concurrent_jobs,
        hpo.max_queued_jobs,
        mem_mb=0 if learns_mem else slurm.mem_mb,
        queue_ahead=_queue_ahead(spec, learns_time=learns_time),
        legs_per_seat=hpo.legs_per_job,
        shared=not _says_most(spec),
        learn_mem_to=slurm.max_mem_mb if learns_mem else None,
        learn_time_to=slurm.time_min if learns_time else None,
    )


def _queue_ahead(spec: CampaignSpec, *, learns_time: bool) -> int | None:
    if spec.hpo.queue_ahead != "auto":
        return spec.hpo.queue_ahead
    # Jobs that go on for all of their time need a few successors, not one for each of their legs.
    if spec.hpo.legs_per_job is None and not learns_time:
        return SUCCESSORS * spec.hpo.max_concurrent_jobs
    return None if _says_most(spec) else AHEAD


def _says_most(spec: CampaignSpec) -> bool:
    """Whether the user has said how many jobs the campaign may have."""
    return "max_queued_jobs" in spec.hpo.model_fields_set


def _learns(spec: CampaignSpec, executor: str) -> tuple[bool, bool]:
    """Whether memory and time of seats are learned: local processes share one and need no other."""
    on_cluster = executor != "local"
    return on_cluster and spec.slurm.learns_mem, on_cluster and spec.slurm.learns_time


def search_limits(spec: CampaignSpec, max_mem_mb: int, executor: str) -> Limits:
    """The bounds on the search; a leg's memory may be raised to `max_mem_mb`."""
    hpo, slurm = spec.hpo, spec.slurm
    learns_mem, learns_time = _learns(spec, executor)
    return Limits(
        n_trials=hpo.n_trials,
        max_wallclock_s=hpo.max_wallclock_time,
        max_lost_legs=hpo.max_lost_legs,
        max_initial_failures=hpo.max_initial_failures,
        max_seat_s=_max_seat_s(spec),
        target_metric=hpo.target_error,
        mem_mb=slurm.mem_mb,
        max_mem_mb=max_mem_mb,
        learn_mem=learns_mem,
        timed=learns_time or (hpo.legs_per_job != 1 and executor != "local"),
        max_time_s=usable_s(slurm.time_min),
        learn_time=learns_time,
        # Seats that stay are to find the next one at once.
        offers_untimed=hpo.max_concurrent_jobs * (1 if learns_time else 2),
        # Not one's own, which may count how often it is asked.
        fresh=spec.is_learning and spec.searcher is None,
        # A searcher that looks at results is asked as late as possible: one offer for each seat.
        offers_ahead=hpo.max_concurrent_jobs if spec.is_learning else OFFERS_AHEAD,
    )


def _max_seat_s(spec: CampaignSpec) -> float | None:
    hours, gpus = spec.hpo.max_gpu_hours, spec.slurm.gpus
    return None if hours is None else 3600.0 * hours / max(1, gpus)
