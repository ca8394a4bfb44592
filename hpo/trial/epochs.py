"""The epochs of a trial, as a loop goes through them.

Owns what `trial.epochs()` gives where the trial may go on in place: then its end may move while the
loop runs. Standard library only, because every job imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True, slots=True)
class NextLeg:
    """The leg that a trial goes on with in place."""

    attempt: int
    target: int | None
    final: bool


class Epochs(Sequence[int]):
    """The epochs from `first` to `last()`, which is asked before each.

    Length, indexing and printing tell what is known now, as the `range` of the leg would; a loop
    goes on as far as the trial does.
    """

    def __init__(self, first: int, last: Callable[[], int]) -> None:
        self._first = first
        self._last = last

    def __iter__(self) -> Iterator[int]:
        epoch = self._first
        while epoch <= self._last():
            yield epoch
            epoch += 1

    def __len__(self) -> int:
        return len(self._known())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return self._known()[index]

    def __eq__(self, other: object) -> bool:
        known = other._known() if isinstance(other, Epochs) else other
        return self._known() == known

    __hash__ = None  # type: ignore[assignment]  # because its end moves

    def __repr__(self) -> str:
        return repr(self._known())

    def _known(self) -> range:
        return range(self._first, self._last() + 1)
