"""What is ordered for the seats of a campaign, one thing at a time."""

from __future__ import annotations

from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import NO_SEATS, WantedSeats
from hpo.record.causes import Cause
from hpo.seats.arrays import surplus
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.next_orders import BEYOND, USELESS, next_orders
from hpo.seats.orders import Avoid, Cancel, LimitArray, Order, Raise, Shrink, Submit
from hpo.units.sizes import Size

LIMITS = SeatLimits(4, 100)
LONG, SHORT = Size(None, 120), Size(None, 15)
WAITS, RUNS = JobStatus(JobPhase.QUEUED), JobStatus(JobPhase.RUNNING)
GPU2 = frozenset({"gpu2"})


def wanted(legs: int, size: Size = SHORT, *, coming: int = 0, known: bool = False) -> WantedSeats:
    return WantedSeats({size: legs}, {size: coming} if coming else {}, None, is_known=known)


def arrays(**sizes: tuple[int, int]) -> SeatBook:
    """Seats that wait, by array: how many, and how many of them may run at once."""
    book = SeatBook(counted=True)
    for name, (count, at_once) in sizes.items():
        array = name.removeprefix("a")
        book.submitted([f"{array}_{n}" for n in range(count)], Submit(count, at_once, SHORT))
    return book


def orders(book: SeatBook, seats: WantedSeats, limits: SeatLimits = LIMITS) -> list[Order]:
    return next_orders(book, seats, limits, 0.0)


def poll(book: SeatBook, at: float, **statuses: JobStatus) -> None:
    book.take_poll({name.removeprefix("j"): s for name, s in statuses.items()}, at, vanish_s=60.0)


class TestWhatIsOrdered:
    def test_nothing_before_the_cluster_has_told_what_there_is(self) -> None:
        assert orders(SeatBook(), wanted(9)) == []

    def test_a_campaign_is_asked_for_as_one_array(self) -> None:
        assert orders(SeatBook(counted=True), wanted(9)) == [Submit(9, 4, SHORT)]

    def test_what_nothing_is_left_for_is_cancelled_also_while_nothing_is_known(self) -> None:
        book = arrays(a7=(2, 2))
        assert orders(book, NO_SEATS) == [Cancel(("7_1", "7_0"), USELESS)]
        book.unsure(Submit(1, 1))
        assert orders(book, NO_SEATS) == [Cancel(("7_1", "7_0"), USELESS)]
        assert orders(SeatBook(counted=True), NO_SEATS) == []

    def test_several_sizes_share_what_may_run(self) -> None:
        seats = WantedSeats({LONG: 1, SHORT: 9}, {}, None, is_known=False)
        both = [Submit(1, 1, LONG), Submit(9, 3, SHORT)]
        assert orders(SeatBook(counted=True), seats) == both
        assert orders(SeatBook(counted=True), seats, SeatLimits(1, 100)) == both[:1]

    def test_a_seat_is_raised_before_others_are_asked_for(self) -> None:
        book = SeatBook(counted=True)
        poll(book, 1.0, j7_0=WAITS)
        seats = WantedSeats({Size(6144): 1, Size(): 1}, {}, None, is_known=False)
        assert orders(book, seats) == [Raise(("7_0",), 6144), Submit(1, 1)]

    def test_nothing_is_asked_for_while_deaths_are_unexplained_or_seats_are_to_rest(self) -> None:
        book = SeatBook()
        poll(book, 1.0, j7=RUNS)
        poll(book, 2.0, j7=JobStatus(JobPhase.ENDED, cause=Cause.KILLED))
        assert orders(book, wanted(9)) == []
        assert next_orders(SeatBook(counted=True), wanted(9), LIMITS, 0.0, paused=True) == []

    def test_on_mere_expectation_nothing_follows_a_seat_that_came_in_vain(self) -> None:
        book = SeatBook()
        seats = WantedSeats({}, {SHORT: 2}, None, is_known=False)
        poll(book, 1.0, j7=RUNS)
        poll(book, 2.0, j7=JobStatus(JobPhase.ENDED, ok=True))
        assert orders(book, seats) == []
        assert next_orders(book, seats, LIMITS, 5000.0) == [Submit(2, 2, SHORT)]


