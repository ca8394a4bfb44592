"""The table of trials: draws what is seen of it, and knows its selection by trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.message import Message

from hpo.record.goal import Goal
from hpo.shown import one_line
from hpo.watch.drawing import number
from hpo.watch.rows import JOB, REACHED, RUNG, SINCE, STATE, TRIAL, VALUE, Choice, Row, arranged
from hpo.watch.screen.lines import CURSOR, Lines
from hpo.watch.words import BEST, DIM, HEAD, PLAIN, ROLES, Line, ago, line, value

NUMBERS = (TRIAL, REACHED, VALUE, RUNG)
LEAST, MOST = 9, 14  # cells of a hyperparameter's column
ROOMY = 85  # cells, from which on the metric's name has more room
CAUSE = "cause"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called to sort by, its head, its width in cells, what a row shows."""

    name: str
    head: str
    width: int
    text: Callable[[Row], str]


class TrialTable(Lines, can_focus=True):
    """All trials of a campaign; a mark, not only a colour, shows the selected and the best one."""

    class Selected(Message):
        """Another trial is selected."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.rows: dict[int, Row] = {}
        self.order: list[int] = []
        self.choice = Choice()
        self.selected: int | None = None
        self._goal = Goal()
        self._varied: Sequence[str] = ()
        self._best: int | None = None
        self._now = 0.0
        self._virtual = False
        self._top = 0
        self._place: dict[int, int] = {}  # of each trial in the order

    def forget(self) -> None:
        """Another campaign comes."""
        self.rows, self.order, self.selected, self._top = {}, [], None, 0
        if self.choice.column not in (TRIAL, STATE, REACHED, VALUE, SINCE, RUNG, JOB):
            self.choice = replace(self.choice, column=TRIAL, descending=False)

    def take(
        self,
        rows: Mapping[int, Row],
        *,
        goal: Goal,
        varied: Sequence[str],
        best: int | None,
        now: float | None,
    ) -> None:
        """Rows that have changed; `now` (s, Unix), None where time is not the wall's."""
        self._goal, self._varied, self._best = goal, varied, best
        self._virtual, self._now = now is None, now or 0.0
        if rows:
            self.rows.update(rows)
            self._arrange()
        else:
            self._draw()

    def choose(self, choice: Choice) -> None:
        """Other rows, or in another order."""
        self.choice = choice
        self._arrange()
        self._reveal()

    def columns(self) -> list[Column]:
        """Those that fit, the most telling first."""
        digits = max(6, len(str(max(self.rows, default=0))))
        resource, metric = one_line(self._goal.resource), one_line(self._goal.metric)
        found = [
            Column(TRIAL, "trial", digits, lambda row: str(row.trial_id)),
            Column(STATE, "state", 9, lambda row: row.state),
            Column(REACHED, resource, min(8, max(5, cell_len(resource))), _reached),
            Column(VALUE, metric, 10 if self.size.width < ROOMY else 18, self._value),
        ]
        if not self._virtual:
            found.append(Column(SINCE, "since", 10, lambda row: ago(self._now - row.since)))
        if self.choice.failed_only:
            found.append(Column(CAUSE, "cause", 22, lambda row: one_line(row.cause or "")))
        room = self.size.width - 2 - sum(column.width + 1 for column in found)
        more = [self._parameter(name) for name in self._varied]
        more += [
            Column(RUNG, "rung", 4, lambda row: str(row.rung)),
            Column(JOB, "job", 10, lambda row: one_line(row.job_id or "")),
        ]
        for column in more:
            if column.width + 1 > room:
                break
            room -= column.width + 1
            found.append(column)
        return found

    @property
    def sortable(self) -> list[str]:
        """By what it can be sorted, as far as that is seen."""
        return [column.name for column in self.columns() if column.name != CAUSE]

    def _parameter(self, name: str) -> Column:
        width = min(MOST, max(LEAST, cell_len(one_line(name))))
        return Column(
            name,
            one_line(name),
            width,
            lambda row: value(row.flat_config[name]) if name in row.flat_config else "",
        )

    def _value(self, row: Row) -> str:
        mark = "*" if row.trial_id == self._best else " "
        return f"{number(row.value)}{mark}" if row.value is not None else " "

    def _arrange(self) -> None:
        before = self._place.get(self.selected, -1) if self.selected is not None else -1
        self.order = arranged(self.rows.values(), self.choice, self._goal.sign)
        self._place = {trial_id: place for place, trial_id in enumerate(self.order)}
        if self.selected not in self._place:
            # The nearest one by its number; none, where nothing is shown.
            wanted = self.selected or 0
            near = min(self.order, key=lambda trial_id: abs(trial_id - wanted), default=None)
            if near != self.selected:
                self.selected = near
                self.post_message(self.Selected())
        elif self.selected is not None and self._top <= before < self._top + self._height():
            # What is selected and seen stays where it is on the screen.
            self._top += self._place[self.selected] - before
        self._draw()

    def _height(self) -> int:
        return max(1, self.size.height - 1)

    def _reveal(self) -> None:
        place = self._place.get(self.selected, 0) if self.selected is not None else 0
        self._top = min(self._top, place)
        self._top = max(self._top, place - self._height() + 1)
        self._draw()

    def _draw(self) -> None:
        self._top = max(0, min(self._top, len(self.order) - self._height()))
        columns = self.columns()
        lines = [self._head(columns)]
        seen = self.order[self._top : self._top + self._height()]
        lines += [self._line(self.rows[trial_id], columns) for trial_id in seen]
        if not self.order:
            lines.append(line("  no trial matches" if self.rows else "  no trial yet", DIM))
        self.show(lines)

    def _head(self, columns: Sequence[Column]) -> Line:
        cells = []
        for column in columns:
            arrow = ""
            if column.name == self.choice.column:
                arrow = "↓" if self.choice.descending else "↑"
            room = column.width - len(arrow)
            fits = cell_len(column.head) <= room
            text = column.head if fits else set_cell_size(column.head, room - 1) + "…"
            cells.append(_fitted(text + arrow, column))
        return line("  " + " ".join(cells), HEAD)

    def _line(self, row: Row, columns: Sequence[Column]) -> Line:
        chosen = row.trial_id == self.selected
        extra = f" {CURSOR}" if chosen else ""
        spans: Line = [("> " if chosen else "  ", PLAIN + extra)]
        for column in columns:
            role = PLAIN
            if column.name == STATE:
                role = ROLES.get(row.state, PLAIN)
            elif column.name == VALUE and row.trial_id == self._best:
                role = BEST
            spans.append((_fitted(column.text(row), column) + " ", (role + extra).strip()))
        return spans

    def move(self, count: int) -> None:
        """Select the trial so many rows further down."""
        if not self.order:
            return
        place = self._place.get(self.selected, 0) if self.selected is not None else 0
        self.select(self.order[min(max(0, place + count), len(self.order) - 1)])

    def select(self, trial_id: int) -> None:
        """Select a trial that is shown."""
        if trial_id != self.selected:
            self.selected = trial_id
            self.post_message(self.Selected())
        self._reveal()

    @property
    def page(self) -> int:
        """How many rows are seen."""
        return self._height()

    def on_resize(self) -> None:
        """See Textual."""
        self._reveal() if self.order else self._draw()

    def on_click(self, event: events.Click) -> None:
        """See Textual."""
        if event.y == 0:
            at = 2
            for column in self.columns():
                if at <= event.x <= at + column.width and column.name != CAUSE:
                    same = column.name == self.choice.column
                    turned = same and not self.choice.descending
                    self.choose(replace(self.choice, column=column.name, descending=turned))
                    return
                at += column.width + 1
        elif (place := self._top + event.y - 1) < len(self.order):
            self.select(self.order[place])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """See Textual."""
        self._top += 3
        self._draw()
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """See Textual."""
        self._top -= 3
        self._draw()
        event.stop()


def _reached(row: Row) -> str:
    return str(row.reached) if row.reached else ""


def _fitted(text: str, column: Column) -> str:
    size = cell_len(text)
    if size > column.width:
        return set_cell_size(text, column.width - 1) + "…"
    blank = " " * (column.width - size)
    return blank + text if column.name in NUMBERS else text + blank
