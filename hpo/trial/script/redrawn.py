"""Lines as a terminal shows them: those that are redrawn, state by state.

Owns what a carriage return, backspaces and the few escapes that progress bars print mean.
Knows no reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 1 << 16  # characters of a state; because some programs never end their line

_TOKEN = re.compile(r"\n|\r|\x08+|\x1b\[[0-9;?]*[@-~]|[^\n\r\x08\x1b]+|\x1b")
_UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*)?\Z")
_UP = re.compile(r"\x1b\[(\d*)A")
_ERASE = re.compile(r"\x1b\[[12]K")


@dataclass(frozen=True, slots=True)
class State:
    """What a line shows; `is_last`: it is not redrawn any more."""

    text: str
    is_last: bool

    @property
    def is_cleared(self) -> bool:
        """Whether what was drawn there has been painted over with nothing."""
        return bool(self.text) and not self.text.strip()


class RedrawnLines:
    """Finds the states in a text that comes in pieces, wherever it is cut.

    A state is told when the next one begins. Colours are no part of it.

    A redrawn line's end may be a step to a bar below it, from which the cursor comes back: it is
    the end once something more than one state of such a bar is drawn below.
    """

    def __init__(self) -> None:
        self._shown = ""
        self._rest = ""  # of an escape that is not whole yet
        self._is_partial = False  # because backspaces took away a part of a state that was told
        self._lines_up = 0  # to which the cursor went back: their ends are no new lines
        self._was_redrawn = False  # the line where the cursor is
        self._may_go_on = False  # the redrawn line above, whose end was drawn

    def feed(self, text: str) -> Iterator[State]:
        """The states that `text` completes."""
        text = self._rest + text
        unfinished = _UNFINISHED.search(text)
        self._rest = unfinished[0] if unfinished else ""
        for token in _TOKEN.findall(text[: len(text) - len(self._rest)]):
            if token == "\n":
                yield from self._end_line()
            elif token == "\r" or _ERASE.fullmatch(token):
                yield from self._redrawn("")
            elif token[0] == "\b":
                yield from self._redrawn(self._shown[: -len(token)])
            elif up := _UP.fullmatch(token):
                self._lines_up += int(up[1] or 1)
                self._may_go_on, self._was_redrawn = False, True
                if not self._shown.strip():
                    self._shown = ""  # because a bar below that is cleared clears not this one
            elif token[0] != "\x1b":
                self._shown = (self._shown + token)[-LONGEST:]
                self._is_partial = False

    def finish(self) -> State:
        """The last state; nothing comes after it."""
        return State(self._shown, is_last=True)

    def _end_line(self) -> Iterator[State]:
        if self._shown:
            yield from self._end_line_above()
        if self._may_go_on:
            pass  # an empty line on the way to a bar further below
        elif self._was_redrawn and self._shown and self._lines_up == 0:
            self._may_go_on = True
            yield State(self._shown, is_last=False)
        else:
            yield State(self._shown, is_last=self._lines_up == 0)
        self._shown, self._lines_up = "", max(0, self._lines_up - 1)
        self._was_redrawn = False

    def _end_line_above(self) -> Iterator[State]:
        if self._may_go_on:
            self._may_go_on = False
            yield State("", is_last=True)

    def _redrawn(self, kept: str) -> Iterator[State]:
        if self._shown.strip():
            yield from self._end_line_above()
            self._was_redrawn = True
        elif self._may_go_on:
            self._shown = ""  # because nothing is drawn below
        if self._shown and not self._is_partial:
            yield State(self._shown, is_last=False)
        self._shown, self._is_partial = kept, bool(kept)
