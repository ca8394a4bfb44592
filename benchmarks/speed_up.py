"""Random search on the real SLURM at 1, 2, 4 and 8 seats: how much of the seats' time is training.

    python benchmarks/speed_up.py [--seats 1 2 4 8] [--per-seat 12] [--mean 20] [--repeats 1]

A trial sleeps for about 20 s, log-normal with sigma 0.8: one in twenty sleeps 2.7 times as long.
Campaigns with one trial per job and with `trials_per_job: auto` take turns. There are 12 trials for
each seat, so that the last ones, for which some seats wait with nothing left to
do, weigh about the same everywhere. All times are the nodes' own, from the trials' results:

- efficiency: sum of the legs' times / (seats x time from the first leg's start to the last's end);
- ideal: the same with the same trials, in the same order, on seats that lose no time between two
  trials. It is below 1 because of the last trials alone;
- dead s a trial: seat time without a leg until the last leg starts, when there was work for every
  seat, for each leg that was started on a seat that had become free.
"""

from __future__ import annotations

import argparse
import heapq
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slurm_campaign import OUTPUT, Leg, legs, require_slurm, run_campaign

CONFIG = """
import math, time
from statistics import NormalDist
from hpo import uniform

def get_config_space():
    return {"luck": uniform(0.001, 0.999), "max_epochs": 1}

def get_slurm_config():
    return {"time": "0:30:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(n_trials)d, "max_concurrent_jobs": %(seats)d, "seed": %(seed)d,
            "output_dir": "%(output)s", "poll_interval": 5, "claim_timeout": 10,
            "result_grace": 5, "trials_per_job": %(per_job)s}

def objective(config, trial):
    law = NormalDist(math.log(%(mean)r) - 0.8 ** 2 / 2, 0.8)
    time.sleep(math.exp(law.inv_cdf(config["luck"])))
    trial.report(epoch=1, validation_error=config["luck"])
"""


@dataclass(frozen=True)
class Measured:
    """One campaign; times in s."""

    seats: int
    n_legs: int
    mean_s: float
    span_s: float
    manager_s: float
    efficiency: float
    ideal: float
    dead_s: float
    load: float


def measure(seats: int, n_trials: int, seed: int, per_job: int | str, mean_s: float) -> Measured:
    """Run one campaign and count."""
    values = {"n_trials": n_trials, "seats": seats, "seed": seed, "output": OUTPUT}
    values |= {"per_job": repr(per_job), "mean": mean_s}
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        manager_s = run_campaign(project, CONFIG % values)
        ran = legs(project)
    if len(ran) != n_trials:
        raise RuntimeError(f"{len(ran)} legs were run for {n_trials} trials")
    if at_once(ran) > seats:
        raise RuntimeError(f"{at_once(ran)} legs ran at once on {seats} seats")
    took = [leg.end - leg.start for leg in ran]
    span_s = max(leg.end for leg in ran) - ran[0].start
    return Measured(
        seats,
        len(ran),
        statistics.mean(took),
        span_s,
        manager_s,
        sum(took) / (seats * span_s),
        sum(took) / (seats * packed(took, seats)),
        dead(ran, seats),
        os.getloadavg()[0],
    )


def at_once(ran: Sequence[Leg]) -> int:
    """The most legs that ran at one time."""
    steps = sorted([(leg.start, 1) for leg in ran] + [(leg.end, -1) for leg in ran])
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


def packed(took: Sequence[float], seats: int) -> float:
    """When the last of the trials ends if each starts as soon as a seat is free."""
    free = [0.0] * seats
    for seconds in took:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def dead(ran: Sequence[Leg], seats: int) -> float:
    """Seat time without a leg before the last start, for each leg but every seat's first."""
    first, last = ran[0].start, ran[-1].start
    trained = sum(min(leg.end, last) - leg.start for leg in ran)
    return (seats * (last - first) - trained) / (len(ran) - seats)


def main() -> None:
    """Run the campaigns, sizes taking turns, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seats", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--per-seat", type=int, default=12)
    parser.add_argument("--mean", type=float, default=20.0, help="seconds of a trial")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    require_slurm()
    kinds: dict[str, int | str] = {"one per job": 1, "several": "auto"}
    found: dict[tuple[int, str], list[Measured]] = {}
    for seed in range(arguments.repeats):
        for seats in arguments.seats:
            for kind, per_job in kinds.items():
                n_trials = seats * arguments.per_seat
                run = measure(seats, n_trials, seed, per_job, arguments.mean)
                found.setdefault((seats, kind), []).append(run)
    names = ["trial s", "span s", "manager s", "efficiency", "ideal", "/ ideal", "dead s a trial"]
    print("seats               trials  " + "  ".join(name.ljust(19) for name in [*names, "load"]))
    for (seats, kind), runs in found.items():
        columns = [
            _spread([run.mean_s for run in runs], 2),
            _spread([run.span_s for run in runs], 0),
            _spread([run.manager_s for run in runs], 0),
            _spread([run.efficiency for run in runs], 3),
            _spread([run.ideal for run in runs], 3),
            _spread([run.efficiency / run.ideal for run in runs], 3),
            _spread([run.dead_s for run in runs], 2),
            _spread([run.load for run in runs], 1),
        ]
        cells = "  ".join(text.ljust(19) for text in columns)
        print(f"{seats:5}  {kind:11}  {runs[0].n_legs:6}  {cells}")
    print(f"median (least-most) of {arguments.repeats} runs; {os.cpu_count()} cores")


def _spread(values: Sequence[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
