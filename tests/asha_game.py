"""ASHA as a game: one seat takes the best offer, ends it, and sees what is decided."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from hpo.decisions.asha import Asha
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialStatus, apply, check


class Numbered:
    """A searcher whose configurations are just different."""

    def suggest(self, trial_id: int, taken: object, results: object = ()) -> dict[str, object]:
        return {"x": trial_id}


@dataclass
class Game:
    """A campaign of one seat: takes the best offer, gets a result, sees what is decided."""

    asha: Asha
    n_trials: int = 9
    mode: str = "min"
    limits: dict[str, Any] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.state = CampaignState(Goal(mode=self.mode))
        limits = Limits(n_trials=self.n_trials, **self.limits)
        self.scheduler = Scheduler(Numbered(), limits, self.asha)
        self.events: list[ev.Event] = []
        self.settle()

    def settle(self) -> None:
        while decisions := self.scheduler.decide(self.state, self.now):
            for event in decisions:
                apply(self.state, event)
                self.events.append(event)
        assert check(self.state) == []

    def best_offer(self) -> tuple[int, int] | None:
        offered = [self.state.trials[i] for i in self.state.of(TrialStatus.OFFERED)]
        best = min(offered, key=lambda t: (-t.rung, t.trial_id), default=None)
        return None if best is None else (best.trial_id, best.rung)

    def run(self, metric: float | None, outcome: str = "completed") -> tuple[int, int] | None:
        """The seat takes the best offer and ends it so; which (trial, rung) it was."""
        taken = self.best_offer()
        if taken is None:
            return None
        trial = self.state.trials[taken[0]]
        leg = (trial.trial_id, trial.rung, trial.attempt)
        self.now += 1
        apply(self.state, ev.LegClaimed(self.now, *leg, "job"))
        resource = trial.target or 0
        value = None if metric is None or not math.isfinite(metric) else metric
        cause = "ValueError" if outcome == "failed" else None
        result = Result(Outcome(outcome), value, resource, 10.0, cause=cause, message=cause)
        apply(self.state, ev.LegFinished(self.now, *leg, "job", result))
        self.settle()
        return taken


metrics = st.one_of(
    st.floats(0, 10, allow_nan=False).map(lambda x: round(x, 1)),  # with ties
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
endings = st.lists(st.tuples(metrics, st.booleans()), min_size=1, max_size=80)
