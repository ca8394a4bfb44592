"""How many jobs are asked for, with how much memory and time, and which of them are useless."""

from __future__ import annotations

from hpo.decisions.limits import SeatLimits
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Raise, Submit
from hpo.seats.plan import plan_seats, useless_seats
from hpo.units.sizes import DEFAULT_SIZE, Size

LIMITS = SeatLimits(8, 450)
QUEUED = JobStatus(JobPhase.QUEUED, reason="Priority")
LARGE = JobStatus(JobPhase.QUEUED, size=Size(6144))
HUGE = JobStatus(JobPhase.QUEUED, size=Size(9216))
RUNNING = JobStatus(JobPhase.RUNNING)
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
    to_come: int = 0,
    at_once: int = 8,
    max_queued: int = 450,
    queue_ahead: int = 450,
    legs_each: int | None = 1,
) -> list[Raise | Submit]:
    needs = {Size(): offered} if offered else {}
    needs |= {Size(size): count for size, count in (larger or {}).items()}
    limits = SeatLimits(at_once, max_queued, queue_ahead=queue_ahead, legs_per_seat=legs_each)
    return plan_seats(seats, needs, limits, coming={Size(): to_come} if to_come else {})


def new(count: int, size: Size = DEFAULT_SIZE, *, at_once: int = 8) -> Submit:
    return Submit(count, min(count, at_once), size)


def legs(count: int) -> dict[Size, int]:
    """Legs that need nothing special."""
    return {Size(): count}


def timed(needs: dict[int, int]) -> dict[Size, int]:
    """Legs by the minutes that they need."""
    return {Size(None, time_min): count for time_min, count in needs.items()}