class TestArrays:
    def test_an_array_follows_another_once_that_has_made_room_and_is_counted_again(self) -> None:
        book = arrays(a1=(4, 4))
        assert orders(book, wanted(40)) == [LimitArray("1", 3)]
        book.carried_out(LimitArray("1", 3))
        assert orders(book, wanted(40)) == [], "what had started by then runs on"
        poll(book, 1.0, j1_0=RUNS, j1_1=WAITS, j1_2=WAITS, j1_3=WAITS)
        assert orders(book, wanted(40)) == [Submit(36, 1, SHORT)]

    def test_it_waits_where_what_runs_takes_the_whole_limit(self) -> None:
        book = arrays(a1=(6, 3))
        poll(book, 1.0, **{f"j1_{n}": RUNS if n < 4 else WAITS for n in range(6)})
        for number in range(4):
            book.claimed(f"1_{number}", number, 1.0)
        assert orders(book, wanted(40)) == []

    def test_what_an_older_one_no_longer_uses_a_younger_one_gets(self) -> None:
        book = arrays(a1=(2, 2), a2=(9, 1))
        assert orders(book, wanted(11)) == [LimitArray("2", 2)]
        book.carried_out(LimitArray("2", 2))
        assert orders(book, wanted(11)) == [], "that of a raised one need not be counted again"

    def test_of_a_single_seat_no_limit_is_set(self) -> None:
        assert orders(arrays(a1=(1, 1), a2=(9, 3)), wanted(10)) == []

    def test_the_limits_that_a_new_manager_finds_are_set_again(self) -> None:
        book = SeatBook()
        poll(book, 1.0, **{f"j1_{n}": WAITS for n in range(9)})
        assert orders(book, wanted(9, Size())) == [LimitArray("1", 4)]

    def test_a_raise_that_was_not_answered_may_have_been_carried_out(self) -> None:
        book = arrays(a1=(2, 1))
        (order,) = orders(book, wanted(2))
        assert order == LimitArray("1", 2)
        book.unsure(order)
        assert orders(book, wanted(2)) == []
        poll(book, 1.0, j1_0=WAITS, j1_1=WAITS)
        assert orders(book, wanted(9)) == [LimitArray("1", 2)], "it may be more than that"

    def test_after_the_limit_was_lowered_below_the_arrays_that_wait_the_youngest_go(self) -> None:
        book = arrays(a1=(8, 2), a2=(1, 1), a3=(2, 1))
        assert orders(book, wanted(60), SeatLimits(1, 100)) == [
            Cancel(("2_0", "3_0", "3_1"), BEYOND)
        ]

    def test_a_requeued_job_that_holds_a_trial_is_never_cancelled_for_the_limit(self) -> None:
        book = arrays(a7=(2, 2), a8=(1, 1), a9=(1, 1))
        book.claimed("9_0", 3, 0.0)
        book.seats["9_0"].phase = JobPhase.QUEUED  # it waits again
        assert surplus(1, book) == ["8_0"]
        assert surplus(2, book) == []
        assert surplus(3, book) == []


class TestSizes:
    def waiting(self, count: int) -> SeatBook:
        book = SeatBook(counted=True)
        book.submitted([f"7_{n}" for n in range(count)], Submit(count, count, LONG))
        return book

    def test_nothing_changes_before_it_is_known_what_legs_need(self) -> None:
        assert orders(self.waiting(3), wanted(3)) == []

    def test_what_gave_up_time_is_not_asked_again(self) -> None:
        book = self.waiting(3)
        (order,) = orders(book, wanted(3, known=True))
        assert isinstance(order, Shrink)
        assert (sorted(order.job_ids), order.size) == (["7_0", "7_1", "7_2"], Size(None, 30))
        book.carried_out(order)
        assert {seat.size for seat in book.queued()} == {Size(None, 30)}
        assert orders(book, wanted(3, known=True)) == []

    def test_where_the_cluster_did_not_answer_the_seats_are_left_as_they_are(self) -> None:
        book = self.waiting(3)
        (order,) = orders(book, wanted(3, known=True))
        book.unsure(order)
        poll(book, 1.0, **{f"j7_{n}": WAITS for n in range(3)})
        assert {seat.size for seat in book.queued()} == {LONG}
        assert orders(book, wanted(3, known=True)) == []

    def test_a_job_that_is_over_by_then_is_no_seat_again(self) -> None:
        book = self.waiting(2)
        book.left("7_1", over=True)
        book.carried_out(Shrink(("7_0", "7_1"), Size(256)))
        assert [(s.job_id, s.size) for s in book.seats.values()] == [("7_0", Size(256, 120))]

    def test_what_the_cluster_tells_of_a_size_adds_to_what_is_known(self) -> None:
        book = self.waiting(1)
        poll(book, 1.0, j7_0=JobStatus(JobPhase.QUEUED, size=Size(512, 57)))
        assert book.seats["7_0"].size == Size(512, 120), "cut before a maintenance"


class TestNodes:
    def avoid(self, book: SeatBook, out: frozenset[str] | None) -> list[Order]:
        """What is ordered, which is carried out."""
        found = next_orders(book, wanted(1), LIMITS, 0.0, out=out, paused=True)
        for order in found:
            assert isinstance(order, Avoid)
            book.carried_out(order)
        return found

    def test_waiting_seats_are_told_once_a_change(self) -> None:
        book = arrays(a8=(3, 3))
        book.claimed("8_0", 0, 0.0)
        assert self.avoid(book, None) == []
        assert self.avoid(book, GPU2) == [Avoid(("8_1", "8_2"), GPU2)]
        assert self.avoid(book, GPU2) == []
        assert self.avoid(book, frozenset()) == [Avoid(("8_1", "8_2"), frozenset())]

    def test_new_seats_need_not_be_told_and_those_that_wait_again_do(self) -> None:
        book = SeatBook(counted=True)
        (order,) = next_orders(book, wanted(1), LIMITS, 0.0, out=GPU2)
        assert order == Submit(1, 1, SHORT, GPU2)
        book.submitted(["9"], order)
        assert self.avoid(book, GPU2) == []
        book.claimed("9", 0, 0.0)
        assert self.avoid(book, GPU2) == []
        poll(book, 1.0, j9=WAITS, j7=WAITS)
        assert self.avoid(book, GPU2) == [Avoid(("7", "9"), GPU2)]


def test_orders_say_in_words_what_is_so_once_they_are_carried_out() -> None:
    told: dict[Order, str] = {
        Raise(("7_1", "7_2"), 6144): "jobs that wait get 6144 MB: 7_1, 7_2",
        Shrink(("7_1",), SHORT): "1 jobs that wait ask for 15 min each from now on",
        LimitArray("7", 3): "of the waiting jobs of 7, 3 may run at once",
        Avoid(("7_1",), frozenset({"b", "a"})): "1 jobs that wait keep off a, b",
        Avoid(("7_1",), frozenset()): "1 jobs that wait may use any node again",
        Cancel(("7_1",), USELESS): "1 waiting jobs are cancelled: nothing is left for them",
    }
    assert {order: str(order) for order in told} == told
