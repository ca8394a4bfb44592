"""Time to a target behind a queue: what late binding, waiting seats and warm seats bring.

    python benchmarks/queue_waits.py [--waits 1 30 120] [--seeds 15] [--straggle 0.1]
        [--arrival exponential|lognormal] [--seats 8] [--rows NAME ...]
        [--picture queue_waits.png]

Whole campaigns of the package's own manager on its simulated cluster: promotion ASHA, 1 to 81
epochs, reduction factor 3, 8 seats, until one leg ends with an error at or below what one
configuration in 300 reaches after 81 epochs (the curves of `curves.py`). An epoch takes 60 s times
a log-normal factor of the trial's own (sigma 1); a job starts in 20 s, a leg in 10 s. Each row adds
to those before it, as far as it says:

- bound at submission: a job is submitted for one leg when another job ends, and waits with it, as
  every tool does that submits trials; 8 jobs of the user at once;
- late bound: the same seats take the best offer when they start;
- + queue-ahead: seats wait behind those that run, as many as there is work for up to 250 (the
  default);
- + all wait: the same up to 450 in all (the default before 2026-11-29);
- + learned wall time: the same with `time: auto`, so that short legs ask for little;
- + several legs per job: queue-ahead, and a seat goes on with the next best offer while its 24 h
  last;
- + both: several legs per job, and learned wall time;
- limit: eight seats wait once, and from then on never end, start or load anything. No program can
  do better with the same trials in the same order.

Seats ask for 24 h; the wait named in the table is the mean of such a job. Of jobs submitted
together the first waits as one job does, each other that long x (1 + straggle x an exponential);
with `--straggle -1` all are independent. A job of a quarter of the time waits half as long.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from schedulers import MOST, target_error
from schedulers_parts import ETA, MAX_T
from simulated_campaign import SimulatedCampaign, campaign_folder, random_search, sync_nothing

from hpo.cluster.simulated.arrival import Arrival, Backfill, Exponential, LogNormal
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits, SeatLimits
from hpo.decisions.scheduler import Scheduler
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.settings.limits import AHEAD, SUCCESSORS
from hpo.units.sizes import usable_s

HERE = Path(__file__).resolve().parent


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
    queue_ahead: int | None = AHEAD
    seats: int = SEATS
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
    return replace(case, model=model, most_queued=case.seats, queue_ahead=0)


def _late(case: Case) -> Case:
    return replace(case, queue_ahead=0)


def _ahead(case: Case) -> Case:
    return case  # the default of the program


def _every(case: Case) -> Case:
    return replace(case, queue_ahead=None)


def _several(case: Case) -> Case:
    ahead = SUCCESSORS * case.seats  # as in hpo.settings.limits
    return replace(case, model=replace(case.model, legs_per_job=None), queue_ahead=ahead)


def _learned(case: Case) -> Case:
    return replace(case, learns=True)


def _all(case: Case) -> Case:
    return replace(_learned(_several(case)), queue_ahead=AHEAD)


def _limit(case: Case) -> Case:
    model = replace(case.model, start_s=0.0, load_s=0.0, straggle=0.0, time_min=None)
    return replace(case, model=replace(model, legs_per_job=None), queue_ahead=0)


BASELINE = "bound at submission"
LIMIT = "limit"
ROWS: dict[str, Callable[[Case], Case]] = {
    BASELINE: _bound,
    "late bound": _late,
    "+ queue-ahead": _ahead,
    "+ all wait": _every,
    "+ learned wall time": _learned,
    "+ several legs per job": _several,
    "+ both": _all,
    LIMIT: _limit,
}


def prepare(
    row: str,
    wait_s: float,
    seed: int,
    target: float,
    straggle: float | None,
    arrival: str,
    seats: int = SEATS,
) -> Case:
    """The case of a row."""
    model = ClusterModel(
        seats=seats,
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
    return ROWS[row](Case(row, wait_s, seed, target, straggle, arrival, model, seats=seats))


def simulate(case: Case, most_trials: int) -> Run:
    """One campaign until a leg ends at or below the target, or all trials have ended."""
    with campaign_folder() as root:
        campaign = SimulatedCampaign(root, case.model)
        several = case.model.legs_per_job is None
        limits = Limits(
            n_trials=most_trials,
            target_metric=case.target,
            offers_ahead=2 * case.seats + 32,
            # As in hpo.settings.limits, for `time: auto` and `trials_per_job: auto`.
            timed=case.learns or several,
            max_time_s=usable_s(TIME_MIN),
            learn_time=case.learns,
            offers_untimed=case.seats * (1 if case.learns else 2),
        )
        seats = SeatLimits(
            case.seats,
            case.most_queued,
            queue_ahead=case.queue_ahead,
            legs_per_seat=case.model.legs_per_job,
            learn_time_to=TIME_MIN if case.learns else None,
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


def run_one(case: Case) -> Run:
    """One campaign, in a process of the pool."""
    sync_nothing()
    return simulate(case, MOST)


def main() -> None:
    """Simulate, print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--waits", type=float, nargs="+", default=[1, 30, 120], help="means, min")
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--straggle", type=float, default=0.1, help="-1: independent waits")
    parser.add_argument("--arrival", choices=sorted(WAITS), default="exponential")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seats", type=int, default=SEATS)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="which to run")
    parser.add_argument("--picture", type=Path, help="where to draw it; default: nowhere")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    target = target_error()
    straggle = None if arguments.straggle < 0 else arguments.straggle
    cases = [
        prepare(row, 60.0 * wait, seed, target, straggle, arguments.arrival, arguments.seats)
        for wait in arguments.waits
        for seed in range(arguments.seeds)
        for row in arguments.rows
    ]
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        runs = list(pool.imap_unordered(run_one, cases, chunksize=1))
    _print(runs, arguments.waits, arguments.rows)
    print(
        f"target {target:.4f}; {arguments.seats} seats; waits {arguments.arrival}, straggle "
        f"{arguments.straggle:g}; median (least-most) of {arguments.seeds} seeds, ratios paired by "
        f"seed; {time.perf_counter() - begin:.0f} s of real time"
    )
    if arguments.picture is not None:
        _draw(runs, arguments.waits, arguments.picture)


