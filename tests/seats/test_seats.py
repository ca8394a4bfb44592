"""What is known of the jobs: who serves, who lost a leg, and who died without one."""

from __future__ import annotations

import pytest

from hpo.decisions.limits import SeatLimits
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Avoid, Renew, Submit

QUEUED = JobStatus(JobPhase.QUEUED, reason="Priority")
RUNNING = JobStatus(JobPhase.RUNNING)
PREEMPTED = JobStatus(JobPhase.ENDED, cause=Cause.PREEMPTED, detail="SLURM says PREEMPTED")
KILLED = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail="SLURM says FAILED")
DONE = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ok=True)
VANISH_S = 60.0


def book(**statuses: JobStatus) -> SeatBook:
    made = SeatBook()
    poll(made, 0.0, **statuses)
    return made


def submitted(seats: SeatBook, job_ids: list[str]) -> None:
    seats.submitted(job_ids, Submit(len(job_ids), len(job_ids)))


def poll(seats: SeatBook, at: float, **statuses: JobStatus) -> None:
    seats.take_poll(statuses, at, vanish_s=VANISH_S)


def loss(seats: SeatBook, now: float, job_id: str = "a") -> tuple[Cause, str] | None:
    return seats.loss_of(job_id, now, grace_s=10.0, vanish_s=VANISH_S)


