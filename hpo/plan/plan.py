"""A plan: every row of the comparison simulated with every seed, within a user's patience.

Figures of some trials stand for all where there are too many to simulate.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hpo.cluster.simulated.lives import DEFAULT_EPOCHS
from hpo.decisions.asha import RungPlan, expected_legs
from hpo.decisions.whole_trials import WholeTrials
from hpo.plan.assumptions import Assumptions
from hpo.plan.simulation import Outcome, Question, simulate
from hpo.plan.variants import Variant, variants
from hpo.search.random import AsyncRandomSearch
from hpo.settings.spec import CampaignSpec

PATIENCE_LEGS = 3200  # simulated in all: some seconds on a login node
MOST_PROCESSES = 4
LENGTHS = 200  # trials that are drawn to tell how long one is


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
    spec: CampaignSpec, assumptions: Assumptions, *, n_seeds: int, most_trials: int | None = None
) -> Plan:
    """Simulate the campaign and its variants; at most `most_trials` trials of it, if given."""
    spec, noted = _as_many_as_there_are(spec)
    assumptions = replace(assumptions, sources=(*assumptions.sources, *noted, *_lengths(spec)))
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
        length = _mean_length(spec)
        return [RungPlan(length, n_trials, n_trials * length)]
    return expected_legs(asha, n_trials)


def _as_many_as_there_are(spec: CampaignSpec) -> tuple[CampaignSpec, list[str]]:
    """The campaign with no more trials than its space holds, and a sentence where that is fewer."""
    size, n_trials = spec.space.size, spec.hpo.n_trials
    if spec.searcher is not None or size is None or size >= n_trials:
        return spec, []
    fewer = replace(spec, hpo=spec.hpo.model_copy(update={"n_trials": size}))
    return fewer, [f"the space holds only {size} different configurations (n_trials {n_trials})"]


def _lengths(spec: CampaignSpec) -> list[str]:
    """What is taken for the epochs of a whole trial, where that is not one number."""
    name = spec.hpo.max_resource_attr
    if spec.asha() is not None or spec.space.constant_int(name) is not None:
        return []
    if name not in spec.space.domains:
        return [f"a trial has {DEFAULT_EPOCHS} epochs (assumed: set {name} in the space)"]
    return [f"a trial has {_mean_length(spec)} epochs on average, as {name} is drawn"]


def _mean_length(spec: CampaignSpec) -> int:
    """The epochs of a whole trial, on average over the first ones."""
    hpo, legs = spec.hpo, WholeTrials(spec.hpo.max_resource_attr)
    search = AsyncRandomSearch(spec.space, hpo.seed, hpo.points_to_evaluate)
    drawn = (search.suggest(number, ()) for number in range(min(hpo.n_trials, LENGTHS)))
    found = [legs.target(config, 0) or DEFAULT_EPOCHS for config in drawn if config is not None]
    return round(statistics.mean(found))


def _simulated(questions: list[Question]) -> list[Outcome]:
    """All answers in order, side by side where there is more than one core."""
    processes = min(MOST_PROCESSES, os.cpu_count() or 1, len(questions))
    if processes == 1 or sum(question.n_trials for question in questions) < 300:
        return [simulate(question) for question in questions]
    try:
        packed = [pickle.dumps(question) for question in questions]
    except Exception:  # noqa: BLE001  # because the space may hold the user's own code
        return [simulate(question) for question in questions]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.map(_simulated_apart, packed, chunksize=1)
    pairs = zip(questions, found, strict=True)
    return [simulate(question) if answer is None else answer for question, answer in pairs]


def _simulated_apart(packed: bytes) -> Outcome | None:
    """The answer; None where this process does not know what a configuration file defines itself.

    Unpacked here, because a pool replaces a process that fails at it by another, for ever.
    """
    try:
        question = pickle.loads(packed)
    except Exception:  # noqa: BLE001  # because it is the user's code
        return None
    return simulate(question)