class TestPlan:
    def test_nothing_is_asked_for_before_the_cluster_has_answered(self) -> None:
        assert plan(SeatBook(), 10) == []

    def test_a_whole_campaign_is_asked_for_at_once(self) -> None:
        assert plan(book(), 100) == [new(100)]
        assert plan(book(), 3) == [new(3)]
        assert plan(book(), 1000) == [new(450)]

    def test_legs_that_are_only_expected_get_a_place_in_the_queue_too(self) -> None:
        assert plan(book(), 81, to_come=39) == [new(120)]
        assert plan(working(a=RUNNING), 0, to_come=2) == [new(2)]

    def test_no_more_wait_than_the_user_wants(self) -> None:
        assert plan(book(), 100, queue_ahead=0) == [new(8)]
        assert plan(book(), 100, queue_ahead=20) == [new(28)]

    def test_waiting_and_idle_seats_are_not_asked_for_twice(self) -> None:
        assert plan(book(a=QUEUED, b=QUEUED), 2) == []
        assert plan(book(a=RUNNING, b=QUEUED), 2) == []
        assert plan(book(a=RUNNING, b=QUEUED), 3) == [new(1)]

    def test_the_queue_is_filled_up_when_half_of_it_is_used(self) -> None:
        def waiting(count: int) -> SeatBook:
            return working(**{str(i): RUNNING if i < 8 else QUEUED for i in range(count + 8)})

        assert plan(waiting(300), 1000) == []
        assert plan(waiting(222), 1000) == []
        assert plan(waiting(221), 1000) == [new(221)]

    def test_where_few_may_wait_they_are_not_replaced_one_by_one(self) -> None:
        seats = working(**{str(i): RUNNING if i < 20 else QUEUED for i in range(23)})
        assert plan(seats, 100, at_once=20, queue_ahead=5) == []
        seats = working(**{str(i): RUNNING if i < 20 else QUEUED for i in range(22)})
        assert plan(seats, 100, at_once=20, queue_ahead=5) == [new(3)]

    def test_a_few_seats_are_replaced_one_by_one(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        assert plan(seats, 5, at_once=2, queue_ahead=0) == []
        seats.left("a", over=True)
        assert plan(seats, 5, at_once=2, queue_ahead=0) == [new(1)]

    def test_when_seats_are_idle_no_offer_asks_for_another(self) -> None:
        assert plan(book(a=RUNNING), 1) == []

    def test_a_job_that_has_finished_its_leg_is_replaced_while_it_is_still_listed(self) -> None:
        seats = working(a=RUNNING)
        seats.left("a", over=True)
        poll(seats, 1.0, a=RUNNING)
        assert plan(seats, 1, at_once=1) == [new(1)]


class TestSeatsThatStay:
    def test_as_many_are_asked_for_as_their_legs_need_and_as_may_run_at_once(self) -> None:
        asked = [plan(book(), 100, legs_each=each) for each in (1, 4, 50, None)]
        assert asked == [[new(100)], [new(25)], [new(8)], [new(100)]]
        assert plan(book(), 100, legs_each=None, queue_ahead=3) == [new(11)]
        assert plan(book(), 100, legs_each=None, queue_ahead=0) == [new(8)]

    def test_never_more_than_there_are_legs(self) -> None:
        assert [plan(book(), 3, legs_each=each) for each in (2, None)] == [[new(3)]] * 2

    def test_one_that_looks_for_its_next_leg_counts_as_free(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        assert plan(seats, 5, at_once=2, queue_ahead=0, legs_each=None) == []
        seats.left("a", over=False)
        assert plan(seats, 5, at_once=3, queue_ahead=0, legs_each=None) == [new(1)]
        assert plan(seats, 1, at_once=3, queue_ahead=0, legs_each=None) == []

    def test_one_that_has_ended_while_it_looked_is_replaced_and_no_death(self) -> None:
        seats = working(a=RUNNING, b=RUNNING)
        seats.left("a", over=False)
        for at in (60.0, 120.0):
            poll(seats, at, a=DONE, b=RUNNING)
        assert plan(seats, 5, at_once=2, queue_ahead=0, legs_each=None) == [new(1)]
        assert seats.deaths == []

    def test_it_is_known_which_jobs_have_gone_on(self) -> None:
        seats = working(a=RUNNING)
        assert not seats.has_gone_on("a")
        seats.left("a", over=False)
        seats.claimed("a", 7, 1.0)
        assert seats.has_gone_on("a")
        assert not seats.has_gone_on("unknown")


class TestMemory:
    def test_an_offer_that_needs_more_finds_a_seat_that_has_it(self) -> None:
        assert plan(working(a=RUNNING), 0, {6144: 1}) == [new(1, Size(6144))]
        assert plan(working(a=RUNNING, b=LARGE), 0, {6144: 1}) == []
        assert plan(working(a=RUNNING, b=HUGE), 0, {6144: 1}) == []
        assert plan(working(a=RUNNING, b=LARGE), 0, {9216: 1}) == [new(1, Size(9216))]

    def test_a_seat_with_more_memory_serves_any_offer_but_only_one(self) -> None:
        assert plan(working(a=RUNNING, b=LARGE), 1) == []
        assert plan(working(a=RUNNING, b=LARGE), 1, {6144: 1}) == [new(1)]

    def test_a_waiting_seat_of_the_array_is_raised_in_its_place(self) -> None:
        """A new one beside the array would run over `max_concurrent_jobs`."""
        seats = working(**{str(i): RUNNING if i < 8 else QUEUED for i in range(30)})
        assert plan(seats, 21, {6144: 1}) == [Raise(("8",), 6144)]
        seats.carried_out(Raise(("8", "unknown"), 6144))
        assert plan(seats, 21, {6144: 1}) == []

    def test_the_offer_whose_seat_was_raised_asks_for_another(self) -> None:
        assert plan(working(a=RUNNING, b=QUEUED), 1, {6144: 1}) == [
            Raise(("b",), 6144),
            new(1),
        ]

    def test_a_default_seat_that_looks_for_work_serves_no_larger_offer(self) -> None:
        assert plan(book(a=RUNNING), 0, {6144: 1}) == [new(1, Size(6144))]

    def test_larger_seats_come_first_where_there_is_little_room(self) -> None:
        seats = working(a=RUNNING)
        wanted = plan(seats, 5, {6144: 1, 9216: 1}, at_once=4, queue_ahead=0)
        assert wanted == [new(1, Size(9216)), new(1, Size(6144)), new(1)]

    def test_after_a_long_absence_the_campaign_is_again_asked_for_as_a_whole(self) -> None:
        assert plan(book(), 50, {6144: 2}) == [new(2, Size(6144)), new(50)]
        assert plan(book(), 3, {6144: 2}) == [new(2, Size(6144)), new(3)]
        assert plan(book(), 0, {6144: 20}) == [new(20, Size(6144))]

    def test_waiting_seats_that_are_too_small_for_all_that_is_left_are_useless(self) -> None:
        seats = book(a=QUEUED, b=LARGE, c=RUNNING)
        assert useless_seats(seats, {Size(6144): 1}) == ["a"]
        assert useless_seats(seats, {Size(): 1, Size(6144): 1}, spared=1) == []
        assert sorted(useless_seats(seats, {})) == ["a", "b"]

    def test_seats_beyond_what_is_to_come_are_useless_the_youngest_first(self) -> None:
        seats = book(**{f"7_{i}": QUEUED for i in range(12)}, a=RUNNING)
        assert useless_seats(seats, {}, coming=legs(4), spared=8) == []
        assert useless_seats(seats, {}, coming=legs(3), spared=8) == [
            f"7_{i}" for i in (11, 10, 9, 8, 7, 6, 5, 4, 3)
        ]
        assert useless_seats(seats, {Size(): 10}, coming=legs(3)) == []
        assert useless_seats(seats, {Size(): 3}, coming=legs(3)) == []  # each call costs something
        assert len(useless_seats(seats, {Size(): 2}, coming=legs(3))) == 7

    def test_a_seat_that_looks_for_a_leg_makes_no_waiting_one_useless(self) -> None:
        """It may have too little time left for the last leg."""
        assert useless_seats(book(a=RUNNING, b=QUEUED), {Size(): 1}) == []


class TestTime:
    SHORT = JobStatus(JobPhase.QUEUED, size=Size(None, 10))
    LONG = JobStatus(JobPhase.QUEUED, size=Size(None, 120))

    def plan(
        self,
        seats: SeatBook,
        needs: dict[int, int],
        coming: dict[int, int] | None = None,
        *,
        queue_ahead: int | None = None,
    ) -> list[Raise | Submit]:
        limits = SeatLimits(8, 450, queue_ahead=queue_ahead)
        return plan_seats(seats, timed(needs), limits, coming=timed(coming or {}))

    def test_each_offer_gets_a_seat_of_its_class_and_the_longest_come_first(self) -> None:
        assert self.plan(book(), {10: 5, 120: 1}) == [
            new(1, Size(None, 120)),
            new(5, Size(None, 10)),
        ]

    def test_where_not_all_have_a_place_each_kind_gets_its_share(self) -> None:
        assert self.plan(book(), {10: 400}, {10: 300, 60: 100, 120: 100}) == [
            new(50, Size(None, 120)),
            new(50, Size(None, 60)),
            new(350, Size(None, 10)),
        ]
        assert self.plan(book(), {10: 50, 120: 3}, queue_ahead=0) == [
            new(3, Size(None, 120)),
            new(5, Size(None, 10)),
        ]

    def test_the_few_that_are_longer_than_usual_are_asked_for_as_one_array(self) -> None:
        """Each that waits keeps a place in which seats may run."""
        assert self.plan(book(), {5: 9, 20: 3, 60: 1}) == [
            new(4, Size(None, 60)),
            new(9, Size(None, 5)),
        ]

    def test_of_long_seats_new_ones_are_asked_for_when_half_are_used_or_one_is_needed(self) -> None:
        many = {f"s{i}": self.SHORT for i in range(40)}
        one = book(**many, a=self.LONG)
        two = book(**many, a=self.LONG, b=self.LONG)
        assert self.plan(two, {10: 40}, {120: 4}) == []
        assert self.plan(one, {10: 40}, {120: 4}) == [new(3, Size(None, 120))]
        assert self.plan(two, {10: 38, 120: 3}, {120: 1}) == [new(2, Size(None, 120))]

    def test_a_longer_seat_serves_a_short_offer_and_no_shorter_one_a_long_one(self) -> None:
        assert self.plan(book(a=self.LONG), {10: 1}) == []
        assert self.plan(book(a=self.SHORT), {120: 1}) == [new(1, Size(None, 120))]
        assert self.plan(book(a=self.LONG, b=self.SHORT), {10: 1, 120: 1}) == []

    def test_a_seat_that_was_cut_before_a_maintenance_is_what_was_asked_for(self) -> None:
        seats = SeatBook(counted=True)
        seats.submitted(["7"], Submit(1, 1, Size(None, 120)))
        poll(seats, 1.0, **{"7": JobStatus(JobPhase.QUEUED, size=Size(None, 57))})
        assert self.plan(seats, {120: 1}) == []
        assert useless_seats(seats, {Size(None, 120): 1}) == []

    def test_legs_to_come_get_seats_of_their_class_too(self) -> None:
        assert self.plan(book(), {120: 1}, {10: 3}) == [
            new(1, Size(None, 120)),
            new(3, Size(None, 10)),
        ]

    def test_what_is_raised_has_the_time_as_well(self) -> None:
        needs = {Size(6144, 120): 1}
        seats = working(a=self.SHORT, b=self.LONG)
        assert plan_seats(seats, needs, LIMITS) == [Raise(("b",), 6144)]
        seats = working(a=self.SHORT)
        assert plan_seats(seats, needs, LIMITS) == [new(1, Size(6144, 120))]

    def test_waiting_seats_too_short_for_any_offer_are_useless(self) -> None:
        seats = book(a=self.SHORT, b=self.LONG)
        assert useless_seats(seats, {Size(None, 30): 1}) == ["a"]
        assert useless_seats(seats, {Size(None, 30): 1, Size(None, 5): 1}) == []
        assert useless_seats(seats, {}, coming=timed({120: 2})) == []
        assert useless_seats(seats, timed({120: 1}), coming=timed({120: 2})) == ["a"]

    def test_of_learned_memory_what_waits_is_raised_when_more_is_usual(self) -> None:
        small = JobStatus(JobPhase.QUEUED, size=Size(512))
        usual = {Size(1024): 1}
        seats = working(a=small, b=small)
        assert plan_seats(seats, usual, LIMITS, usual_mb=1024) == [Raise(("a",), 1024)]
        both = plan_seats(seats, usual, LIMITS, coming=usual, usual_mb=1024)
        assert both == [Raise(("a", "b"), 1024)]
