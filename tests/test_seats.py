"""How many jobs are asked for, and what becomes of those that were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpo.causes import Cause
from hpo.seats import JobPhase, JobStatus, SeatBook, SeatPlan, plan_seats

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
        seats.submitted(["a", "b"])
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
        assert seats.dead_before_claim == 0

    def test_an_ended_seat_that_holds_a_leg_stays_until_the_leg_is_settled(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        poll(seats, 1.0, a=PREEMPTED)
        assert set(seats.seats) == {"a"}


class TestDeathsBeforeAClaim:
    def test_jobs_that_die_of_their_own_are_counted(self) -> None:
        seats = SeatBook()
        seats.submitted(["a", "b", "c"])
        poll(seats, 1.0, a=KILLED, b=RUNNING, c=QUEUED)
        time_limit = JobStatus(JobPhase.ENDED, cause=Cause.TIME_LIMIT)
        poll(seats, 2.0, b=time_limit, c=JobStatus(JobPhase.ENDED, cause=Cause.OUT_OF_MEMORY))
        assert seats.dead_before_claim == 1
        poll(seats, 3.0)
        assert seats.dead_before_claim == 3
        assert seats.last_dead is not None
        assert seats.last_dead.job_id in ("b", "c")

    def test_bad_luck_and_jobs_that_found_no_offer_are_not_counted(self) -> None:
        seats = SeatBook()
        innocent = [Cause.PREEMPTED, Cause.NODE_FAILED, Cause.VANISHED, Cause.CANCELLED]
        ends = {c.value: JobStatus(JobPhase.ENDED, cause=c) for c in innocent} | {"done": DONE}
        seats.submitted(list(ends))
        poll(seats, 1.0, **ends)
        poll(seats, 2.0)
        assert seats.seats == {}
        assert seats.dead_before_claim == 0

    def test_one_claim_proves_the_environment_sound(self) -> None:
        seats = SeatBook()
        seats.submitted(["a", "b"])
        poll(seats, 1.0, a=KILLED, b=RUNNING)
        poll(seats, 2.0, b=RUNNING)
        assert seats.dead_before_claim == 1
        seats.claimed("b", 0, 2.0)
        assert seats.dead_before_claim == 0

    def test_a_claim_that_is_seen_after_the_end_of_its_job_counts(self) -> None:
        seats = SeatBook()
        seats.submitted(["a"])
        poll(seats, 1.0, a=KILLED)
        seats.claimed("a", 0, 1.0)
        poll(seats, 2.0, a=KILLED)
        assert seats.dead_before_claim == 0
        assert loss(seats, 20.0) is not None

    def test_a_job_that_died_after_its_first_leg_is_not_counted(self) -> None:
        seats = book(a=RUNNING)
        seats.claimed("a", 0, 0.0)
        seats.left("a", over=False)
        poll(seats, 1.0, a=KILLED)
        assert seats.dead_before_claim == 0


def plan(
    seats: SeatBook,
    offered: int,
    *,
    at_once: int = 8,
    max_queued: int = 450,
    has_queue: bool = True,
) -> SeatPlan:
    return plan_seats(
        seats, offered=offered, at_once=at_once, max_queued=max_queued, has_queue=has_queue
    )


class TestPlan:
    def test_nothing_is_asked_for_before_the_cluster_has_answered(self) -> None:
        assert plan(SeatBook(), 10) == SeatPlan()

    def test_a_whole_campaign_is_one_throttled_array(self) -> None:
        assert plan(book(), 100) == SeatPlan(100, 8)
        assert plan(book(), 3) == SeatPlan(3, 3)
        assert plan(book(), 1000) == SeatPlan(450, 8)

    def test_without_a_queue_only_what_can_run_is_asked_for(self) -> None:
        assert plan(book(), 100, has_queue=False) == SeatPlan(8, 8)

    def test_waiting_and_idle_seats_are_not_asked_for_twice(self) -> None:
        assert plan(book(a=QUEUED, b=QUEUED), 2) == SeatPlan()
        assert plan(book(a=RUNNING, b=QUEUED), 2) == SeatPlan()
        assert plan(book(a=RUNNING, b=QUEUED), 3) == SeatPlan(1, 1)

    def test_nothing_is_added_to_a_throttled_array_that_still_waits(self) -> None:
        seats = SeatBook()
        seats.submitted([str(i) for i in range(100)])
        poll(seats, 1.0, **{str(i): RUNNING if i < 8 else QUEUED for i in range(100)})
        for i in range(8):
            seats.claimed(str(i), i, 1.0)
        assert plan(seats, 500) == SeatPlan()

    def test_behind_the_array_each_ended_seat_is_replaced(self) -> None:
        seats = book(a=RUNNING, b=RUNNING)
        seats.claimed("a", 0, 0.0)
        seats.claimed("b", 1, 0.0)
        assert plan(seats, 5, at_once=2) == SeatPlan()
        seats.left("a", over=True)
        assert plan(seats, 5, at_once=2) == SeatPlan(1, 1)

    def test_when_seats_are_idle_no_offer_asks_for_another(self) -> None:
        assert plan(book(a=RUNNING), 1) == SeatPlan()


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["start", "claim", "end", "kill", "requeue", "vanish", "offer"]),
            st.integers(0, 60),
        ),
        max_size=80,
    ),
    offered=st.integers(0, 40),
    at_once=st.integers(1, 6),
    max_queued=st.integers(1, 20),
    has_queue=st.booleans(),
)
def test_there_are_never_more_jobs_than_allowed_whatever_happens_to_them(
    steps: list[tuple[str, int]], offered: int, at_once: int, max_queued: int, has_queue: bool
) -> None:
    cluster: dict[str, JobStatus] = {}
    array_of: dict[str, int] = {}
    throttle: dict[int, int] = {}
    seats = book()
    now = 0.0
    for action, which in [("offer", 0), *steps]:
        now += 1.0
        live = sorted(i for i, s in cluster.items() if s.phase is not JobPhase.ENDED)
        job = live[which % len(live)] if live else None
        runs = job is not None and cluster[job].phase is JobPhase.RUNNING
        busy = [i for i in live if cluster[i].phase is JobPhase.RUNNING]
        if action == "offer":
            offered += which % 5
        elif action == "start" and job is not None and not runs:
            together = [i for i in busy if array_of[i] == array_of[job]]
            if len(together) < throttle[array_of[job]]:
                cluster[job] = RUNNING
        elif action == "claim" and runs and offered and job is not None:
            if job in seats.seats and seats.seats[job].trial_id is None:
                offered -= 1
                seats.claimed(job, which, now)
        elif action in ("end", "kill") and runs and job is not None:
            cluster[job] = DONE if action == "end" else KILLED
            seats.left(job, over=True)
        elif action == "requeue" and runs and job is not None:
            cluster[job] = QUEUED
            seats.left(job, over=False)
        elif action == "vanish" and job is not None:
            del cluster[job]
        poll(seats, now, **cluster)
        wanted = plan(seats, offered, at_once=at_once, max_queued=max_queued, has_queue=has_queue)
        assert 0 <= wanted.at_once <= min(wanted.count, at_once)
        if wanted.count:
            number = len(throttle)
            throttle[number] = wanted.at_once
            ids = [f"{number}_{i}" for i in range(wanted.count)]
            cluster |= dict.fromkeys(ids, QUEUED)
            array_of |= dict.fromkeys(ids, number)
            seats.submitted(ids)
        live = [i for i, s in cluster.items() if s.phase is not JobPhase.ENDED]
        running = [i for i in live if cluster[i].phase is JobPhase.RUNNING]
        assert len(live) <= max_queued
        assert len(running) <= at_once


def test_a_job_that_has_finished_its_leg_is_no_seat_while_the_cluster_still_lists_it() -> None:
    book = SeatBook()
    book.claimed("7_0", 3, now=10.0)
    book.left("7_0", over=True)
    book.take_poll({"7_0": JobStatus(JobPhase.RUNNING)}, 11.0, vanish_s=60.0)
    assert book.running() == []
    plan = plan_seats(book, offered=1, at_once=1, max_queued=10, has_queue=True)
    assert plan.count == 1


def test_after_deaths_without_a_leg_the_next_poll_is_waited_for() -> None:
    seats = SeatBook()
    seats.submitted(["a", "b"])
    poll(seats, 1.0, a=KILLED, b=DONE)
    assert seats.has_unexplained_ends()
    poll(seats, 2.0)
    assert not seats.has_unexplained_ends()
    assert seats.dead_before_claim == 1
