"""A plan as text for people, and as plain data for programs. Prints nothing itself."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from hpo.plan.assumptions import sentences
from hpo.plan.plan import Plan, Row
from hpo.plan.simulation import Outcome


def rung_table(plan: Plan) -> Table:
    """What is to be trained: rungs, legs, epochs and hours at the assumed median epoch."""
    table = _table("rung", "legs", "epochs", _hours_of(plan))
    unit_s = plan.assumptions.epoch_s * max(1, plan.spec.slurm.gpus)
    for rung in plan.rungs:
        hours = rung.epochs * unit_s / 3600.0
        table.add_row(str(rung.resource), str(rung.legs), str(rung.epochs), _figure(hours))
    epochs = sum(rung.epochs for rung in plan.rungs)
    legs = sum(rung.legs for rung in plan.rungs)
    table.add_section()
    table.add_row("in all", str(legs), str(epochs), _figure(epochs * unit_s / 3600.0))
    return table


def comparison(plan: Plan) -> Table:
    """The rows: how long the campaign takes, and what it costs."""
    table = _table("", "hours", "faster", _hours_of(plan), "jobs", "busy")
    for row in plan.rows:
        hours = [plan.scale * s / 3600.0 for s in row.spread(lambda outcome: outcome.time_s)]
        held = [plan.scale * h for h in row.spread(lambda outcome: _gpu_hours(plan, outcome))]
        jobs = plan.scale * row.spread(lambda outcome: outcome.jobs)[0]
        busy = row.spread(lambda outcome: outcome.utilisation(plan.assumptions.seats))[0]
        table.add_row(
            row.variant.name,
            _range(hours),
            _ratios(faster(plan, row)),
            _range(held),
            f"{jobs:.0f}",
            f"{busy:.0%}",
        )
    return table


def faster(plan: Plan, row: Row) -> list[float]:
    """How many times the hours of the row the campaign takes as it is set, seed by seed."""
    pairs = zip(plan.rows[0].outcomes, row.outcomes, strict=True)
    return [ours.time_s / theirs.time_s if theirs.time_s else 1.0 for ours, theirs in pairs]


def assumption_lines(plan: Plan) -> Iterator[str]:
    """What the figures rest on, and what was left out."""
    yield from sentences(plan.assumptions, plan.spec)
    if plan.spec.searcher is not None:
        yield "your searcher is not asked: random search stands in for it"
    elif (searcher := plan.spec.searcher_name) != "random":
        yield f"{searcher} is not asked: random search stands in for it"
    few = "all trials"
    if plan.scale != 1.0:
        few = (
            f"the first {plan.simulated_trials} of {plan.spec.hpo.n_trials} trials, and "
            f"multiplied by {plan.scale:.1f} (--trials simulates more)"
        )
    seeds = f"{plan.n_seeds} seeds" if plan.n_seeds > 1 else "one seed"
    yield f"simulated with {seeds}: " + few + "; median (least-most)"
    first = plan.rows[0]
    if cut := first.spread(lambda outcome: outcome.cut)[0]:
        yield (
            f"legs that do not get to their rung in one job: {plan.scale * cut:.0f}, because of "
            f"`time` ({plan.spec.slurm.longest_time}) or "
            "preemption; they go on from their checkpoints"
        )
    if failed := first.spread(lambda outcome: outcome.failed)[0]:
        yield (
            f"trials that come to nothing: {plan.scale * failed:.0f}; from one checkpoint to the "
            f"next they need more than `time` ({plan.spec.slurm.longest_time})"
        )


def as_data(plan: Plan) -> dict[str, Any]:
    """The same for programs; hours of jobs or GPUs, over seeds."""
    return {
        "trials": plan.spec.hpo.n_trials,
        "simulated_trials": plan.simulated_trials,
        "seeds": plan.n_seeds,
        "seats": plan.assumptions.seats,
        "hours_of": "GPUs" if plan.spec.slurm.gpus else "jobs",
        "assumptions": list(assumption_lines(plan)),
        "rungs": [rung._asdict() for rung in plan.rungs],
        "rows": [
            {
                "name": row.variant.name,
                "meaning": row.variant.meaning,
                "hours": [plan.scale * o.time_s / 3600.0 for o in row.outcomes],
                "charged_hours": [plan.scale * _gpu_hours(plan, o) for o in row.outcomes],
                "jobs": [plan.scale * o.jobs for o in row.outcomes],
                "seats_busy": [o.utilisation(plan.assumptions.seats) for o in row.outcomes],
                "times_as_fast": faster(plan, row),
            }
            for row in plan.rows
        ],
    }


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _hours_of(plan: Plan) -> str:
    return "GPU-hours" if plan.spec.slurm.gpus else "job-hours"


def _gpu_hours(plan: Plan, outcome: Outcome) -> float:
    return outcome.held_s * max(1, plan.spec.slurm.gpus) / 3600.0


def _ratios(values: list[float]) -> str:
    middle = f"{statistics.median(values):.2f}"
    same = len(values) == 1 or set(values) == {1.0}
    return middle if same else f"{middle} ({min(values):.2f}-{max(values):.2f})"


def _range(values: list[float]) -> str:
    middle, least, most = (_figure(value) for value in values)
    return middle if least == most else f"{middle} ({least}-{most})"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