def of(runs: Sequence[Run], row: str, wait: float) -> list[Run]:
    """The campaigns of a row behind one queue, by seed."""
    found = [run for run in runs if (run.row, run.wait_s) == (row, 60.0 * wait)]
    return sorted(found, key=lambda run: run.seed)


def ratios(runs: Sequence[Run], row: str, wait: float, base: str = BASELINE) -> list[float]:
    """How many times faster than the baseline, seed by seed."""
    pairs = zip(of(runs, base, wait), of(runs, row, wait), strict=True)
    return [other.time_s / own.time_s for other, own in pairs]


def _print(runs: Sequence[Run], waits: Sequence[float], chosen: Sequence[str]) -> None:
    """The table; ratios to the first and the last row that were run."""
    head = [
        "wait",
        "seats",
        "met",
        "hours to target",
        f"x {chosen[0]}",
        f"x {chosen[-1]}",
        "seat-hours",
        "jobs",
        "legs",
    ]
    rows = [head]
    for wait in waits:
        for row in chosen:
            own = of(runs, row, wait)
            rows.append(
                [
                    f"{wait:g} min",
                    row,
                    f"{sum(run.reached for run in own)}/{len(own)}",
                    _spread([run.time_s / 3600 for run in own], ".3g"),
                    _spread(ratios(runs, row, wait, chosen[0]), ".3g"),
                    _spread(ratios(runs, row, wait, chosen[-1]), ".3g"),
                    _spread([run.held_s / 3600 for run in own], ".3g"),
                    f"{statistics.median(run.jobs for run in own):.0f}",
                    f"{statistics.median(run.legs for run in own):.0f}",
                ]
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for line in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _spread(values: Sequence[float], form: str) -> str:
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}}-{max(values):{form}})"


def _draw(runs: Sequence[Run], waits: Sequence[float], path: Path) -> None:
    """The ratios: one group of bars for each wait, dots for the seeds."""
    import matplotlib as mpl  # because the table needs none

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colours = ("#999999", "#56b4e9", "#0072b2", "#cc79a7", "#009e73", "#d55e00", "#000000")
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    width = 0.8 / len(ROWS)
    for number, (row, colour) in enumerate(zip(ROWS, colours, strict=False)):
        for group, wait in enumerate(waits):
            found = ratios(runs, row, wait)
            x = group - 0.4 + (number + 0.5) * width
            label = row if group == 0 else None
            axes.bar(x, statistics.median(found), 0.9 * width, color=colour, label=label)
            axes.plot([x] * len(found), found, ".", color="black", markersize=3, alpha=0.6)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(waits)), [f"{wait:g} min" for wait in waits])
    axes.set_xlabel("mean queue wait")
    axes.set_ylabel("times faster to the target than bound at submission")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
