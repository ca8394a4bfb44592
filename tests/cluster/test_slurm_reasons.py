"""What each of squeue's reasons for waiting means, and who is told."""

from __future__ import annotations

import logging
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cluster.slurm.reasons import Wait, advice, decide, is_limit_of_user
from hpo.cluster.slurm.status import QueueRow, read_squeue, status_of
from hpo.manager.seats.waiting import WaitingNews
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Submit

MAINTENANCE = "ReqNodeNotAvail, Reserved for maintenance"
DRAINED = (
    "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
)
DECIDED = {
    Wait.TURN: [
        "None",
        "Priority",
        "Resources",
        "Dependency",
        "BeginTime",
        "JobArrayTaskLimit",
        "Licenses",
        "Reservation",
        "QOSMaxJobsPerUserLimit",
        "QOSMaxGRESPerUser",
        "QOSMaxCpuPerUserLimit",
        "QOSGrpCpuLimit",
        "QOSGrpGRES",
        "QOSGrpWallLimit",
        "AssocGrpCpuLimit",
        "AssocGrpGRES",
        "AssocGrpCPUMinutesLimit",
        "AssocMaxJobsLimit",
        "MaxJobsPerAccount",
        "ReqNodeNotAvail",
        "ReqNodeNotAvail, UnavailableNodes:gpu[2-3]",
        "ReqNodeNotAvail, May be reserved for other job",
        DRAINED,
    ],
    Wait.MAINTENANCE: [MAINTENANCE],
    Wait.PERSON: [
        "JobHeldUser",
        "JobHeldAdmin",
        "JobHoldMaxRequeue",
        "launch failed requeued held",
        "launch_failed_requeued_held",
        "job requeued in held state",
        "PartitionDown",
        "PartitionInactive",
    ],
    Wait.NEVER: [
        "PartitionTimeLimit",
        "PartitionNodeLimit",
        "BadConstraints",
        "InvalidAccount",
        "InvalidQOS",
        "AccountNotAllowed",
        "QOSNotAllowed",
        "QOSTimeLimit",
        "QOSMaxWallDurationPerJobLimit",
        "QOSMaxCpuPerJobLimit",
        "QOSMaxCpuPerNode",
        "QOSMaxGRESPerJob",
        "QOSMinGRES",
        "QOSMinCpuNotSatisfied",
        "AssocMaxWallDurationPerJobLimit",
        "AssocMaxGRESPerJob",
        "DependencyNeverSatisfied",
        "ReservationDeleted",
    ],
}


@pytest.mark.parametrize(("wait", "word"), [(w, word) for w in DECIDED for word in DECIDED[w]])
def test_every_word_is_decided_about_and_normal_waiting_bothers_nobody(
    wait: Wait, word: str
) -> None:
    found = decide(word)
    assert found is not None
    assert found.wait is wait
    assert bool(advice(word)) is (wait is not Wait.TURN)


@pytest.mark.parametrize(
    ("word", "setting"),
    [
        ("PartitionTimeLimit", "change `time`"),
        ("QOSMaxWallDurationPerJobLimit", "`qos`"),
        ("BadConstraints", "`constraint`"),
        ("InvalidAccount", "`account`"),
        ("JobHeldUser", "scontrol release"),
        ("JobHeldAdmin", "staff"),
        (MAINTENANCE, "after it"),
    ],
)
def test_advice_names_what_to_change(word: str, setting: str) -> None:
    assert setting in advice(word)


@given(st.text(max_size=60))
def test_unknown_words_mean_nothing_and_break_nothing(text: str) -> None:
    assert isinstance(advice(text), str)
    assert decide("NewInSlurm31") is None
    assert advice("NewInSlurm31") == ""


# Recorded from SLURM 22.05.8: jobs held by the user and by an administrator, and under a limit of
# the partition that was lowered as they waited.
RECORDED = f"""\
457_0|PENDING|JobHeldAdmin||5:00|4G|N/A|trial.c
457_1|PENDING|JobHeldUser||5:00|4G|N/A|trial.c
454_2|PENDING|JobArrayTaskLimit||30:00|4G|N/A|trial.c
460_0|PENDING|{MAINTENANCE}||30:00|4G|N/A|trial.c
477|PENDING|{DRAINED}||10:00|4G|N/A|trial.c
463_3|PENDING|PartitionTimeLimit||30:00|4G|N/A|trial.c
463_4|PENDING|PartitionTimeLimit||30:00|4G|N/A|trial.c
454_0|RUNNING|None|gpu1|30:00|trial_3.c
"""


