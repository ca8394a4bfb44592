"""What holds for every searcher, and what each is for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import FINITE, MIXED, NUMBERS, SPACES, bowl, make, random_trials, search, space_of

from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits
from hpo.decisions.scheduler import Scheduler
from hpo.record import events as ev
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialStatus, apply
from hpo.search.coding import Coding
from hpo.search.gp import expected_improvement, gp_problems, normal_scores
from hpo.search.grid import MOST, grid_problems
from hpo.search.learning import LearningSearcher
from hpo.search.named import SEARCHERS
from hpo.search.searcher import History, Searcher, Tried
from hpo.search.tpe import MOST_OTHERS
from hpo.space.domains import loguniform, quantized, randint, uniform
from hpo.values import canonical

LEARNING = ("local", "tpe", "gp")
GRID: dict[str, dict[str, Any]] = {"grid": {"n_values": 2}}
FULL_GRID = {"numbers": 7, "mixed": 2, "finite": None, "single": None}


def noise(config: dict[str, Any]) -> float:
    """A value for any configuration; some diverge."""
    value = sum(canonical(config).encode()) % 97 / 97
    return math.inf if value > 0.8 else value


@pytest.mark.parametrize("name", SEARCHERS)
@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=2)
@given(seed=st.integers(0, 2**32))
def test_all_lies_in_the_space_and_nothing_is_suggested_twice(
    name: str, space: str, seed: int
) -> None:
    chosen = {"n_values": FULL_GRID[space]} if name == "grid" else {}
    searcher = make(name, SPACES[space], seed, **chosen)
    found = search(searcher, 40, noise)
    assert all(SPACES[space].contains(tried.config) for tried in found)
    assert len({canonical(tried.config) for tried in found}) == len(found)
    size = SPACES[space].size
    assert len(found) == (min(40, size) if size else 40)


@pytest.mark.parametrize("name", SEARCHERS)
def test_the_points_to_evaluate_come_first(name: str) -> None:
    points = [{"a": 2}, {"a": 5, "b": "y", "c": 1}, {"a": 2}]
    found = search(make(name, FINITE, 3, points), 100, noise)
    assert [tried.config["a"] for tried in found[:2]] == [2, 5]
    assert len(found) == 36


@pytest.mark.parametrize("name", SEARCHERS)
@pytest.mark.parametrize("levels", [1, 9])
def test_the_same_journal_gives_the_same_next_suggestion(name: str, levels: int) -> None:
    """A searcher that saw the campaign grow, and one that has just been made."""

    def scheduler() -> Scheduler:
        searcher = make(name, MIXED, 5, **GRID.get(name, {}))
        limits = Limits(n_trials=60, offers_ahead=4, max_initial_failures=0)
        return Scheduler(searcher, limits, Asha(max_t=9, grace_period=9 // levels))

    generator = np.random.default_rng(0)
    state, events, one = CampaignState(), list[ev.Event](), scheduler()

    def do(event: ev.Event) -> None:
        apply(state, event)
        events.append(event)

    while state.ended is None:
        while decisions := one.decide(state, 0.0):
            if len(events) % 7 == 0:
                resumed = CampaignState()
                for event in events:
                    apply(resumed, event)
                assert scheduler().decide(resumed, 0.0) == decisions
            for event in decisions:
                do(event)
        open_trials = [state.trials[i] for i in sorted(state.of(TrialStatus.OFFERED))]
        if not open_trials:
            break
        trial = open_trials[int(generator.integers(len(open_trials)))]
        leg = (0.0, trial.trial_id, trial.rung, trial.attempt, "1")
        do(ev.LegClaimed(*leg))
        value = noise(dict(trial.config)) / (trial.target or 1)
        if value == math.inf and trial.trial_id % 2:
            result = Result(Outcome.FAILED, None, 0, 1.0, "ValueError", "bad")
        else:
            metric = None if value == math.inf else value
            result = Result(Outcome.COMPLETED, metric, trial.target or 0, 1.0)
        do(ev.LegFinished(*leg, result))
    assert len(state.trials) == 60


@pytest.mark.parametrize("name", LEARNING)
def test_what_learns_is_better_than_chance(name: str) -> None:
    def mean_best(name: str) -> float:
        runs = [search(make(name, NUMBERS, seed), 30, bowl) for seed in range(5)]
        return float(np.mean([min(tried.error for tried in run) for run in runs]))

    assert mean_best(name) < 0.6 * mean_best("random")


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_what_learns_keeps_away_from_where_training_diverges(name: str) -> None:
    def cliff(config: dict[str, Any]) -> float:
        return math.inf if config["lr"] > 0.02 else bowl(config)

    found = search(make(name, NUMBERS, 0), 60, cliff)
    assert np.mean([tried.error == math.inf for tried in found[20:]]) < 0.25


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_it_learns_which_option_is_good(name: str) -> None:
    space = space_of(
        {
            "how": [
                {"kind": "a", "x": uniform(0, 1)},
                {"kind": "b", "y": uniform(0, 1)},
                {"kind": "c", "z": uniform(0, 1)},
            ]
        }
    )

    def function(config: dict[str, Any]) -> float:
        how = config["how"]
        return abs(how["y"] - 0.3) if how["kind"] == "b" else 1.0

    found = search(make(name, space, 1), 50, function)
    assert np.mean([tried.config["how"]["kind"] == "b" for tried in found[20:]]) > 0.6
    assert min(tried.error for tried in found) < 0.05


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_trials_that_run_are_kept_away_from(name: str) -> None:
    """Eight at once, drawn from the same results, are not eight of the same place."""
    done = search(make("random", NUMBERS), 20, bowl)
    searcher = make(name, NUMBERS)
    trials = list(done)
    for trial_id in range(20, 28):
        taken = {canonical(tried.config) for tried in trials}
        config = searcher.suggest(trial_id, taken, trials)
        assert config is not None
        trials.append(Tried(trial_id, config, math.inf, 0, "running", final=False))
    coding = Coding(NUMBERS)
    points = np.array([coding.point(tried.config) for tried in trials[20:]])
    assert points.std(axis=0).max() > 0.03


@pytest.mark.parametrize("name", LEARNING)
def test_eight_drawn_at_once_are_those_that_are_drawn_one_by_one(name: str) -> None:
    """What is kept from one question to the next changes nothing."""
    done = search(make("random", NUMBERS), 20, bowl)
    searcher, known = make(name, NUMBERS), History(done)
    for trial_id in range(20, 28):
        taken = {canonical(tried.config) for tried in known.trials}
        config = searcher.suggest(trial_id, taken, known)
        assert config == make(name, NUMBERS).suggest(trial_id, taken, list(known.trials))
        assert config is not None
        known.add_drawn(trial_id, config)


def test_of_thousands_of_other_trials_some_are_looked_at() -> None:
    done = random_trials(NUMBERS, MOST_OTHERS + 200, bowl)
    config = make("tpe", NUMBERS).suggest(len(done), (), done)
    assert config == make("tpe", NUMBERS).suggest(len(done), (), done)
    assert config is not None
    assert bowl(config) < 0.2


class TestEvidence:
    """Which results are compared."""

    def evidence(self, trials: list[Tried]) -> Any:
        searcher = make("tpe", NUMBERS)
        assert isinstance(searcher, LearningSearcher)
        return searcher.evidence(History(trials))

    def tried(self, trial_id: int, *errors: float, **more: Any) -> Tried:
        config = {"lr": 0.01, "momentum": trial_id / 100}
        by_resource = dict(zip((1, 3, 9), errors, strict=False))
        last = max(by_resource, default=0)
        told: dict[str, Any] = {"status": "paused", "final": False} | more
        return Tried(trial_id, config, errors[-1], last, errors=by_resource, **told)

    def test_the_highest_rung_with_enough_results_is_compared(self) -> None:
        trials = [self.tried(i, 0.5, 0.4) for i in range(8)]
        trials += [self.tried(i, 0.1) for i in range(8, 20)]
        trials += [self.tried(20, 0.5, 0.4, 0.3)]
        assert self.evidence(trials).errors.tolist() == [0.4] * 9
        assert self.evidence(trials[1:8] + trials[8:]).errors.tolist() == [0.4] * 8
        assert len(self.evidence(trials[2:8] + trials[8:]).errors) == 19

    def test_what_failed_or_diverged_is_the_worst_at_rungs_it_did_not_reach(self) -> None:
        trials = [self.tried(i, 0.5, 0.4) for i in range(8)]
        trials += [self.tried(8, 0.1, status="failed", cause="ValueError", final=True)]
        trials[8] = Tried(8, trials[8].config, math.inf, 1, "failed", "ValueError", {1: 0.1})
        seen = self.evidence(trials)
        assert seen.errors.tolist() == [0.4] * 8 + [math.inf]
        assert seen.n_finite == 8

    def test_what_runs_is_pending_and_what_rests_below_is_not_looked_at(self) -> None:
        trials = [self.tried(i, 0.5, 0.4) for i in range(8)]
        trials += [self.tried(8, 0.1), self.tried(9, 0.2, status="running")]
        seen = self.evidence(trials)
        assert len(seen.errors) == 8
        assert len(seen.pending) == 1

    def test_whole_trainings_of_all_lengths_are_compared(self) -> None:
        trials = [
            Tried(i, {"lr": 0.01, "momentum": i / 100}, 0.1, i, errors={i: 0.1}) for i in range(20)
        ]
        assert len(self.evidence(trials).errors) == 20

    def test_a_trial_that_ended_without_rungs_counts_by_its_error(self) -> None:
        """As one's own code may tell it."""
        trials = [Tried(i, {"lr": 0.01, "momentum": i / 100}, 0.1, 9) for i in range(9)]
        assert self.evidence(trials).errors.tolist() == [0.1] * 9


