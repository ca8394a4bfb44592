"""How many jobs are asked for, and with how much memory."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hpo.causes import Cause
from hpo.seat_plan import SeatPlan, plan_seats, useless_seats
from hpo.seats import JobPhase, JobStatus, SeatBook

QUEUED = JobStatus(JobPhase.QUEUED, reason="Priority")
LARGE = JobStatus(JobPhase.QUEUED, mem_mb=6144)
HUGE = JobStatus(JobPhase.QUEUED, mem_mb=9216)
RUNNING = JobStatus(JobPhase.RUNNING)
KILLED = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail="SLURM says FAILED")
DONE = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ok=True)


def book(**statuses: JobStatus) -> SeatBook:
    made = SeatBook()
    poll(made, 0.0, **statuses)
    return made


def poll(seats: SeatBook, at: float, **statuses: JobStatus) -> None:
    seats.take_poll(statuses, at, vanish_s=60.0)


def working(**statuses: JobStatus) -> SeatBook:
    """Seats of which those that run hold a leg each."""
    seats = book(**statuses)
    for number, seat in enumerate(seats.running()):
        seats.claimed(seat.job_id, number, 0.0)
    return seats


def plan(
    seats: SeatBook,
    offered: int,
    larger: dict[int, int] | None = None,
    *,
    at_once: int = 8,
    max_queued: int = 450,
    has_queue: bool = True,
    legs: int | None = 1,
) -> list[SeatPlan]:
    needs = {size: count for size, count in ({0: offered} | (larger or {})).items() if count}
    return plan_seats(
        seats,
        needs,
        at_once=at_once,
        max_queued=max_queued,
        has_queue=has_queue,
        legs_per_seat=legs,
    )


class TestPlan:
    def test_nothing_is_asked_for_before_the_cluster_has_answered(self) -> None:
        assert plan(SeatBook(), 10) == []

    def test_a_whole_campaign_is_one_throttled_array(self) -> None:
        assert plan(book(), 100) == [SeatPlan(100, 8)]
        assert plan(book(), 3) == [SeatPlan(3, 3)]
        assert plan(book(), 1000) == [SeatPlan(450, 8)]

    def test_without_a_queue_only_what_can_run_is_asked_for(self) -> None:
        assert plan(book(), 100, has_queue=False) == [SeatPlan(8, 8)]

    def test_waiting_and_idle_seats_are_not_asked_for_twice(self) -> None:
        assert plan(book(a=QUEUED, b=QUEUED), 2) == []
        assert plan(book(a=RUNNING, b=QUEUED), 2) == []
        assert plan(book(a=RUNNING, b=QUEUED), 3) == [SeatPlan(1, 1)]

    def test_nothing_is_added_to_a_throttled_array_that_still_waits(self) -> None:
        seats = working(**{str(i): RUNNING if i < 8 else QUEUED for i in range(100)})
        assert plan(seats, 500) == []

    def test_behind_the_array_each_ended_seat_is_replaced(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        assert plan(seats, 5, at_once=2) == []
        seats.left("a", over=True)
        assert plan(seats, 5, at_once=2) == [SeatPlan(1, 1)]

    def test_when_seats_are_idle_no_offer_asks_for_another(self) -> None:
        assert plan(book(a=RUNNING), 1) == []

    def test_a_job_that_has_finished_its_leg_is_replaced_while_it_is_still_listed(self) -> None:
        seats = working(a=RUNNING)
        seats.left("a", over=True)
        poll(seats, 1.0, a=RUNNING)
        assert plan(seats, 1, at_once=1) == [SeatPlan(1, 1)]


class TestSeatsThatStay:
    def test_as_many_are_asked_for_as_their_legs_need_and_as_may_run_at_once(self) -> None:
        asked = [plan(book(), 100, legs=legs)[0].count for legs in (1, 4, 50, None)]
        assert asked == [100, 25, 8, 8]

    def test_never_more_than_there_are_offers(self) -> None:
        assert [plan(book(), 3, legs=legs)[0].count for legs in (2, None)] == [3, 3]

    def test_never_more_than_may_wait(self) -> None:
        asked = [plan(book(), 100, legs=legs, max_queued=6)[0].count for legs in (4, None)]
        assert asked == [6, 6]

    def test_one_that_looks_for_its_next_leg_counts_as_free(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        assert plan(seats, 5, at_once=2, legs=None) == []
        seats.left("a", over=False)
        assert plan(seats, 5, at_once=3, legs=None) == [SeatPlan(1, 1)]
        assert plan(seats, 1, at_once=3, legs=None) == []

    def test_one_that_has_ended_while_it_looked_is_replaced_and_no_death(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        seats.left("a", over=False)
        for at in (60.0, 120.0):
            poll(seats, at, a=DONE, b=RUNNING)
        assert plan(seats, 5, at_once=2, legs=None) == [SeatPlan(1, 1)]
        assert seats.dead_before_claim == 0

    def test_it_is_known_which_jobs_have_gone_on(self) -> None:
        seats = working(a=RUNNING)
        assert not seats.has_gone_on("a")
        seats.left("a", over=False)
        seats.claimed("a", 7, 1.0)
        assert seats.has_gone_on("a")
        assert not seats.has_gone_on("unknown")


class TestMemory:
    def test_an_offer_that_needs_more_finds_a_seat_that_has_it(self) -> None:
        assert plan(working(a=RUNNING), 0, {6144: 1}) == [SeatPlan(1, 1, 6144)]
        assert plan(working(a=RUNNING, b=LARGE), 0, {6144: 1}) == []
        assert plan(working(a=RUNNING, b=HUGE), 0, {6144: 1}) == []
        assert plan(working(a=RUNNING, b=LARGE), 0, {9216: 1}) == [SeatPlan(1, 1, 9216)]

    def test_a_seat_with_more_memory_serves_any_offer_but_only_one(self) -> None:
        assert plan(working(a=RUNNING, b=LARGE), 1) == []
        assert plan(working(a=RUNNING, b=LARGE), 1, {6144: 1}) == [SeatPlan(1, 1)]

    def test_a_waiting_seat_of_the_array_is_raised_in_its_place(self) -> None:
        """A new one beside the array would run over `max_concurrent_jobs`."""
        seats = working(**{str(i): RUNNING if i < 8 else QUEUED for i in range(30)})
        assert plan(seats, 21, {6144: 1}) == [SeatPlan(0, 0, 6144, ("8",))]
        seats.raised(["8", "unknown"], 6144)
        assert plan(seats, 21, {6144: 1}) == []

    def test_the_offer_whose_seat_was_raised_asks_for_another(self) -> None:
        assert plan(working(a=RUNNING, b=QUEUED), 1, {6144: 1}) == [
            SeatPlan(0, 0, 6144, ("b",)),
            SeatPlan(1, 1),
        ]

    def test_a_default_seat_that_looks_for_work_serves_no_larger_offer(self) -> None:
        assert plan(book(a=RUNNING), 0, {6144: 1}) == [SeatPlan(1, 1, 6144)]

    def test_larger_seats_come_first_where_there_is_little_room(self) -> None:
        seats = working(a=RUNNING)
        wanted = plan(seats, 5, {6144: 1, 9216: 1}, at_once=4)
        assert wanted == [SeatPlan(1, 1, 9216), SeatPlan(1, 1, 6144), SeatPlan(1, 1)]

    def test_after_a_long_absence_the_campaign_is_again_asked_for_as_a_whole(self) -> None:
        assert plan(book(), 50, {6144: 2}) == [SeatPlan(50, 8)]
        assert plan(book(), 3, {6144: 2}) == [SeatPlan(3, 3), SeatPlan(2, 2, 6144)]
        assert plan(book(), 0, {6144: 20}) == [SeatPlan(20, 8, 6144)]

    def test_waiting_seats_that_are_too_small_for_all_that_is_left_are_useless(self) -> None:
        seats = book(a=QUEUED, b=LARGE, c=RUNNING)
        assert useless_seats(seats, {6144: 1}) == ["a"]
        assert useless_seats(seats, {0: 1, 6144: 1}) == []
        assert useless_seats(seats, {}) == ["a", "b"]


SIZES = st.sampled_from([0, 0, 0, 6144, 9216])


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["start", "claim", "end", "kill", "requeue", "vanish", "offer"]),
            st.integers(0, 60),
            SIZES,
        ),
        max_size=80,
    ),
    offered=st.integers(0, 40),
    at_once=st.integers(1, 6),
    max_queued=st.integers(1, 20),
    has_queue=st.booleans(),
)
def test_there_are_never_more_jobs_than_allowed_whatever_happens_to_them(
    steps: list[tuple[str, int, int]], offered: int, at_once: int, max_queued: int, has_queue: bool
) -> None:
    cluster: dict[str, JobStatus] = {}
    array_of: dict[str, int] = {}
    throttle: dict[int, int] = {}
    needs: Counter[int] = Counter({0: offered})
    seats = book()
    now = 0.0
    for action, which, size in [("offer", 0, 0), *steps]:
        now += 1.0
        live = sorted(i for i, s in cluster.items() if s.phase is not JobPhase.ENDED)
        job = live[which % len(live)] if live else None
        runs = job is not None and cluster[job].phase is JobPhase.RUNNING
        busy = [i for i in live if cluster[i].phase is JobPhase.RUNNING]
        if action == "offer":
            needs[size] += which % 5
        elif action == "start" and job is not None and not runs:
            together = [i for i in busy if array_of[i] == array_of[job]]
            if len(together) < throttle[array_of[job]]:
                cluster[job] = JobStatus(JobPhase.RUNNING, mem_mb=cluster[job].mem_mb)
        elif action == "claim" and runs and job is not None:
            fits = [need for need in needs if needs[need] and need <= cluster[job].mem_mb]
            if fits and job in seats.seats and seats.seats[job].trial_id is None:
                needs[max(fits)] -= 1
                seats.claimed(job, which, now)
        elif action in ("end", "kill") and runs and job is not None:
            cluster[job] = DONE if action == "end" else KILLED
            seats.left(job, over=True)
        elif action == "requeue" and runs and job is not None:
            cluster[job] = JobStatus(JobPhase.QUEUED, mem_mb=cluster[job].mem_mb)
            seats.left(job, over=False)
        elif action == "vanish" and job is not None:
            del cluster[job]
        poll(seats, now, **cluster)
        left = {need: count for need, count in needs.items() if count}
        limits = {"at_once": at_once, "max_queued": max_queued}
        wanted = plan_seats(seats, left, has_queue=has_queue, **limits)
        for part in wanted:
            assert 0 <= part.at_once <= min(part.count, at_once)
            assert all(cluster[i].phase is JobPhase.QUEUED for i in part.raised)
            waiting = JobStatus(JobPhase.QUEUED, mem_mb=part.mem_mb)
            cluster |= dict.fromkeys(part.raised, waiting)
            seats.raised(part.raised, part.mem_mb)
            number = len(throttle)
            throttle[number] = part.at_once
            ids = [f"{number}_{i}" for i in range(part.count)]
            cluster |= dict.fromkeys(ids, waiting)
            array_of |= dict.fromkeys(ids, number)
            seats.submitted(ids, part.mem_mb)
            # Whoever asks once more, such as a manager after a crash, goes on where this one was.
            rest = wanted[wanted.index(part) + 1 :]
            assert plan_seats(seats, left, has_queue=has_queue, **limits) == rest
        live = [i for i, s in cluster.items() if s.phase is not JobPhase.ENDED]
        running = [i for i in live if cluster[i].phase is JobPhase.RUNNING]
        assert len(live) <= max_queued
        assert len(running) <= at_once
