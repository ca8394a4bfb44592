"""Whether to ask for seats for legs that are only expected, where others came in vain.

A seat that starts before there is a leg for it holds a GPU for `claim_timeout` and ends. Behind a
long queue that is a small price for the next leg's place in it; where jobs start at once, a seat
would follow the other for as long as the last legs run. Pure: no I/O, no clock.
"""

from __future__ import annotations

from hpo.seats.book import SeatBook

FIRST_PAUSE_S = 900.0  # after a seat that came in vain; doubled each time up to LONGEST_PAUSE_S
LONGEST_PAUSE_S = 8 * 3600.0


class VainSeats:
    """The pause after seats that found no leg, until one takes a leg again."""

    def __init__(self) -> None:
        self._seen = 0
        self._not_before = float("-inf")

    def may_expect(self, book: SeatBook, now: float) -> bool:
        """Whether new seats may be asked for legs that are not offered yet."""
        in_vain = book.in_vain
        if in_vain > self._seen:
            pause_s = min(FIRST_PAUSE_S * 2.0 ** min(in_vain - 1, 16), LONGEST_PAUSE_S)
            self._not_before = now + pause_s
        self._seen = in_vain
        return in_vain == 0 or now >= self._not_before