class TestLosses:
    def test_a_running_job_has_lost_nothing(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        assert loss(seats, 1e6) is None

    def test_an_ended_job_gets_time_for_its_result_to_become_visible(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 100.0, a=PREEMPTED)
        assert loss(seats, 109.9) is None
        assert loss(seats, 110.0) == (Cause.PREEMPTED, "SLURM says PREEMPTED")

    def test_the_time_runs_from_the_first_news_of_the_end(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 100.0, a=JobStatus(JobPhase.ENDED, cause=Cause.KILLED))
        poll(seats, 109.0, a=JobStatus(JobPhase.ENDED, cause=Cause.TIME_LIMIT))
        assert loss(seats, 110.0) == (Cause.TIME_LIMIT, "time_limit")

    def test_the_time_runs_from_the_end_that_the_cluster_tells(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 40.0, a=RUNNING)
        poll(seats, 100.0, a=JobStatus(JobPhase.ENDED, cause=Cause.NODE_FAILED, ended_at=80.0))
        assert seats.end_of("a") == 80.0
        assert loss(seats, 100.0) == (Cause.NODE_FAILED, "node_failed")

    @pytest.mark.parametrize(("told", "ended_at"), [(-1e6, 40.0), (39.0, 40.0), (101.0, 100.0)])
    def test_a_clock_that_goes_wrong_moves_an_end_no_further_than_the_polls(
        self, told: float, ended_at: float
    ) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 40.0, a=RUNNING)
        poll(seats, 100.0, a=JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ended_at=told))
        assert seats.end_of("a") == ended_at

    def test_an_end_whose_time_is_told_later_is_not_moved_behind_the_first_news(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 100.0, a=KILLED)
        assert seats.end_of("a") == 100.0
        poll(seats, 105.0, a=JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ended_at=60.0))
        assert seats.end_of("a") == 60.0
        poll(seats, 200.0, a=RUNNING)  # it was requeued
        assert seats.end_of("a") is seats.end_of("unknown") is None

    def test_a_job_of_the_folder_this_one_was_copied_from_is_no_seat(self) -> None:
        seats = SeatBook(foreign=frozenset({"a"}))
        seats.claimed("a", 0, 0.0)
        seats.claimed("b", 1, 0.0)
        assert loss(seats, 1e6) is None  # nobody was asked yet
        poll(seats, 100.0, b=RUNNING)
        poll(seats, 105.0, b=RUNNING)
        assert [seat.job_id for seat in seats.running()] == ["b"]
        assert loss(seats, 109.9) is None
        found = loss(seats, 110.0)
        assert found is not None
        assert found[0] is Cause.VANISHED
        assert "copied from" in found[1]
        seats.left("a", over=True)
        assert set(seats.seats) == {"b"}

    def test_a_requeued_job_has_lost_its_leg_and_keeps_its_seat(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 5.0, a=JobStatus(JobPhase.QUEUED, reason="BeginTime"))
        assert loss(seats, 5.0) == (
            Cause.PREEMPTED,
            "job a waits in the queue again (BeginTime)",
        )
        seats.left("a", over=False)
        assert [seat.job_id for seat in seats.queued()] == ["a"]
        assert loss(seats, 5.0) is None
        poll(seats, 6.0, a=RUNNING)
        seats.claimed("a", 1, 6.0)
        assert loss(seats, 1e6) is None

    def test_one_that_was_requeued_because_its_node_failed_says_so(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        assert not seats.waits_again("a")
        status = JobStatus(JobPhase.QUEUED, Cause.NODE_FAILED, "NODE_FAIL on n1", node="n1")
        poll(seats, 5.0, a=status)
        assert loss(seats, 5.0) == (Cause.NODE_FAILED, "NODE_FAIL on n1; job a waits again")
        assert seats.waits_again("a")

    def test_a_requeued_job_that_gave_its_leg_back_itself_has_lost_nothing(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 5.0, a=QUEUED)
        seats.returned("a")
        seats.returned(None)
        assert loss(seats, 5.0) is None

    def test_a_job_is_given_up_only_after_a_long_absence(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 10.0)
        poll(seats, 40.0)
        assert loss(seats, 69.9) is None
        assert loss(seats, 70.0) == (Cause.VANISHED, "the cluster knows no job a any more")

    def test_a_job_that_turns_up_again_was_never_absent(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 10.0)
        poll(seats, 40.0, a=RUNNING)
        poll(seats, 65.0)
        assert loss(seats, 80.0) is None

    def test_without_an_answer_of_the_cluster_nothing_is_lost(self) -> None:
        seats = SeatBook()
        seats.claimed("a", 0, 0.0)
        assert loss(seats, 1e9) is None
        assert loss(book(), 1e9, "never seen") is None


class TestBook:
    def test_jobs_of_an_earlier_manager_are_found_in_the_first_poll(self) -> None:
        seats = book(a=RUNNING, b=QUEUED, c=DONE)
        assert [seat.job_id for seat in seats.running()] == ["a"]
        assert [seat.job_id for seat in seats.queued()] == ["b"]
        assert "c" not in seats.seats

    def test_a_claim_tells_that_a_waiting_job_runs_before_the_cluster_does(self) -> None:
        seats = SeatBook()
        submitted(seats, ["a", "b"])
        seats.claimed("a", 4, 9.0)
        seats.claimed("x", 5, 9.0)
        assert {seat.job_id for seat in seats.running()} == {"a", "x"}
        assert seats.seats["a"].trial_id == 4
        assert seats.seats["a"].claimed_at == 9.0

    def test_a_seat_that_is_over_leaves_the_book(self) -> None:
        seats = book(a=RUNNING)
        seats.left("a", over=True)
        seats.left("a", over=True)
        seats.left("a", over=False)
        assert seats.seats == {}

    def test_a_job_that_slurm_requeued_after_its_leg_had_ended_is_watched_again(self) -> None:
        """Its node failed, its process lived on and finished; its second life dies with a leg."""
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        seats.left("a", over=True)
        poll(seats, 1.0, a=QUEUED)
        seats.claimed("a", 1, 2.0)
        poll(seats, 3.0, a=KILLED)
        assert loss(seats, 20.0) == (Cause.KILLED, "SLURM says FAILED")

    def test_seats_that_ended_or_vanished_without_a_leg_are_forgotten(self) -> None:
        seats = book(a=RUNNING, b=RUNNING)
        poll(seats, 1.0, a=DONE)
        assert set(seats.seats) == {"a", "b"}  # its claim may not have been seen yet
        poll(seats, 2.0)
        assert set(seats.seats) == {"b"}
        poll(seats, 61.0)
        assert seats.seats == {}
        assert seats.deaths == []

    def test_an_ended_seat_that_holds_a_leg_stays_until_the_leg_is_settled(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 1.0, a=PREEMPTED)
        assert set(seats.seats) == {"a"}


class TestDeathsBeforeAClaim:
    def test_jobs_that_die_of_their_own_are_counted(self) -> None:
        seats = SeatBook()
        submitted(seats, ["a", "b", "c"])
        poll(seats, 1.0, a=KILLED, b=RUNNING, c=QUEUED)
        time_limit = JobStatus(JobPhase.ENDED, cause=Cause.TIME_LIMIT)
        poll(seats, 2.0, b=time_limit, c=JobStatus(JobPhase.ENDED, cause=Cause.OUT_OF_MEMORY))
        assert len(seats.deaths) == 1
        poll(seats, 3.0)
        assert len(seats.deaths) == 3
        assert [seat.job_id for seat in seats.take_deaths()] == ["a", "b", "c"]
        assert seats.take_deaths() == []

    def test_bad_luck_and_jobs_that_found_no_offer_are_not_counted(self) -> None:
        seats = SeatBook()
        innocent = [Cause.PREEMPTED, Cause.NODE_FAILED, Cause.VANISHED, Cause.CANCELLED]
        ends = {c.value: JobStatus(JobPhase.ENDED, cause=c) for c in innocent} | {"done": DONE}
        submitted(seats, list(ends))
        poll(seats, 1.0, **ends)
        poll(seats, 2.0)
        assert seats.seats == {}
        assert seats.deaths == []

    def test_one_claim_proves_the_environment_sound(self) -> None:
        seats = SeatBook()
        submitted(seats, ["a", "b"])
        poll(seats, 1.0, a=KILLED, b=RUNNING)
        poll(seats, 2.0, b=RUNNING)
        assert len(seats.deaths) == 1
        seats.claimed("b", 0, 2.0)
        assert seats.deaths == []

    def test_a_claim_that_is_seen_after_the_end_of_its_job_counts(self) -> None:
        seats = SeatBook()
        submitted(seats, ["a"])
        poll(seats, 1.0, a=KILLED)
        seats.claimed("a", 0, 1.0)
        poll(seats, 2.0, a=KILLED)
        assert seats.deaths == []
        assert loss(seats, 20.0) is not None

    def test_a_job_that_died_after_its_first_leg_is_not_counted(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        seats.left("a", over=False)
        poll(seats, 1.0, a=KILLED)
        assert seats.deaths == []


def test_a_job_that_has_finished_its_leg_is_no_seat_while_the_cluster_still_lists_it() -> None:
    book = SeatBook()
    book.claimed("7_0", 3, now=10.0)
    book.left("7_0", over=True)
    book.take_poll({"7_0": JobStatus(JobPhase.RUNNING)}, 11.0, vanish_s=60.0)
    assert book.running() == []


def test_after_deaths_without_a_leg_the_next_poll_is_waited_for() -> None:
    seats = SeatBook()
    submitted(seats, ["a", "b"])
    poll(seats, 1.0, a=KILLED, b=DONE)
    assert seats.has_unexplained_ends()
    poll(seats, 2.0)
    assert not seats.has_unexplained_ends()
    assert len(seats.deaths) == 1


class TestVerdicts:
    def test_a_job_that_was_asked_to_leave_has_one_once_it_is_over(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        assert seats.verdict_on("a") is None
        poll(seats, 100.0, a=PREEMPTED)
        assert seats.verdict_on("a") == PREEMPTED
        assert seats.verdict_on("nobody") is None


def test_jobs_that_ask_anew_are_kept_from_no_node_any_more() -> None:
    seats = book(a=QUEUED)
    seats.carried_out(Avoid(("a",), frozenset({"gpu1"})))
    assert seats.seats["a"].off == frozenset({"gpu1"})
    order = Renew(("a", "b"))
    seats.carried_out(order)
    assert seats.seats["a"].off is None
    assert str(order) == "2 jobs that wait ask for what the settings say now"


@pytest.mark.parametrize(
    ("shared", "others", "room"),
    [(False, 400, 450), (True, 0, 450), (True, 300, 150), (True, 440, 50), (True, 10_000, 50)],
)
def test_jobs_for_something_else_take_room_in_the_queue(
    shared: bool, others: int, room: int
) -> None:
    limits = SeatLimits(64, 450, shared=shared)
    assert limits.beside(others).max_queued_jobs == room


def test_what_may_run_has_its_place_whatever_else_waits() -> None:
    assert SeatLimits(8, 450, shared=True).beside(10_000).max_queued_jobs == 8


def test_jobs_that_wait_by_the_clusters_word_with_one_of_each() -> None:
    book, other = SeatBook(), JobStatus(JobPhase.QUEUED, reason="Resources", why="nothing is free")
    turn = JobStatus(JobPhase.QUEUED, reason="Priority", why="other jobs come first")
    running = JobStatus(JobPhase.RUNNING)
    book.take_poll({"a": other, "b": turn, "c": turn, "d": running}, 0.0, vanish_s=60.0)
    assert book.waits_by_reason() == [(turn, 2), (other, 1)]
