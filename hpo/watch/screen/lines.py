"""A widget of lines: draws spans as they are, never as markup, and only those that changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from hpo.watch.words import BAD, BEST, DIM, GOOD, HEAD, WARN, Line, cut

CURSOR = "cursor"
ROLES = (GOOD, BAD, WARN, DIM, HEAD, BEST, CURSOR)


class Lines(Widget):
    """`show` replaces what is seen; what does not fit is cut off."""

    COMPONENT_CLASSES = {f"lines--{role}" for role in ROLES}  # noqa: RUF012  # as Textual has it
    DEFAULT_CSS = """
    Lines { height: 1; background: $background; color: $foreground; }
    Lines > .lines--good { color: $text-success; }
    Lines > .lines--bad { color: $text-error; text-style: bold; }
    Lines > .lines--warn { color: $text-warning; }
    Lines > .lines--dim { text-style: dim; }
    Lines > .lines--head { text-style: bold; }
    Lines > .lines--best { color: $text-accent; text-style: bold; }
    Lines > .lines--cursor { text-style: reverse; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """These from now on, the first at the top."""
        old, self._lines = self._lines, list(lines)
        longer, shorter = max(old, self._lines, key=len), min(old, self._lines, key=len)
        seen = range(min(len(longer), self.size.height))
        changed = [y for y in seen if y >= len(shorter) or old[y] != self._lines[y]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    @property
    def shown(self) -> list[str]:
        """What is seen, as text."""
        return ["".join(text for text, _ in line) for line in self._lines[: self.size.height]]

    def render_line(self, y: int) -> Strip:
        """See Textual."""
        base, width = self.rich_style, self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        spans = cut(self._lines[y], width)
        segments = [Segment(text, self._style(role, base)) for text, role in spans]
        length = sum(cell_len(text) for text, _ in spans)
        style = segments[-1].style if spans and CURSOR in spans[-1][1] else base
        segments.append(Segment(" " * (width - length), style))
        return Strip(segments, width).simplify()

    def _style(self, roles: str, base: Style) -> Style:
        """That of one role, or of several with a blank between."""
        for role in roles.split():
            base += self.get_component_rich_style(f"lines--{role}", partial=True)
        return base


class Pane(Lines, can_focus=True):
    """Lines that can be scrolled; at their end it stays there while they grow."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._all: list[Line] = []
        self._top = 0
        self._at_end = False

    def put(self, lines: Sequence[Line], *, follows: bool = False, anew: bool = False) -> None:
        """These from now on; `anew`: from their begin, or from their end if it `follows` that."""
        if anew:
            self._top, self._at_end = 0, follows
        self._all = list(lines)
        self._draw()

    def _draw(self) -> None:
        height = max(1, self.size.height)
        last = max(0, len(self._all) - height)
        self._top = last if self._at_end else min(self._top, last)
        self.show(self._all[self._top : self._top + height])

    def scroll_by(self, count: int) -> None:
        """So many lines down."""
        last = max(0, len(self._all) - self.size.height)
        self._top = min(max(0, self._top + count), last)
        self._at_end = self._top == last and count > 0
        self._draw()

    @property
    def is_whole(self) -> bool:
        """Whether all of it is seen."""
        return len(self._all) <= self.size.height

    def on_resize(self) -> None:
        """See Textual."""
        self._draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """See Textual."""
        self.scroll_by(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """See Textual."""
        self.scroll_by(-3)
        event.stop()
