"""Legs that need memory or time are taken only by seats that have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import make_layout, take

from hpo.folder import offers
from hpo.folder.files import Layout
from hpo.folder.offers import Leg


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_leg_is_kept_off_the_node_where_it_hung(layout: Layout) -> None:
    leg = Leg(1, 0, 1, mem_mb=6144, time_s=60, off="gpu-3")
    offers.publish_offers(layout, [(leg, {"trial_id": 1, "config": {}})])
    assert names(layout.offers) == ["trial_1.rung_0.a1.mem_6144.time_60.off_gpu-3.json"]
    assert offers.claim_best(layout, "7", node="gpu-3.cluster.org") is None
    taken = offers.claim_best(layout, "8", node="gpu-30")
    assert taken is not None
    assert taken[0] == leg.claimed_by("8")
    assert offers.finish(layout, taken[0])
    assert names(layout.claims) == ["trial_1.rung_0.a1.mem_6144.time_60.off_gpu-3.job_8.done.json"]


class TestMemory:
    def offer(self, layout: Layout, *legs: Leg) -> None:
        offers.publish_offers(
            layout, ((leg, {"trial_id": leg.trial_id, "config": {}}) for leg in legs)
        )

    def test_a_leg_is_taken_only_by_a_seat_that_has_the_memory(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 2, 0, mem_mb=6144), Leg(2, 0, 0))
        taken = offers.claim_best(layout, "7", mem_mb=4096)
        assert taken is not None
        assert taken[0].trial_id == 2
        assert offers.claim_best(layout, "8", mem_mb=6143) is None
        taken = offers.claim_best(layout, "9", mem_mb=6144)
        assert taken is not None
        assert names(layout.claims) == [
            "trial_1.rung_2.a0.mem_6144.job_9.json",
            "trial_2.rung_0.a0.job_7.json",
        ]

    def test_a_seat_with_more_memory_prefers_what_only_it_can_take(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 3, 0), Leg(2, 0, 0, mem_mb=6144), Leg(3, 0, 0, mem_mb=9216))
        taken = [offers.claim_best(layout, f"j{i}", mem_mb=8000) for i in range(3)]
        assert [found and found[0].trial_id for found in taken] == [2, 1, None]

    def test_a_seat_that_knows_no_limit_takes_any_leg(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 0, 0, mem_mb=6144))
        assert take(layout, "7").trial_id == 1

    def test_a_leg_that_is_given_back_needs_as_much_as_before(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 0, 4, mem_mb=6144))
        take(layout, "7")
        assert offers.give_back(layout, "7") == [Leg(1, 0, 5, mem_mb=6144)]
        assert names(layout.offers) == ["trial_1.rung_0.a5.mem_6144.json"]


class TestTime:
    def offer(self, layout: Layout, *legs: Leg) -> None:
        TestMemory().offer(layout, *legs)

    def test_a_leg_is_taken_only_by_a_seat_that_has_the_time(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 2, 0, time_s=3600), Leg(2, 0, 0, time_s=200))
        taken = offers.claim_best(layout, "7", time_s=210)
        assert taken is not None
        assert taken[0] == Leg(2, 0, 0, "7", time_s=200)
        assert offers.claim_best(layout, "8", time_s=3599) is None
        assert offers.claim_best(layout, "9", time_s=3600) is not None
        assert names(layout.claims) == [
            "trial_1.rung_2.a0.time_3600.job_9.json",
            "trial_2.rung_0.a0.time_200.job_7.json",
        ]

    def test_it_needs_both_the_time_and_the_memory(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 0, 0, mem_mb=6144, time_s=3600))
        assert offers.claim_best(layout, "7", mem_mb=4096, time_s=7200) is None
        assert offers.claim_best(layout, "7", mem_mb=8192, time_s=600) is None
        assert offers.claim_best(layout, "7", mem_mb=8192, time_s=7200) is not None
        assert names(layout.claims) == ["trial_1.rung_0.a0.mem_6144.time_3600.job_7.json"]

    def test_a_seat_that_knows_no_limit_takes_any_leg(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 0, 0, time_s=99999))
        assert take(layout, "7").trial_id == 1

    def test_a_leg_that_is_given_back_may_take_as_long_as_before(self, layout: Layout) -> None:
        self.offer(layout, Leg(1, 0, 4, time_s=60))
        take(layout, "7")
        assert offers.give_back(layout, "7") == [Leg(1, 0, 5, time_s=60)]