def book_of(*reasons: str) -> SeatBook:
    book = SeatBook()
    statuses = {
        str(i): JobStatus(JobPhase.QUEUED, reason=reason, advice=advice(reason))
        for i, reason in enumerate(reasons)
    }
    book.take_poll(statuses, 0.0, vanish_s=60.0)
    return book


class TestNews:
    def test_what_squeue_prints_is_counted_in_its_own_words(self) -> None:
        book = SeatBook()
        found = {row.job_id: status_of(row) for row in read_squeue(RECORDED)}
        book.take_poll({i: s for i, s in found.items() if s is not None}, 0.0, vanish_s=60.0)
        assert book.waits() == {
            "PartitionTimeLimit": 2,
            "JobHeldAdmin": 1,
            "JobHeldUser": 1,
            "JobArrayTaskLimit": 1,
            MAINTENANCE: 1,
            DRAINED: 1,
        }

    def test_seats_that_no_poll_has_listed_are_counted_too(self) -> None:
        book = SeatBook()
        book.submitted(["1", "2"], Submit(2, 2))
        assert book.waits() == {"not known yet": 2}

    def test_a_reason_that_needs_a_person_is_said_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        news = WaitingNews()
        for now in range(0, 7200, 60):
            # A scheduler's words flicker between two looks.
            reason = "PartitionTimeLimit" if now % 120 else "None"
            news.tell(book_of(reason, reason, "Priority", "NewInSlurm31"), float(now))
        (record,) = caplog.records
        assert record.getMessage().startswith("2 jobs wait, PartitionTimeLimit: they never start")

    def test_another_reason_and_one_that_comes_back_are_said(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        news = WaitingNews()
        news.tell(book_of("JobHeldUser"), 0.0)
        news.tell(book_of("JobHeldAdmin", "JobHeldUser"), 60.0)
        news.tell(book_of("Priority"), 120.0)
        news.tell(book_of("JobHeldUser"), 4000.0)
        words = [record.getMessage().split(":")[0] for record in caplog.records]
        assert words == [f"1 job waits, JobHeld{who}" for who in ("User", "Admin", "User")]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Priority", "other jobs come first"),
        ("Resources", "nothing is free that fits"),
        ("JobArrayTaskLimit", "no more are to run at once"),
        ("BeginTime", "they may not start yet"),
        ("QOSMaxJobsPerUserLimit", "the QOS is at a limit"),
        ("QOSGrpGRES", "the QOS is at a limit"),
        ("AssocGrpGRES", "the account is at a limit"),
        ("AssociationJobLimit", "the account is at a limit"),
        ("MaxJobsPerAccount", "the account is at a limit"),
        ("launch failed requeued held", "they failed to start"),
        (MAINTENANCE, "a maintenance comes first"),
        (DRAINED, "nodes that they need are away"),
        ("SomethingOfTheNextVersion", "SomethingOfTheNextVersion"),
    ],
)
def test_why_jobs_wait_in_words(reason: str, words: str) -> None:
    row = QueueRow("1", "PENDING", reason, "", "10:00", "4G", "2026-11-21T09:14:52", "trial.c")
    status = status_of(row)
    assert status is not None
    assert status.why == words
    assert status.starts_at == datetime(2026, 11, 21, 9, 14, 52).timestamp()
    assert status.begins_later == (reason == "BeginTime")


@pytest.mark.parametrize(
    ("reason", "limits"),
    [
        ("QOSMaxGRESPerUser", True),
        ("QOSMaxJobsPerUserLimit", True),
        ("AssocMaxJobsLimit", True),
        ("QOSGrpGRES", False),  # of all users together
        ("Priority", False),
        ("JobArrayTaskLimit", False),  # the campaign's own
        ("QOSMaxWallDurationPerJobLimit", False),
    ],
)
def test_a_limit_of_the_user_is_told_apart(reason: str, limits: bool) -> None:
    assert is_limit_of_user(reason) is limits
