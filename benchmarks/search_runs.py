"""One search in virtual time: a campaign of this program, or of a peer that is asked and told.

The program runs as it does for users: its manager, offers, jobs that stay and journal, on the
simulated cluster. A peer is asked whenever a worker is free, which is the best that can be done.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from search_problems import MOST, Problem
from simulated_campaign import SimulatedCampaign, campaign_folder, sync_nothing

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits, SeatLimits
from hpo.decisions.scheduler import Scheduler
from hpo.decisions.whole_trials import WholeTrials
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.search.named import SEARCHERS
from hpo.settings.searchers import MODELS

WORKERS = 8
LEARNING = ("local", "tpe", "gp")
STEPS = 50  # of the budget, at which the regret is noted


@dataclass
class Trace:
    """The regret of the incumbent, as `best_config.json` names it, along the budget."""

    problem: Problem
    regrets: list[float] = field(default_factory=list)
    trials: int = 0
    asks: int = 0
    asked_s: float = 0.0  # of the processor
    _last: dict[int, float] = field(default_factory=dict)
    _configs: dict[int, Any] = field(default_factory=dict)
    _regret: float = 1.0

    def told(self, at_s: float, trial_id: int, config: Any, error: float | None) -> None:
        """A result, in the order of time; None: it diverged."""
        self.pass_to(at_s)
        self._last[trial_id] = math.inf if error is None else error
        self._configs[trial_id] = config
        best = min(self._last, key=lambda i: (self._last[i], i))
        if self._last[best] < math.inf:
            self._regret = self.problem.regret(self._configs[best])

    def pass_to(self, at_s: float) -> None:
        """Nothing changed until then."""
        step = self.problem.budget_s / STEPS
        while len(self.regrets) < STEPS and (len(self.regrets) + 1) * step < at_s:
            self.regrets.append(self._regret)


class Watched:
    """A searcher, with what it was asked and what that took."""

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher
        self.drawn: dict[int, dict[str, Any]] = {}
        self.asked_s = 0.0

    def suggest(self, trial_id: int, taken: Any, results: Any = ()) -> dict[str, Any] | None:
        """See `Searcher.suggest`."""
        begin = time.process_time()
        config: dict[str, Any] | None = self._searcher.suggest(trial_id, taken, results)
        self.asked_s += time.process_time() - begin
        if config is not None:
            self.drawn[trial_id] = config
        return config


@dataclass(frozen=True)
class RecordedTimes(ClusterModel):
    """A cluster on which each configuration takes the time that was recorded for it."""

    problem: Any = None
    watched: Any = None

    def epoch_of_trial_s(self, trial_id: int) -> float:
        """See `ClusterModel.epoch_of_trial_s`."""
        return float(self.problem.epoch_s(self.watched.drawn[trial_id]))


def run_campaign(
    problem: Problem,
    seed: int,
    name: str,
    *,
    rungs: bool = False,
    fresh: bool = True,
    queue_wait_s: float = 0.0,
    **settings: Any,
) -> Trace:
    """A campaign of this program with the searcher of that name, until the budget is spent.

    Without `fresh` a suggestion is as old as it was when it was offered, about eight results.
    """
    sync_nothing()
    chosen = MODELS[name](**settings).model_dump(exclude={"name"})
    watched = Watched(SEARCHERS[name](problem.space, seed, (), **chosen))

    def train(config: dict[str, Any], trial: Any) -> None:
        epoch = trial.max_resource
        run = int(np.random.default_rng([seed, trial.trial_id, 5]).integers(2**31))
        error = float(problem.curve(config, run)[epoch - 1])
        trial.report(epoch=epoch, validation_error=error)

    model = RecordedTimes(
        seats=WORKERS,
        queue_wait_s=queue_wait_s,
        start_s=0.0,
        legs_per_job=None if queue_wait_s == 0 else 1,
        tick_s=30.0,
        seed=seed,
        problem=problem,
        watched=watched,
    )
    legs = Asha(max_t=problem.max_t, seed=seed) if rungs else WholeTrials()
    limits = Limits(
        MOST[problem.kind],
        offers_ahead=WORKERS,
        fresh=fresh and name in LEARNING,
        max_initial_failures=0,
    )
    with campaign_folder() as root:
        campaign = SimulatedCampaign(root, model, trains=train)
        scheduler = Scheduler(watched, limits, legs)
        start = campaign.clock.now()
        seats = SeatLimits(WORKERS, 2 * WORKERS, legs_per_seat=model.legs_per_job)
        campaign.manager(scheduler, seats, until_s=start + problem.budget_s).run()
        events = read_events(campaign.layout.journal)
    trace = Trace(problem, asks=len(watched.drawn), asked_s=watched.asked_s)
    for event in events:
        if isinstance(event, ev.LegFinished) and event.time - start <= problem.budget_s:
            config = watched.drawn[event.trial_id]
            trace.told(event.time - start, event.trial_id, config, event.result.metric)
        trace.trials += isinstance(event, ev.LegClaimed) and event.rung == 0
    trace.pass_to(math.inf)
    return trace


def run_optuna(problem: Problem, seed: int, sampler: str, *, pruner: bool = False) -> Trace:
    """Optuna's own ask and tell; with `pruner` its Hyperband where there are epochs."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(
            multivariate=True, constant_liar=True, group=True, seed=seed
        ),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
    }
    hyperband = optuna.pruners.HyperbandPruner(1, problem.max_t, 3)
    study = optuna.create_study(
        sampler=samplers[sampler](), pruner=hyperband if pruner else optuna.pruners.NopPruner()
    )
    distributions = _optuna_space(problem)
    stops = list(_rungs(problem.max_t)) if pruner else [problem.max_t]
    trace, running, now, free = Trace(problem), [], 0.0, WORKERS
    while now <= problem.budget_s:
        while free and trace.trials < MOST[problem.kind]:
            begin = time.process_time()
            trial = study.ask(distributions)
            trace.asked_s += time.process_time() - begin
            trace.asks, trace.trials, free = trace.asks + 1, trace.trials + 1, free - 1
            config = {**trial.params, "max_epochs": problem.max_t}
            run = int(np.random.default_rng([seed, trial.number, 5]).integers(2**31))
            end = now + stops[0] * problem.epoch_s(config)
            curve = problem.curve(config, run)
            heapq.heappush(running, (end, trial.number, 0, trial, config, curve))
        if not running:
            break
        now, number, stop, trial, config, curve = heapq.heappop(running)
        if now > problem.budget_s:
            break
        error = float(curve[stops[stop] - 1])
        trace.told(now, number, config, error if math.isfinite(error) else None)
        is_last = stop + 1 == len(stops)
        if not math.isfinite(error):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif is_last:
            study.tell(trial, error)
        else:
            trial.report(error, stops[stop])
            if not trial.should_prune():
                end = now + (stops[stop + 1] - stops[stop]) * problem.epoch_s(config)
                heapq.heappush(running, (end, number, stop + 1, trial, config, curve))
                continue
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        free += 1
    trace.pass_to(math.inf)
    return trace


def _rungs(max_t: int) -> Iterator[int]:
    level = 1
    while level < max_t:
        yield level
        level *= 3
    yield max_t


def _optuna_space(problem: Problem) -> dict[str, Any]:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    found: dict[str, Any] = {}
    for name in problem.space.free:
        domain: Any = problem.space.domains[name]
        if hasattr(domain, "values"):
            found[name] = CategoricalDistribution(list(domain.values))
        elif domain.size is None:
            found[name] = FloatDistribution(domain.low, domain.high)
        else:
            found[name] = IntDistribution(domain.low, domain.high)
    return found
