"""What was asked for and used: sums, the memory that is learned from them, and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import failed, finished, lost, offered, running, state_after

from hpo.decisions.limits import Limits, SeatLimits
from hpo.decisions.needs import (
    ComingLeg,
    had_mb,
    out_of_memory,
    out_of_time,
    wanted_seats,
    with_needs,
)
from hpo.record import events as ev
from hpo.record.events import LegFinished, LegLost
from hpo.record.pace import SURE
from hpo.record.state import CampaignState
from hpo.record.usage import MEASURED, REMEMBERED, Usage
from hpo.report.usage_words import leg_usage, usage_lines, usage_numbers
from hpo.units.sizes import Size

AUTO = Limits(n_trials=99, mem_mb=8192, max_mem_mb=8192, learn_mem=True)
SEATS = SeatLimits(8, 450, learn_mem_to=8192)


def leg(trial_id: int, used_mb: int = 0, **changes: Any) -> ev.LegFinished:
    usual: dict[str, Any] = {"mem_used_mb": used_mb, "job_id": str(trial_id)}
    return finished(trial_id, **(usual | changes))


def new(count: int) -> dict[ComingLeg, int]:
    """Legs of new trials that are to come."""
    return {ComingLeg(0, 1): count}


def campaign(*used_mb: int, more: int = 1, **changes: Any) -> CampaignState:
    """Trials that used so much and ended, and `more` that run."""
    count = len(used_mb)
    legs = [leg(i, used, **changes) for i, used in enumerate(used_mb)]
    return state_after([*running(*range(count + more)), *legs])


class TestMemory:
    def test_seats_ask_for_the_most_until_enough_is_known(self) -> None:
        assert campaign(*[100] * (MEASURED - 1)).usage.usual_mb(8192) == 8192
        assert campaign(*[100] * MEASURED).usage.usual_mb(8192) == 256
        assert campaign(*[0] * 20).usage.usual_mb(8192) == 8192

    def test_then_for_a_third_more_than_any_leg_used(self) -> None:
        assert campaign(*[100] * MEASURED, 1000).usage.usual_mb(8192) == 1536
        assert campaign(*[100] * MEASURED, 100_000).usage.usual_mb(8192) == 8192

    def test_a_trial_that_is_known_to_need_more_than_all_seats_have_says_so(self) -> None:
        state = campaign(*[100] * MEASURED, 1000)
        hungry, other = (with_needs(offered(i, 1), state, AUTO) for i in (MEASURED, 0))
        assert hungry == replace(offered(MEASURED, 1), mem_mb=1536)
        assert other == offered(0, 1)
        assert with_needs(offered(99), state, AUTO) == offered(99)
        assert with_needs(offered(0, 1), state, replace(AUTO, learn_mem=False)) == offered(0, 1)
        raised = replace(offered(MEASURED, 1), mem_mb=3000)
        assert with_needs(raised, state, AUTO) == raised

    def test_what_runs_out_of_memory_had_what_its_job_said(self) -> None:
        state = campaign(*[100] * MEASURED)
        trial = state.trials[MEASURED]
        out = replace(lost(MEASURED, "out_of_memory"), mem_had_mb=512)
        assert had_mb(state, trial, out, AUTO) == 512
        assert had_mb(state, trial, replace(out, mem_had_mb=0), AUTO) == 256
        assert had_mb(state, trial, out, Limits(1, mem_mb=4000)) == 4000

    def test_what_is_given_up_names_the_setting_to_raise(self) -> None:
        said = out_of_memory(768, "killed", AUTO)
        assert "768M of `mem: auto`: killed. Raise `max_mem`" in said
        assert "(now 8192M)" in said
        moved = replace(lost(0, "time_limit"), lost_resource=1)
        assert "does not fit in `max_time`" in out_of_time(moved, replace(AUTO, learn_time=True))
        assert "does not fit in `time`" in out_of_time(moved, AUTO)

    def test_all_offers_get_seats_of_what_is_usual_or_more(self) -> None:
        ended = [leg(i, 100) for i in range(MEASURED)]
        drawn = [ev.TrialDrawn(0.0, i, {"lr": i}) for i in range(MEASURED, 10)]
        offers = [replace(offered(i), mem_mb=mem_mb) for i, mem_mb in ((7, 0), (8, 128), (9, 999))]
        state = state_after([*running(*range(MEASURED)), *ended, *drawn, *offers])
        wanted = wanted_seats(state, SEATS, new(3))
        assert wanted.needs == {Size(256): 2, Size(999): 1}
        assert (wanted.usual_mb, wanted.coming, wanted.is_known) == (256, {Size(256): 3}, True)

    def test_seats_ask_for_the_most_while_it_is_not_known(self) -> None:
        wanted = wanted_seats(campaign(100), SEATS, new(300))
        assert (wanted.coming, wanted.is_known) == ({Size(8192): 300}, False)


class TestTime:
    SEATS = SeatLimits(8, 450, learn_time_to=120)

    def waiting(self, *time_s: int, ended: int = SURE) -> CampaignState:
        first = [*running(*range(ended)), *[leg(i) for i in range(ended)]]
        drawn = [ev.TrialDrawn(0.0, ended + n, {"lr": n}) for n in range(len(time_s))]
        offers = [replace(offered(ended + n), time_s=need) for n, need in enumerate(time_s)]
        return state_after([*first, *drawn, *offers])

    def test_offers_get_the_class_that_they_need(self) -> None:
        wanted = wanted_seats(self.waiting(200, 200, 3000, 0), self.SEATS, new(9))
        assert wanted.needs == {Size(None, 5): 2, Size(None, 60): 1, Size(None, 120): 1}
        assert (wanted.coming, wanted.is_known) == ({Size(None, 5): 9}, True)

    def test_legs_to_come_are_as_long_as_their_rung_makes_them(self) -> None:
        """All legs so far took 1.4 s an epoch, which with the margin is 1.7 s."""
        lengths = {100: 27, 250: 9, 800: 3, 9999: 1}
        coming = {ComingLeg(rung, n): lengths[n] for rung, n in enumerate(lengths)}
        found = wanted_seats(self.waiting(), self.SEATS, coming).coming
        assert found == {Size(None, n): c for n, c in ((5, 27), (10, 9), (30, 3), (120, 1))}

    def test_before_anything_is_known_all_is_as_long_as_may_be(self) -> None:
        wanted = wanted_seats(self.waiting(6840, ended=2), self.SEATS, new(300))
        assert wanted.needs == {Size(None, 120): 1}
        assert (wanted.coming, wanted.is_known) == ({Size(None, 120): 300}, False)
        assert not wanted_seats(self.waiting(200, ended=SURE - 1), self.SEATS, {}).is_known
        assert wanted_seats(self.waiting(200, ended=SURE), self.SEATS, {}).is_known

    def test_both_have_to_be_known_where_both_are_learned(self) -> None:
        both = replace(self.SEATS, learn_mem_to=8192)
        assert not wanted_seats(self.waiting(200), both, {}).is_known

    def test_where_nothing_is_learned_all_is_as_the_settings_say(self) -> None:
        wanted = wanted_seats(self.waiting(200, ended=0), SeatLimits(8, 450, 4096), new(9))
        assert wanted.needs == {Size(): 1}
        assert (wanted.coming, wanted.is_known) == ({Size(): 9}, False)


class TestSums:
    def test_a_job_asks_once_however_many_legs_it_takes(self) -> None:
        usage = Usage()
        for trial_id in range(3):
            usage.add(leg(trial_id, time_had_s=3600 - trial_id, job_id="7"))
        usage.add(leg(3, time_had_s=600, job_id="8"))
        usage.add(replace(lost(4, job_id="9"), time_had_s=600, mem_had_mb=500))
        assert (usage.asked_s, usage.had_s, usage.had_mb) == (4800, 3600, 500)

    def test_what_is_remembered_of_jobs_is_bounded(self) -> None:
        usage = Usage()
        for number in range(REMEMBERED + 10):
            usage.add(leg(number, time_had_s=60))
        assert len(usage._jobs) == REMEMBERED
        assert usage.asked_s == 60 * (REMEMBERED + 10)


class TestWords:
    def told(self, **changes: Any) -> CampaignState:
        had = {"time_had_s": 7200, "mem_had_mb": 4096, "elapsed": 840.0}
        return campaign(1100, 900, more=0, **(had | changes))

    def test_a_person_reads_what_would_have_been_enough(self) -> None:
        first, second = usage_lines(self.told(), 2, advise_time=True, advise_mem=True)
        assert first == (
            "time: 0.93 of the 8.00 hours of GPUs asked for were used by trials; the longest leg "
            'took 14 min of 2 h: `time: "0:30:00"` would do, or `time: auto`'
        )
        assert second == (
            "memory: legs used at most 1100 MB of 4096 MB: `mem: 1536M` would do, or `mem: auto`"
        )

    def test_where_sizes_are_learned_there_is_nothing_to_advise(self) -> None:
        lines = list(usage_lines(self.told(), 0))
        assert "hours of jobs" in lines[0]
        assert not any("would do" in line for line in lines)

    def test_what_was_needed_is_not_advised_against(self) -> None:
        tight = self.told(time_had_s=1800, mem_had_mb=1500)
        lines = list(usage_lines(tight, 0, advise_time=True, advise_mem=True))
        assert len(lines) == 2
        assert not any("would do" in line for line in lines)

    @pytest.mark.parametrize(
        "killed",
        [
            replace(lost(1, "out_of_memory"), mem_had_mb=2250),
            failed(1, "out_of_memory", mem_had_mb=2250),
        ],
    )
    def test_no_less_is_advised_where_some_were_killed_for_their_memory(
        self, killed: LegLost | LegFinished
    ) -> None:
        state = self.told()
        state.usage.add(killed)
        _, memory = usage_lines(state, 0, advise_time=True, advise_mem=True)
        assert memory == (
            "memory: legs used at most 1100 MB of 4096 MB, but 2250 MB were too little for some "
            "that were killed"
        )

    def test_what_failed_is_no_measure_for_what_succeeds(self) -> None:
        state = self.told()
        state.usage.add(failed(1, "ValueError", elapsed=7100.0, mem_used_mb=4000))
        for trial_id in range(MEASURED):
            state.usage.add(failed(trial_id, "ImportError", elapsed=1.0, mem_used_mb=50))
        assert not state.usage.is_known
        first, second = usage_lines(state, 0, advise_time=True, advise_mem=True)
        assert '`time: "0:30:00"` would do' in first
        assert "`mem: 1536M` would do" in second

    def test_no_less_time_is_advised_than_one_had_that_was_cut_off(self) -> None:
        state = self.told()
        state.usage.add(replace(lost(1, "time_limit"), time_had_s=7200))
        first, _ = usage_lines(state, 0, advise_time=True, advise_mem=True)
        assert "would do" not in first

    def test_what_nobody_told_is_not_said(self) -> None:
        assert list(usage_lines(self.told(time_had_s=0, mem_had_mb=0), 0)) == []
        assert leg_usage(leg(0).result) == ""

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"time_had_s": 300}, " (of 5 min)"),
            ({"time_had_s": 60}, " (of 60 s)"),
            ({"time_had_s": 5400, "mem_used_mb": 80}, " (of 1 h 30 min, memory 80 MB)"),
            ({"mem_used_mb": 80, "mem_had_mb": 256}, " (memory 80 of 256 MB)"),
        ],
    )
    def test_a_leg_says_what_it_had(self, changes: dict[str, Any], words: str) -> None:
        assert leg_usage(leg(0, **changes).result) == words

    def test_the_numbers_lie_in_the_final_results(self) -> None:
        assert usage_numbers(self.told(), 2) == {
            "hours_asked": 8.0,
            "longest_leg_s": 840.0,
            "longest_time_asked_s": 7200,
            "most_memory_mb": 1100,
            "most_memory_asked_mb": 4096,
            "gpu_use_percent": None,
            "most_gpu_memory_mb": None,
        }


class TestGpus:
    def test_their_use_is_the_mean_over_the_time_of_legs_that_told(self) -> None:
        usage = Usage()
        several: list[dict[str, Any]] = [
            {"elapsed": 30.0, "gpu_use": 10.0, "gpu_mem_mb": 900, "gpu_mem_had_mb": 40_000},
            {"elapsed": 10.0, "gpu_use": 50.0, "gpu_mem_mb": 700, "gpu_mem_had_mb": 80_000},
            {"elapsed": 99.0},
        ]
        for told in several:
            usage.add(leg(0, **told))
        assert usage.gpu_use == 20.0
        assert (usage.gpu_most_mb, usage.gpu_had_mb) == (900, 40_000)

    def test_what_nobody_told_is_not_zero(self) -> None:
        usage = Usage()
        usage.add(leg(0))
        assert usage.gpu_use is None
        assert usage.gpu_most_mb is None

    @pytest.mark.parametrize(
        ("told", "line"),
        [
            (
                {"gpu_use": 95.0, "gpu_mem_mb": 900, "gpu_mem_had_mb": 40_000},
                "GPUs: legs used 95 % of theirs on average and at most 900 of 40000 MB of one's "
                "memory",
            ),
            ({"gpu_mem_mb": 900}, "GPUs: at most 900 MB of one's memory"),
            ({"gpu_use": 30.0}, "GPUs: legs used 30 % of theirs on average"),
        ],
    )
    def test_one_line_says_how_busy_they_were(self, told: dict[str, Any], line: str) -> None:
        state = state_after([*running(0), leg(0, **told)])
        assert list(usage_lines(state, 1)) == [line]

    def test_advice_where_they_waited(self) -> None:
        state = state_after([*running(0), leg(0, gpu_use=12.0)])
        (line,) = usage_lines(state, 1)
        assert line.startswith("GPUs: legs used 12 % of theirs on average: they waited")
        assert "trials_per_gpu" in line

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"gpu_use": 12.4, "gpu_mem_mb": 900}, " (GPU 12 % used, GPU memory 900 MB)"),
            ({"gpu_mem_mb": 900, "gpu_mem_had_mb": 4000}, " (GPU memory 900 of 4000 MB)"),
        ],
    )
    def test_a_leg_says_what_it_used(self, told: dict[str, Any], words: str) -> None:
        assert leg_usage(leg(0, **told).result) == words
