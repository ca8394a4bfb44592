"""Random search at 1 to 512 simulated seats: how much of the seats' time is training.

    python benchmarks/seats_in_use.py [--seats 1 8 64 512] [--per-seat 64] [--seeds 3] [--ahead 250]

Whole campaigns of the package's own manager on its simulated cluster, in virtual time. A trial has
9 epochs of 60 s x a log-normal factor of its own (sigma 0.8): 9 min in the median, a tenth longer
than 25 min. Every seat gets `--per-seat` trials on average. There is no queue wait: what the queue
costs is told by queue_waits.py; here it is what the program itself leaves idle.

- efficiency: seat time that trained / (seats x time from the first start of a job to the last end
  of a leg);
- ideal: the same, for the same trials in the same order, on seats that lose no time between two
  trials. It is below 1 for the end of the campaign alone, where some seats have nothing left to do;
- / ideal: what the program leaves of what is possible. What is missing is the starts of jobs
  (20 s, and 10 s to load) and nothing else, or it would grow with the seats;
- without starts: the same in campaigns in which a start and a load take no time.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from simulated_campaign import SimulatedCampaign, campaign_folder, random_search, sync_nothing

from hpo.cluster.simulated.arrival import Constant
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.decisions.whole_trials import WholeTrials
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.settings.limits import AHEAD

EPOCHS, EPOCH_S, SPREAD = 9, 60.0, 0.8
START_S, LOAD_S = 20.0, 10.0
KINDS = {
    "one trial per job": (START_S, LOAD_S, 1),
    "several per job": (START_S, LOAD_S, None),
    "without starts": (0.0, 0.0, 1),
}


@dataclass(frozen=True)
class Run:
    """One campaign; efficiencies are shares of 1."""

    kind: str
    seats: int
    seed: int
    trials: int
    hours: float
    efficiency: float
    ideal: float


def run_one(job: tuple[str, int, int, int, int | None]) -> Run:
    """One campaign, in a process of the pool."""
    kind, seats, per_seat, seed, ahead = job
    sync_nothing()
    start_s, load_s, legs = KINDS[kind]
    model = ClusterModel(
        seats=seats,
        arrival=Constant(0.0),
        start_s=start_s,
        load_s=load_s,
        epoch_s=EPOCH_S,
        epoch_spread=SPREAD,
        legs_per_job=legs,
        poll_s=60.0,
        tick_s=2.0,
        seed=seed,
    )
    n_trials = seats * per_seat
    with campaign_folder() as root:
        campaign = SimulatedCampaign(root, model)
        bounds = Limits(n_trials=n_trials, offers_ahead=min(1000, 4 * seats + 32))
        scheduler = Scheduler(random_search(EPOCHS, seed), bounds, WholeTrials())
        limits = SeatLimits(seats, max(450, 2 * seats), queue_ahead=ahead)
        campaign.manager(scheduler, limits).run()
        events = read_events(campaign.layout.journal)
        use = campaign.cluster.lives.use
    order = [event.trial_id for event in events if isinstance(event, ev.LegClaimed)]
    span_s = use.last_end - use.first_start
    assert len(use.legs_run) == len(order) == n_trials
    took = [EPOCHS * model.epoch_of_trial_s(trial_id) for trial_id in order]
    best = _packed(took, seats)
    total = sum(took)
    return Run(
        kind, seats, seed, n_trials, span_s / 3600, total / (seats * span_s), total / (seats * best)
    )


def _packed(took: Sequence[float], seats: int) -> float:
    """When the last of the trials ends if each starts as soon as a seat is free."""
    free = [0.0] * seats
    for seconds in took:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seats", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--per-seat", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--ahead", type=int, default=AHEAD, help="jobs that wait; -1: all there are"
    )
    arguments = parser.parse_args()
    ahead = None if arguments.ahead < 0 else arguments.ahead
    begin = time.perf_counter()
    jobs = [
        (kind, seats, arguments.per_seat, seed, ahead)
        for seats in sorted(arguments.seats, reverse=True)  # the long ones first
        for kind in KINDS
        for seed in range(arguments.seeds)
    ]
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        runs = list(pool.imap_unordered(run_one, jobs, chunksize=1))
    rows = [["seats", "seats' jobs", "trials", "hours", "efficiency", "ideal", "/ ideal"]]
    for seats in sorted(arguments.seats):
        for kind in KINDS:
            own = [run for run in runs if (run.seats, run.kind) == (seats, kind)]
            rows.append(
                [
                    str(seats),
                    kind,
                    str(own[0].trials),
                    _spread([run.hours for run in own], 1),
                    _spread([run.efficiency for run in own], 3),
                    _spread([run.ideal for run in own], 3),
                    _spread([run.efficiency / run.ideal for run in own], 3),
                ]
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    print(
        f"median (least-most) of {arguments.seeds} seeds; {arguments.per_seat} trials for each "
        f"seat; {time.perf_counter() - begin:.0f} s of real time"
    )


def _spread(values: Sequence[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
