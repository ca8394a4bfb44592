"""Asynchronous against synchronous successive halving and random search, in virtual time.

    python benchmarks/schedulers.py [--seats 1 8 64 512] [--seeds 5] [--picture schedulers.png]

Whole campaigns of the package's own manager on its simulated cluster, until one leg ends with an
error at or below the target: what one configuration in 300 reaches after 81 epochs. A trial's
epochs take 30 s times a log-normal factor of its own (sigma 1: a tenth of the trials are slower
than 3.6 times the median). There is no queue wait; a job takes 1 s to start. The learning curves
are those of `curves.py`. Needs matplotlib for the picture, and no SLURM.

- ASHA: by promotion, 1 to 81 epochs, reduction factor 3;
- sync SH: brackets of 81 trials, or the next multiple that gives every seat one; a rung promotes
  when the last of its trials has come to it, and a bracket begins when the one before has ended;
- sync SH, filled: the same, but seats that would wait take trials of the next brackets;
- random: whole trials of 81 epochs.

A campaign draws at most 2100 trials, rounded up to whole brackets.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from curves import error
from schedulers_parts import EPOCH_S, MAX_T, METHODS, Run, simulate
from simulated_campaign import random_search

ONE_IN = 300
MOST = 7 * ONE_IN  # trials; a target that one in 300 meets is missed by all with a chance of 0.1 %
HERE = Path(__file__).resolve().parent
COLOURS = ("#0072b2", "#d55e00", "#e69f00", "#555555")  # told apart by the colour-blind too
MARKS = ("o", "s", "D", "^")


def target_error(draws: int = 20_000) -> float:
    """The error that one configuration in 300 reaches, from draws that no campaign makes."""
    search = random_search(MAX_T, 10**6)
    finals = []
    for trial_id in range(draws):
        config = search.suggest(trial_id, ())
        assert config is not None
        finals.append(error(config, MAX_T))
    return sorted(finals)[draws // ONE_IN]


def run_one(job: tuple[str, int, int, float]) -> Run:
    """One campaign, in a process of the pool."""
    method, seats, seed, target = job
    return simulate(method, seats, seed, target, MOST)


def main() -> None:
    """Simulate, print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seats", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--picture", type=Path, default=HERE / "schedulers.png")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    target = target_error()
    jobs = [
        (method, seats, seed, target)
        for seats in sorted(arguments.seats, reverse=True)  # the long ones first
        for method in METHODS
        for seed in range(arguments.seeds)
    ]
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        runs = list(pool.imap_unordered(run_one, jobs, chunksize=1))
    _print(runs, sorted(arguments.seats))
    print(
        f"target {target:.4f}; median (least-most) of {arguments.seeds} seeds; an epoch takes "
        f"{EPOCH_S:.0f} s (median); {time.perf_counter() - begin:.0f} s of real time"
    )
    _draw(runs, arguments.picture)


def _of(runs: Sequence[Run], method: str, seats: int) -> list[Run]:
    return sorted(
        (run for run in runs if (run.method, run.seats) == (method, seats)),
        key=lambda run: run.seed,
    )


def _print(runs: Sequence[Run], sizes: Sequence[int]) -> None:
    rows = [
        ["seats", "search", "met", "hours to target", "x ASHA", "utilisation", "epochs", "trials"]
    ]
    for seats in sizes:
        asha = _of(runs, METHODS[0], seats)
        for method in METHODS:
            own = _of(runs, method, seats)
            ratios = [a.time_s / b.time_s for a, b in zip(own, asha, strict=True)]
            rows.append(
                [
                    str(seats),
                    method,
                    f"{sum(run.reached for run in own)}/{len(own)}",
                    _spread(own, lambda run: run.time_s / 3600, ".3g"),
                    f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})",
                    _spread(own, lambda run: run.utilisation, ".2f"),
                    _spread(own, lambda run: run.epochs, ".0f"),
                    f"{statistics.median(run.trials for run in own):.0f}",
                ]
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def _spread(runs: Sequence[Run], value: Callable[[Run], float], form: str) -> str:
    values = [value(run) for run in runs]
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}}-{max(values):{form}})"


def _draw(runs: Sequence[Run], path: Path) -> None:
    """Time to target over seats: median, and least to most as a band; beside it the utilisation."""
    import matplotlib as mpl  # because the table needs none

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted({run.seats for run in runs})
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for method, colour, mark in zip(METHODS, COLOURS, MARKS, strict=True):
        style = {"color": colour, "marker": mark, "label": method, "linewidth": 1.8}
        hours = [[run.time_s / 3600 for run in _of(runs, method, seats)] for seats in sizes]
        left.plot(sizes, [statistics.median(h) for h in hours], **style)
        least, most = [min(h) for h in hours], [max(h) for h in hours]
        left.fill_between(sizes, least, most, color=colour, alpha=0.15, linewidth=0)
        used = [[100 * run.utilisation for run in _of(runs, method, seats)] for seats in sizes]
        right.plot(sizes, [statistics.median(u) for u in used], **style)
    left.set(yscale="log", ylabel="time to target, h (virtual)", title="Time to target")
    left.yaxis.set_major_formatter("{x:g}")
    right.set(ylim=(0, 104), ylabel="seat time on legs, %", title="Seat utilisation until then")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(sizes, [str(seats) for seats in sizes])
        axes.minorticks_off()
        axes.set_xlabel("seats")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
