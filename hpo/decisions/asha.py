"""ASHA: rungs, promotion, and its stopping variant.

L. Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, Algorithm 2.
Rungs are integers: a logarithm of floats loses the top one for 3**5 = 243.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from hpo.record import events as ev
from hpo.record.rung import Rung
from hpo.record.state import OPEN, CampaignState, TrialState


def rung_levels(grace_period: int, reduction_factor: int, max_t: int) -> tuple[int, ...]:
    """The resources of all rungs: `grace_period · reduction_factor^k` below `max_t`, then `max_t`.

    >>> rung_levels(1, 3, 243)
    (1, 3, 9, 27, 81, 243)
    """
    levels = []
    level = grace_period
    while level < max_t:
        levels.append(level)
        level *= reduction_factor
    return (*levels, max_t)


def longer(levels: Sequence[int], reduction_factor: int, max_t: int) -> tuple[int, ...]:
    """The rungs with those that follow up to `max_t`: none that is there is changed.

    >>> longer((1, 3, 9, 20), 3, 81)
    (1, 3, 9, 20, 60, 81)
    """
    if max_t <= levels[-1]:
        return tuple(levels)
    rest = rung_levels(levels[-1] * reduction_factor, reduction_factor, max_t)
    return (*levels, *rest)


@dataclass(frozen=True)
class Asha:
    """Which trials go on from a rung.

    Attributes:
        max_t: resource of the last rung.
        grace_period: resource of the first rung.
        reduction_factor: one in so many trials goes on (eta in the paper).
        stopping: decide once, when a trial reaches a rung, instead of pausing every trial and
            promoting it when it has come to belong to the best.
        brackets: number of brackets; bracket s starts at rung s.
        seed: decides which trial runs in which bracket.
        ladder: the rungs that the campaign began with, where `max_t` was raised since; empty: none.
        max_resource_attr: the constant hyperparameter that says `max_t`; empty: there is none.
    """

    max_t: int
    grace_period: int = 1
    reduction_factor: int = 3
    stopping: bool = False
    brackets: int = 1
    seed: int = 0
    ladder: tuple[int, ...] = ()
    max_resource_attr: str = ""

    def at(self, state: CampaignState) -> Asha:
        """The policy with the rungs that the campaign has by now."""
        known = state.levels or self.ladder
        return replace(self, max_t=known[-1], ladder=known) if known else self

    def to_json(self) -> dict[str, Any]:
        """What the rung numbers in a journal stand for."""
        return {
            "type": "stopping" if self.stopping else "promotion",
            "levels": list(self.levels),
            "reduction_factor": self.reduction_factor,
            "brackets": self.brackets,
        }

    @property
    def levels(self) -> tuple[int, ...]:
        """The resources of all rungs."""
        if self.ladder:
            return longer(self.ladder, self.reduction_factor, self.max_t)
        return rung_levels(self.grace_period, self.reduction_factor, self.max_t)

    def bracket(self, trial_id: int) -> int:
        """The bracket of a trial: s with a chance that falls with its number of rungs.

        Hyperband's share (Li et al., JMLR 2018): so that brackets cost about the same, bracket s of
        n rungs gets a share in proportion to eta^(n - s) / (n - s).
        """
        count = min(self.brackets, len(self.levels))
        if count == 1:
            return 0
        rungs = [len(self.levels) - s for s in range(count)]
        shares = np.array([self.reduction_factor ** (n - 1) / n for n in rungs], dtype=float)
        draw = np.random.default_rng([self.seed, trial_id, 1]).random()
        return int(np.searchsorted(np.cumsum(shares / shares.sum()), draw, side="right"))

    def target(self, config: Mapping[str, Any], rung: int) -> int | None:
        """The resource of the rung."""
        del config
        return self.levels[rung]

    def is_final(self, rung: int) -> bool:
        """Whether `rung` is that of `max_t`."""
        return rung >= len(self.levels) - 1

    def after_rung(self, state: CampaignState, trial: TrialState, now: float) -> ev.Event:
        """Pause, complete, or in the stopping variant go on at once."""
        ended_early = trial.resource != trial.target
        if ended_early or self.is_final(trial.rung):
            return ev.TrialCompleted(now, trial.trial_id)
        if not self.stopping:
            return ev.TrialPaused(now, trial.trial_id)
        if self._is_among_best(state.rungs[trial.bracket, trial.rung], trial.trial_id):
            return ev.LegOffered(
                now,
                trial.trial_id,
                trial.rung + 1,
                trial.attempt + 1,
                self.levels[trial.rung + 1],
                final=self.is_final(trial.rung + 1),
                mem_mb=trial.mem_mb,
            )
        return ev.TrialCompleted(now, trial.trial_id)

    def promotions(self, state: CampaignState) -> Iterable[int]:
        """Algorithm 2's get_job: the top 1/eta of each rung that was not promoted yet.

        A value that is not finite is the worst and is never promoted.
        """
        if self.stopping:
            return
        for bracket, rung in sorted(state.rungs, key=lambda key: (-key[1], key[0])):
            if self.is_final(rung):
                continue
            entries = state.rungs[bracket, rung]
            top = len(entries.ranked) // self.reduction_factor
            yield from (i for i in entries.best_waiting(top) if state.is_paused(i))

    def hopeless(self, state: CampaignState, n_trials: int) -> Collection[int]:
        """Paused trials that are out of the top 1/eta of their rung, however large it may grow.

        The rank of a trial only ever falls. A rung grows by at most the trials that are not there
        yet, and the one above it by at most those of this one that can still be promoted.
        """
        found: set[int] = set()
        for bracket in {key[0] for key in state.rungs}:
            largest = n_trials
            for rung in range(bracket, len(self.levels) - 1):
                entries = state.rungs.get((bracket, rung), Rung())
                reach = largest // self.reduction_factor
                rest = [i for _, i in entries.ranked if i not in entries.promoted]
                beyond = {i for _, i in entries.ranked[reach:]}
                found.update(i for i in rest if i in beyond and state.is_paused(i))
                coming = largest - len(entries.ranked)
                above = state.rungs.get((bracket, rung + 1), Rung())
                under_way = len(entries.promoted) - len(above.ranked)
                candidates = sum(1 for i in rest if i not in beyond)
                largest = len(above.ranked) + max(0, under_way) + candidates + coming
        return found

    def length(self, rung: int) -> int | None:
        """From the rung before, of a trial that does not start there."""
        return self.levels[rung] - (self.levels[rung - 1] if rung else 0)

    def promotions_to_come(self, state: CampaignState, undrawn: int) -> Mapping[int, int]:
        """Those that follow if each rung promotes exactly its share of who gets there.

        Trials still to be drawn are counted in the first bracket, which promotes most.
        """
        under_way = Counter(
            (trial.bracket, trial.rung)
            for status in OPEN
            for trial in (state.trials[i] for i in state.of(status))
        )
        under_way[0, 0] += undrawn
        total: Counter[int] = Counter()
        for bracket in {key[0] for key in (*state.rungs, *under_way)}:
            coming = 0  # to this rung, by promotions that are expected below it
            for rung in range(bracket, len(self.levels) - 1):
                entries = state.rungs.get((bracket, rung), Rung())
                reach = len(entries.ranked) + under_way[bracket, rung] + coming
                share = reach // self.reduction_factor
                coming = max(0, share - len(entries.promoted))
                total[rung + 1] += coming
        return +total

    def _is_among_best(self, rung: Rung, trial_id: int) -> bool:
        """Whether the trial is in the top 1/eta of its rung so far; the first few all are."""
        count = len(rung.ranked)
        few = count < self.reduction_factor
        kept = count if few else max(1, count // self.reduction_factor)
        return any(i == trial_id and key != float("inf") for key, i in rung.ranked[:kept])


class RungPlan(NamedTuple):
    """One rung as it is expected: legs to it, and the epochs that they train."""

    resource: int
    legs: int
    epochs: int


def expected_legs(asha: Asha, n_trials: int) -> list[RungPlan]:
    """All rungs of one bracket, if each promotes exactly its share."""
    plan = []
    reached, before = n_trials, 0
    for level in asha.levels:
        plan.append(RungPlan(level, reached, reached * (level - before)))
        reached, before = reached // asha.reduction_factor, level
    return plan
