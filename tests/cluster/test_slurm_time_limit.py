"""The time limit of new jobs, from what scontrol says of partitions and maintenance."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cluster.slurm import times as slurm_times
from hpo.cluster.slurm.time_limit import TimeLimit, fit_time
from hpo.cluster.slurm.times import JobTimes
from hpo.cluster.slurm.windows import (
    Maintenance,
    Partition,
    expand,
    read_maintenance,
    read_partitions,
)
from hpo.errors import PollError
from hpo.settings.search import SlurmSettings

# Recorded from SLURM 22.05.8.
PARTITIONS = """\
PartitionName=main AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES \
QoS=N/A DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO \
MaxNodes=UNLIMITED MaxTime=3-00:00:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=gpu[1-4] \
PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO PreemptMode=REQUEUE
PartitionName=owner AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=NO \
QoS=N/A DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO \
MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=gpu[3-4] \
PriorityJobFactor=1 PriorityTier=10 RootOnly=NO ReqResv=NO OverSubscribe=NO PreemptMode=OFF
"""
RESERVATIONS = """\
ReservationName=ssmaint StartTime=2026-11-21T09:26:02 EndTime=2026-11-21T09:36:02 \
Duration=00:10:00 Nodes=gpu[1-4] NodeCnt=4 CoreCnt=256 Features=(null) PartitionName=(null) \
Flags=MAINT,IGNORE_JOBS,SPEC_NODES,ALL_NODES TRES=cpu=256 Users=root Groups=(null) \
Accounts=(null) Licenses=(null) State=INACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
ReservationName=ssother StartTime=2026-11-21T09:40:02 EndTime=2026-11-21T09:50:02 \
Duration=00:10:00 Nodes=gpu3 NodeCnt=1 CoreCnt=64 Features=(null) PartitionName=(null) \
Flags=SPEC_NODES TRES=cpu=64 Users=root Groups=(null) Accounts=(null) Licenses=(null) \
State=INACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
"""
FOUR = frozenset({"gpu1", "gpu2", "gpu3", "gpu4"})
NOW = 1_000_000.0
MAIN = Partition("main", 3 * 1440, FOUR, is_default=True)


def maintenance(in_min: float, nodes: frozenset[str] = FOUR, name: str = "m") -> Maintenance:
    return Maintenance(name, NOW + 60.0 * in_min, "2026-12-15T08:00:00", nodes)


def fit(asked_min: int, *ahead: Maintenance, partitions: Any = (MAIN,), **more: Any) -> TimeLimit:
    return fit_time(asked_min, partitions, ahead, NOW, **more)


class TestReading:
    def test_partitions_as_scontrol_prints_them(self) -> None:
        assert read_partitions(PARTITIONS) == [
            MAIN,
            Partition("owner", None, frozenset({"gpu3", "gpu4"})),
        ]

    def test_only_reservations_for_maintenance_matter(self) -> None:
        (found,) = read_maintenance(RESERVATIONS)
        start = datetime(2026, 11, 21, 9, 26, 2).timestamp()  # as SLURM writes it
        assert found == Maintenance("ssmaint", start, "2026-11-21T09:26:02", FOUR)
        assert read_maintenance("No reservations in the system\n") == []

    @pytest.mark.parametrize(
        ("text", "nodes"),
        [
            ("gpu1", {"gpu1"}),
            ("gpu[1-2,7],login1", {"gpu1", "gpu2", "gpu7", "login1"}),
            ("gpu[009-010]", {"gpu009", "gpu010"}),
            ("r[1-2]n[1-2]", {"r1n1", "r1n2", "r2n1", "r2n2"}),
            ("", set()),
            ("(null)", set()),
            ("gpu[1-999999999]", set()),
            ("gpu[-]", set()),
        ],
    )
    def test_lists_of_nodes(self, text: str, nodes: set[str]) -> None:
        assert expand(text) == nodes

    @given(st.text(alphabet="gpu[]-,=0123456789 MaxTimeFlagsMAINT\n", max_size=80))
    def test_no_text_whatever_raises(self, text: str) -> None:
        expand(text)
        read_partitions(f"PartitionName=x MaxTime={text} Nodes={text}")
        read_maintenance(f"ReservationName=x Flags=MAINT StartTime={text} Nodes={text}")


class TestDeciding:
    def test_what_fits_is_asked_for_as_it_is(self) -> None:
        assert fit(120) == TimeLimit(120, 120)
        assert fit(120, maintenance(122)) == TimeLimit(120, 120)
        assert fit(120, partitions=()) == TimeLimit(120, 120)

    def test_it_is_cut_to_what_the_partition_allows(self) -> None:
        limit = fit(4 * 1440)
        assert (limit.minutes, limit.usual) == (3 * 1440, 3 * 1440)
        assert limit.why == "partition main allows no more than 72 h"

    def test_of_several_partitions_one_has_to_allow_it(self) -> None:
        short, free = Partition("short", 60, FOUR), Partition("free", None, FOUR)
        assert fit(90, partitions=(short, MAIN)).minutes == 90
        assert fit(9000, partitions=(short, free)).minutes == 9000
        assert fit(9000, partitions=(short, MAIN)).minutes == 3 * 1440

    def test_it_ends_two_minutes_before_a_maintenance(self) -> None:
        limit = fit(120, maintenance(62.5))
        assert (limit.minutes, limit.usual) == (60, 120)
        assert limit.why == "maintenance m begins at 2026-12-15 08:00:00"

    @pytest.mark.parametrize(("asked", "ahead"), [(120, 11.9), (600, 31.9), (120, 1.0)])
    def test_when_too_little_is_left_the_jobs_wait_with_their_full_time(
        self, asked: int, ahead: float
    ) -> None:
        limit = fit(asked, maintenance(ahead))
        assert limit.minutes == asked
        assert "wait until it is over" in limit.why

    def test_the_least_that_is_worth_a_start(self) -> None:
        assert fit(120, maintenance(12)).minutes == 10
        assert fit(600, maintenance(32)).minutes == 30
        assert fit(30, maintenance(6), least_min=2).minutes == 4

    def test_a_maintenance_that_has_begun_cuts_nothing(self) -> None:
        assert fit(120, maintenance(-5)).minutes == 120
        assert fit(120, maintenance(-5), maintenance(60)).minutes == 58

    def test_a_few_nodes_in_maintenance_leave_the_others(self) -> None:
        assert fit(120, maintenance(60, frozenset({"gpu1"}))).minutes == 120
        assert fit(120, maintenance(60, frozenset({"gpu1", "gpu2"}))).minutes == 58
        assert fit(120, maintenance(60, frozenset({"other"}))).minutes == 120

    def test_another_partition_without_one_is_a_way_out(self) -> None:
        other = Partition("other", 1440, frozenset({"cpu1"}))
        assert fit(120, maintenance(60), partitions=(MAIN, other)).minutes == 120
        both = (maintenance(60), maintenance(90, frozenset({"cpu1"}), "n"))
        assert fit(120, *both, partitions=(MAIN, other)).minutes == 88

    @given(st.integers(1, 10_000), st.floats(-1e4, 1e4), st.integers(1, 10_000))
    def test_whatever_is_asked_no_job_reaches_into_it_unless_it_waits_for_it(
        self, asked: int, ahead: float, allowed: int
    ) -> None:
        limit = fit(asked, maintenance(ahead), partitions=(Partition("p", allowed, FOUR),))
        assert 1 <= limit.minutes <= limit.usual == min(asked, allowed)
        if limit.minutes < limit.usual:
            assert limit.minutes >= 10
            assert NOW + 60.0 * limit.minutes <= NOW + 60.0 * ahead - 120.0 + 1e-6
            assert limit.why


class TestJobTimes:
    @pytest.fixture
    def replies(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """What scontrol says of partitions and reservations; how often it was asked."""
        said = {"partition": PARTITIONS, "reservation": "", "asked": ""}

        def answer(command: list[str]) -> str:
            said["asked"] += "x"
            if said[command[2]] == "silent":
                raise PollError("scontrol: timed out")
            return said[command[2]]

        monkeypatch.setattr(slurm_times, "ask", answer)
        return said

    def soon(self, minutes: float) -> str:
        start = datetime.now() + timedelta(minutes=minutes)  # as SLURM writes it
        old = "StartTime=2026-11-21T09:26:02"
        return RESERVATIONS.replace(old, f"StartTime={start.isoformat(timespec='seconds')}")

    def test_the_default_partition_counts_where_none_is_named(
        self, replies: dict[str, str]
    ) -> None:
        assert JobTimes(SlurmSettings(time="9-0")).of_new_jobs() == 3 * 1440
        assert JobTimes(SlurmSettings(time="9-0", partition="owner")).of_new_jobs() == 9 * 1440

    def test_the_cluster_is_asked_twice_in_ten_minutes_at_most(
        self, replies: dict[str, str]
    ) -> None:
        times = JobTimes(SlurmSettings())
        for _ in range(50):
            times.of_new_jobs()
            times.usual()
        assert len(replies["asked"]) == 2

    def test_a_change_is_said_once_and_so_is_its_end(
        self,
        replies: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(slurm_times, "REREAD_S", 0.0)
        times = JobTimes(SlurmSettings(time="2:00:00"))
        replies["reservation"] = self.soon(60)
        assert {times.of_new_jobs() for _ in range(3)} <= {57, 58}
        assert times.usual() == {120}
        replies["reservation"] = ""
        assert {times.of_new_jobs() for _ in range(3)} == {120}
        first, second = (record.getMessage() for record in caplog.records)
        assert first.startswith("new jobs ask for 57 min (time: 2 h): maintenance ssmaint begins")
        assert second == "new jobs ask for their full time again, 2 h"

    def test_a_cluster_that_does_not_answer_changes_nothing(self, replies: dict[str, str]) -> None:
        replies["reservation"] = "silent"
        assert JobTimes(SlurmSettings(time="9-0")).of_new_jobs() == 9 * 1440

    def test_limits_that_are_learned_are_fitted_one_by_one(
        self, replies: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        replies["reservation"] = self.soon(60)
        times = JobTimes(SlurmSettings(time="auto", max_time="9-0"))
        for _ in range(2):
            assert times.of_new_jobs(15) == 15
            assert times.of_new_jobs(120) in (57, 58)
        (said,) = (record.getMessage() for record in caplog.records)
        assert "min (time: 2 h): maintenance ssmaint begins" in said

    def test_what_is_asked_for_was_not_cut_short(self, replies: dict[str, str]) -> None:
        usual = JobTimes(SlurmSettings(time="auto", max_time="9-0")).usual()
        assert usual >= {5, 10, 120, 1440, 3 * 1440}  # of nine days, the partition gives three
        assert max(usual) == 3 * 1440
        assert 57 not in usual
