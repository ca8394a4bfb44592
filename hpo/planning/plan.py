"""A plan: every row of the comparison simulated with every seed, within a user's patience.

Owns how many trials are simulated and how figures of some trials stand for all. The campaigns are
`simulation`'s, the rows `variants`'.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpo.asha import expected_legs
from hpo.campaign_spec import CampaignSpec
from hpo.cluster.simulated_lives import DEFAULT_EPOCHS
from hpo.planning.assumptions import Assumptions
from hpo.planning.simulation import Outcome, Question, simulate
from hpo.planning.variants import Variant, variants

PATIENCE_LEGS = 2400  # simulated in all: some seconds on a login node
MOST_PROCESSES = 4


@dataclass(frozen=True, slots=True)
class RungPlan:
    """One rung as it is expected: legs to it, and the epochs that they train."""

    resource: int
    legs: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Row:
    """One variant; `outcomes` are those of its seeds, of the simulated trials alone."""

    variant: Variant
    outcomes: tuple[Outcome, ...]

    def spread(self, value: Callable[[Outcome], float]) -> tuple[float, float, float]:
        """Median, least and most over the seeds."""
        values = [value(outcome) for outcome in self.outcomes]
        return statistics.median(values), min(values), max(values)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is expected of a campaign; `scale` is all trials over the simulated ones."""

    spec: CampaignSpec
    assumptions: Assumptions
    rungs: tuple[RungPlan, ...]
    rows: tuple[Row, ...]
    simulated_trials: int
    n_seeds: int

    @property
    def scale(self) -> float:
        """By how much the figures of the simulated trials are multiplied."""
        return self.spec.hpo.n_trials / self.simulated_trials


def make_plan(
    spec: CampaignSpec,
    assumptions: Assumptions,
    *,
    n_seeds: int,
    most_trials: int | None = None,
) -> Plan:
    """Simulate the campaign and its variants; at most `most_trials` trials of it, if given."""
    rungs = tuple(rung_plans(spec))
    rows = variants(spec)
    legs_per_trial = sum(rung.legs for rung in rungs) / max(1, spec.hpo.n_trials)
    patience = PATIENCE_LEGS / (len(rows) * n_seeds * max(1.0, legs_per_trial))
    # Fewer trials than seats would say nothing about trials that wait for others.
    cap = most_trials or max(int(patience), 4 * assumptions.seats)
    n_trials = min(spec.hpo.n_trials, cap)
    base = [Question(spec, n_trials, assumptions, seed) for seed in range(n_seeds)]
    outcomes = _simulated([row.change(question) for row in rows for question in base])
    return Plan(
        spec,
        assumptions,
        rungs,
        tuple(
            Row(row, tuple(outcomes[number * n_seeds : (number + 1) * n_seeds]))
            for number, row in enumerate(rows)
        ),
        n_trials,
        n_seeds,
    )


def rung_plans(spec: CampaignSpec) -> Sequence[RungPlan]:
    """The rungs if each promotes exactly its share; of random search, the one leg of all trials."""
    asha = spec.asha()
    n_trials = spec.hpo.n_trials
    if asha is None:
        length = spec.space.constant_int(spec.hpo.max_resource_attr) or DEFAULT_EPOCHS
        return [RungPlan(length, n_trials, n_trials * length)]
    return [RungPlan(*entry) for entry in expected_legs(asha, n_trials)]


def _simulated(questions: list[Question]) -> list[Outcome]:
    """All answers in order, side by side where there is more than one core."""
    processes = min(MOST_PROCESSES, os.cpu_count() or 1, len(questions))
    if processes == 1 or sum(question.n_trials for question in questions) < 300:
        return [simulate(question) for question in questions]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.map(simulate, questions, chunksize=1)
