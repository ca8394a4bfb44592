"""What lies over the screen for a moment: a question, a text, the list of campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen

from hpo.report.status_document import Status
from hpo.shown import one_line
from hpo.watch.screen.lines import CURSOR, Lines, Pane
from hpo.watch.words import BAD, DIM, HEAD, PLAIN, ROLES, Line, line, wrapped

MOST_WIDTH = 76


class _Over(Container):
    DEFAULT_CSS = """
    _Over { background: $panel; border: solid $primary; padding: 0 1; height: auto; }
    _Over Lines { background: $panel; }
    """


class Text(ModalScreen[bool]):
    """A text to be read; with a question, `y` says yes, everything else no."""

    DEFAULT_CSS = "Text { align: center middle; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, title: str, text: str, *, question: bool = False, hang: int = 0) -> None:
        super().__init__()
        self._title, self._text, self._question, self._hang = title, text, question, hang

    def compose(self) -> ComposeResult:
        """See Textual."""
        with _Over(id="over"):
            yield Lines("title")
            yield Pane("text")
            yield Lines("keys")

    def on_mount(self) -> None:
        """See Textual."""
        self._lay_out()

    def on_resize(self) -> None:
        """See Textual."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(10, min(MOST_WIDTH, self.app.size.width - 6))
        lines: list[Line] = []
        for paragraph in self._text.splitlines():
            lines += wrapped(one_line(paragraph), width, hang=self._hang)
        height = max(1, min(len(lines), self.app.size.height - 6))
        self.query_one("#over").styles.width = width + 4
        pane = self.query_one("#text", Pane)
        pane.styles.height = height
        keys = "y: yes   n, esc: no" if self._question else "esc: close"
        keys += "   up, down: more" if len(lines) > height and not self._question else ""
        self.query_one("#title", Lines).show([line(one_line(self._title), HEAD)])
        self.query_one("#keys", Lines).show([line(keys, DIM)])
        self.call_after_refresh(pane.put, lines)

    def action_scroll(self, count: int) -> None:
        """So many lines down."""
        self.query_one("#text", Pane).scroll_by(count)

    def on_key(self, event: events.Key) -> None:
        """See Textual."""
        if self._question and event.key in ("y", "Y"):
            event.stop()
            self.dismiss(True)
        elif event.key in ("n", "N", "escape", "enter", "q", "question_mark"):
            event.stop()
            self.dismiss(False)


class CampaignList(ModalScreen[Path | None]):
    """The campaigns, to choose one of."""

    DEFAULT_CSS = "CampaignList { align: center middle; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,q,c", "dismiss(None)", show=False),
    ]

    def __init__(self, roots: Sequence[Path], chosen: Path) -> None:
        super().__init__()
        self._roots = list(roots)
        self._chosen = chosen
        self._told: dict[Path, Status | None] = {}
        self._known = False

    def compose(self) -> ComposeResult:
        """See Textual."""
        with _Over(id="over"):
            yield Lines("title")
            yield Lines("list")
            yield Lines("keys")

    def on_mount(self) -> None:
        """See Textual."""
        self._draw()

    def on_resize(self) -> None:
        """See Textual."""
        self._draw()

    def take(self, campaigns: Sequence[tuple[Path, Status | None]]) -> None:
        """How they stand."""
        self._told, self._known = dict(campaigns), True
        self._draw()

    def _draw(self) -> None:
        width = max(10, min(100, self.app.size.width - 6))
        height = max(1, min(len(self._roots), self.app.size.height - 6))
        self.query_one("#over").styles.width = width + 4
        shown = self.query_one("#list", Lines)
        shown.styles.height = height
        place = self._roots.index(self._chosen)
        top = max(0, min(place - height // 2, len(self._roots) - height))
        lines = [self._line(root) for root in self._roots[top : top + height]]
        title = f"{len(self._roots)} campaigns, newest first"
        self.query_one("#title", Lines).show([line(title, HEAD)])
        keys = line("up, down, enter: look at it   esc: back", DIM)
        self.query_one("#keys", Lines).show([keys])
        self.call_after_refresh(shown.show, lines)

    def _line(self, root: Path) -> Line:
        chosen = root == self._chosen
        extra = f" {CURSOR}" if chosen else ""
        name: Line = [(f"{'> ' if chosen else '  '}{one_line(root.name):<24} ", (HEAD + extra))]
        status = self._told.get(root)
        if status is None:
            text = "nothing is told of it" if self._known else "…"
            return [*name, (text, (BAD if self._known else DIM) + extra)]
        state = "ended" if status.ended else "ending" if status.ending else "running"
        counts = [f"{count} {one_line(s)}" for s, count in status.trials.items() if count]
        best = "" if status.best_error is None else f"; best {status.best_error:.6g}"
        told: Line = [(f"{state:<8} ", (ROLES.get(state, PLAIN) + extra).strip())]
        return [*name, *told, (f"{', '.join(counts)}{best}", extra.strip())]

    def action_move(self, count: int) -> None:
        """Choose the one so many lines further down."""
        place = self._roots.index(self._chosen) + count
        self._chosen = self._roots[min(max(0, place), len(self._roots) - 1)]
        self._draw()

    def action_choose(self) -> None:
        """That one it is."""
        self.dismiss(self._chosen)