def test_a_sobol_sequence_fills_the_space_more_evenly_than_chance() -> None:
    coding = Coding(NUMBERS)

    def emptiest(name: str) -> float:
        searcher: Searcher = make(name, NUMBERS, 1)
        points = [coding.point(t.config) for t in search(searcher, 64, bowl)]
        return 1 - len({tuple(int(8 * x) for x in point) for point in points}) / 64

    assert emptiest("sobol") < 0.1 < emptiest("random")


def test_a_sobol_sequence_is_the_same_wherever_it_is_entered() -> None:
    searcher = make("sobol", NUMBERS, 7)
    late = searcher.suggest(300, ())
    assert late == make("sobol", NUMBERS, 7).suggest(300, ())
    assert searcher.suggest(0, ()) == make("sobol", NUMBERS, 7).suggest(0, ())
    assert searcher.suggest(0, ()) != make("sobol", NUMBERS, 8).suggest(0, ())


class TestGrid:
    def test_every_combination_once_with_both_ends(self) -> None:
        space = space_of({"lr": loguniform(1e-3, 1e-1), "a": [1, 2], "z": uniform(0, 1)})
        found = [t.config for t in search(make("grid", space, n_values=3), 100, noise)]
        assert len(found) == 18
        assert sorted({round(c["lr"], 9) for c in found}) == pytest.approx([1e-3, 1e-2, 1e-1])
        assert {c["z"] for c in found} == {0.0, 0.5, 1.0}

    def test_what_was_left_out_comes_at_the_end(self) -> None:
        """Trials that did not come from the grid took the numbers of others."""
        searcher = make("grid", FINITE)
        taken: set[str] = set()
        for trial_id in range(30, 66):
            config = searcher.suggest(trial_id, taken)
            assert config is not None
            taken.add(canonical(config))
        assert searcher.suggest(66, taken) is None

    def test_what_has_no_end_or_is_too_large_is_refused(self) -> None:
        assert "lr, momentum may be any number" in grid_problems(NUMBERS, None)[0]
        assert grid_problems(NUMBERS, 5) == grid_problems(FINITE, None) == []
        assert grid_problems(MIXED, 2) == []
        large = space_of({"a": randint(1, MOST), "b": [1, 2]})
        assert f"has {2 * MOST} configurations" in grid_problems(large, None)[0]

    def test_a_domain_without_an_end_is_cut_in_equal_shares(self) -> None:
        from scipy import stats

        space = space_of({"a": stats.norm(0, 1), "b": quantized(stats.norm(0, 10), 1)})
        found = [t.config for t in search(make("grid", space, n_values=2), 10, noise)]
        assert sorted({round(c["a"], 3) for c in found}) == [-0.674, 0.674]
        assert sorted({c["b"] for c in found}) == [-7, 7]


class TestGp:
    def test_many_categories_are_refused_and_an_order_helps(self) -> None:
        many = [f"v{k}" for k in range(2000)]
        (problem,) = gp_problems(space_of({"a": many}))
        assert "2000 values without an order" in problem
        assert gp_problems(space_of({"a": randint(1, 2000)})) == []
        assert gp_problems(MIXED) == []

    def test_scores_are_those_of_ranks(self) -> None:
        scores = normal_scores(np.array([3.0, 1.0, math.inf, math.inf]))
        assert scores[1] < scores[0] < scores[2] == scores[3]
        assert abs(scores.sum()) < 0.5

    def test_what_is_certainly_worse_is_no_improvement(self) -> None:
        gain = expected_improvement(np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.1, 1.0]), 0.0)
        assert gain[1] < 1e-6 < gain[2]

    def test_it_learns_from_hundreds_of_results(self) -> None:
        done = random_trials(NUMBERS, 400, bowl)
        taken = {canonical(tried.config) for tried in done}
        config = make("gp", NUMBERS).suggest(400, taken, done)
        assert config is not None
        assert bowl(config) < 0.3
