"""How long simulated jobs wait: each distribution, jobs submitted together, shorter jobs."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.cluster.simulated import arrival
from hpo.cluster.simulated.arrival import (
    Arrival,
    Backfill,
    Constant,
    Exponential,
    History,
    LogNormal,
)
from hpo.cluster.simulated.model import ClusterModel

HOUR = 3600.0


def draws(model: ClusterModel, count: int = 4000) -> np.ndarray:
    """The waits of so many jobs, each submitted alone."""
    return np.array([model.wait_s(array, 0, 0, 0) for array in range(1, count + 1)])


@pytest.mark.parametrize("arrival", [Constant(HOUR), Exponential(HOUR), LogNormal(HOUR, 1.0)])
def test_waits_have_the_mean_that_was_asked_for(arrival: Arrival) -> None:
    waits = draws(ClusterModel(arrival=arrival))
    assert waits.min() >= 0.0
    assert waits.mean() == pytest.approx(HOUR, rel=0.08)


def test_the_mean_of_the_default_is_queue_wait_s() -> None:
    assert draws(ClusterModel(queue_wait_s=90.0)).mean() == pytest.approx(90.0, rel=0.08)


def test_a_log_normal_has_the_heavier_tail() -> None:
    heavy, light = draws(ClusterModel(arrival=LogNormal(HOUR))), draws(ClusterModel())
    assert np.quantile(heavy, 0.99) / np.median(heavy) > np.quantile(light, 0.99) / np.median(light)


def test_no_wait_at_all() -> None:
    assert LogNormal(0.0).wait_s(0.5, 60) == 0.0


class TestJobsSubmittedTogether:
    def test_the_first_waits_as_one_alone_and_the_others_follow_it(self) -> None:
        model = ClusterModel(arrival=Exponential(HOUR), straggle=0.1)
        for array in range(1, 20):
            first = model.wait_s(array, 0, 0, 0)
            assert first == ClusterModel(arrival=Exponential(HOUR)).wait_s(array, 0, 0, 0)
            others = [model.wait_s(array, number, 0, 0) for number in range(1, 9)]
            assert first < min(others)
            assert len(set(others)) == 8

    def test_else_many_jobs_bring_one_that_starts_at_once(self) -> None:
        model = ClusterModel(arrival=Exponential(HOUR))
        firsts = [min(model.wait_s(a, n, 0, 0) for n in range(50)) for a in range(1, 40)]
        assert np.mean(firsts) < HOUR / 20

    def test_a_requeued_job_waits_on_its_own(self) -> None:
        model = ClusterModel(arrival=Exponential(HOUR), straggle=0.0)
        assert model.wait_s(1, 3, 0, 0) == model.wait_s(1, 0, 0, 0)
        assert model.wait_s(1, 3, 1, 0) != model.wait_s(1, 0, 1, 0)


class TestBackfill:
    arrival = Backfill(Constant(HOUR), longest_min=1200, power=0.5, floor=0.1)

    def test_shorter_jobs_wait_less(self) -> None:
        waits = [self.arrival.wait_s(0.5, limit) for limit in (30, 75, 300, 1200)]
        assert waits == sorted(waits)
        assert self.arrival.wait_s(0.5, 300) == HOUR / 2

    def test_but_never_less_than_the_floor(self) -> None:
        assert self.arrival.wait_s(0.5, 1) == pytest.approx(HOUR / 10)

    def test_no_limit_or_a_longer_one_waits_as_the_longest(self) -> None:
        assert self.arrival.wait_s(0.5, None) == self.arrival.wait_s(0.5, 5000) == HOUR


class TestHistory:
    def test_a_long_one_is_searched_once_for_each_class(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[int] = []

        def only_class(minutes: int) -> int:
            looks.append(minutes)
            return 0

        monkeypatch.setattr(arrival, "_class_of", only_class)
        history = History(tuple((20, float(n)) for n in range(50)))
        assert [history.wait_s(0.5, 20) for _ in range(9)] == [24.5] * 9
        assert len(looks) == 50 + 9

    def test_waits_are_those_of_jobs_with_about_that_limit(self) -> None:
        short, long = [(20, float(s)) for s in range(30)], [(2000, 1000.0 + s) for s in range(30)]
        history = History((*short, *long))
        assert history.wait_s(0.5, 25) == pytest.approx(14.5)
        assert history.wait_s(0.5, 1500) == pytest.approx(1014.5)
        assert 0.0 <= history.wait_s(0.01, 25) <= history.wait_s(0.99, 25) <= 29.0

    def test_a_class_with_few_jobs_borrows_from_its_neighbours(self) -> None:
        history = History((*((20, 10.0) for _ in range(30)), (100, 500.0)))
        assert len(history.of_class(100)) == 31

    def test_a_history_of_few_jobs_is_taken_as_it_is(self) -> None:
        history = History(((20, 10.0), (None, 500.0)))
        assert sorted(history.of_class(20)) == [10.0, 500.0]
        assert sorted(history.of_class(None)) == [10.0, 500.0]
