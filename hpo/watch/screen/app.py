"""The screen of `hpo watch`: a table of trials, a panel beside it, and the keys."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from hpo.errors import EXIT_FINISHED, HpoError
from hpo.folder import safety
from hpo.shown import one_line
from hpo.watch import words
from hpo.watch.follower import OF_TRIAL, News, View, Wish
from hpo.watch.screen.dialogs import CampaignList, Text
from hpo.watch.screen.lines import Lines, Pane
from hpo.watch.screen.reader import EVERY_S, Broken, Found, Listed, Reader
from hpo.watch.screen.trial_table import TrialTable
from hpo.watch.steering import StopCampaign, StopOneTrial
from hpo.watch.words import DIM, HEAD, WARN, Line, line

WIDE = 132  # columns, from which on the panel lies beside the table
SAID_S = 10.0  # how long a message stands in the last line

KEYS = (
    ("up, down", "another trial, and with page up, page down, home, end"),
    ("1 to 6", "a panel: story, curve, log, seats, best, manager; left, right"),
    ("z, enter", "the panel alone, and back; up, down scroll it"),
    ("tab", "up, down scroll the panel, and again: select trials"),
    ("/", "only trials with these words: 12, lr=0.01, running"),
    ("f", "only failed trials"),
    ("esc", "all trials again"),
    ("s, r", "sort by the next column; the other way round"),
    ("c", "the list of campaigns"),
    ("t", "dark or light"),
    ("q", "leave; the campaign goes on"),
)
STEERING_KEYS = (
    ("x", "stop the selected trial: what runs saves and leaves"),
    ("D", "drain: nothing new starts, what runs may finish"),
    ("N", "stop now: nothing new starts, what runs saves and leaves"),
)
TITLES = {
    View.STORY: "story",
    View.CURVE: "curve",
    View.LOG: "log",
    View.SEATS: "seats",
    View.BEST: "best",
    View.MANAGER: "manager",
}


class WatchApp(App[None]):
    """Looks at one of the campaigns in `roots`, the first of them at first."""

    TITLE = "hpo watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 3; }
    #body { layout: vertical; height: 1fr; }
    #table { height: 1fr; width: 100%; }
    #panel { height: 45%; width: 100%; }
    #bar { background: $panel; }
    #pane { height: 1fr; }
    #foot { background: $panel; }
    #filter { height: 1; border: none; padding: 0 1; display: none; }
    .filtering #filter { display: block; }
    .wide #body { layout: horizontal; }
    .wide #table { width: 56%; height: 100%; }
    .wide #panel { width: 44%; height: 100%; padding-left: 1; }
    .zoomed #table { display: none; }
    .zoomed #panel { width: 100%; height: 100%; padding-left: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", show=False, priority=False),
        Binding("question_mark,h,f1", "help", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
        *(Binding(str(n), f"view({n})", show=False) for n in range(1, len(View) + 1)),
        Binding("right", "next_view(1)", show=False),
        Binding("left", "next_view(-1)", show=False),
        Binding("enter,z", "zoom", show=False),
        Binding("escape", "leave_panel", show=False),
        Binding("slash", "filter", show=False),
        Binding("f", "failed", show=False),
        Binding("s", "sort", show=False),
        Binding("r", "reverse", show=False),
        Binding("c", "campaigns", show=False),
        Binding("t", "theme", show=False),
        Binding("x", "stop_trial", show=False),
        Binding("D", "stop_campaign(False)", show=False),
        Binding("N", "stop_campaign(True)", show=False),
    ]

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        readonly: bool = False,
        every_s: float = EVERY_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        no_color = "NO_COLOR" in os.environ
        # Else it would show greys instead of the terminal's own foreground and background.
        super().__init__(ansi_color=True if no_color else None)
        self.theme = "ansi-dark" if no_color else "textual-dark"
        self._roots = list(roots)
        self._root = self._roots[0]
        self._readonly = readonly
        self._now = now
        self._reader = Reader(self._post, every_s)
        self._news: News | None = None
        self._view = View.STORY
        self._said: tuple[str, float] | None = None
        self._shown: tuple[object, ...] | None = None  # what the panel shows
        # Held here, because what was read may still come when they are on the screen no more.
        self.table, self.pane = TrialTable("table"), Pane("pane")
        self._head, self._bar, self._foot = Lines("head"), Lines("bar"), Lines("foot")
        self._filter = Input(id="filter", placeholder="words: failed lr=0.01", compact=True)
        self._owner: str | None = None
        self.readings = 0

    def _post(self, message: Message) -> None:
        self.post_message(message)

    def compose(self) -> ComposeResult:
        """See Textual."""
        yield self._head
        with Container(id="body"):
            yield self.table
            with Container(id="panel"):
                yield self._bar
                yield self.pane
        yield self._filter
        yield self._foot

    def on_mount(self) -> None:
        """See Textual."""
        self._lay_out(self.size.width)
        self.table.focus()
        self._look_at(self._root)
        self._reader.start()
        self.set_interval(1.0, self._beat)

    def _beat(self) -> None:
        """Each second: a terminal that is gone, and of which no signal told, is the end."""
        stdin = sys.__stdin__
        if not self.is_headless and stdin is not None and not stdin.isatty():
            os._exit(EXIT_FINISHED)  # because an orderly end would draw once more; nothing is open
        self._tell_foot()

    def on_unmount(self) -> None:
        """See Textual."""
        self._reader.leave()

    def on_resize(self, event: events.Resize) -> None:
        """See Textual."""
        self._lay_out(event.size.width)
        self.call_after_refresh(self._draw)

    def _lay_out(self, width: int) -> None:
        self._base.set_class(width >= WIDE, "wide")

    @property
    def _base(self) -> Screen[object]:
        """The screen that dialogs lie over."""
        return self.screen_stack[0]

    @property
    def may_steer(self) -> bool:
        """Whether the campaign can be changed from here."""
        return not self._readonly and self._owner is None

    def _look_at(self, root: Path) -> None:
        self._root, self._news, self._shown = root, None, None
        self._owner = safety.other_owner(root)
        self.table.forget()
        self._reader.follow(root)
        self._wish()
        self._draw()

    def _wish(self) -> None:
        self._reader.wish(Wish(self.table.selected, self._view))

    # What comes from the reader

    def on_found(self, message: Found) -> None:
        """A look at the campaign."""
        news = message.news
        if news.root != self._root or not self.screen_stack:
            return  # of the one that was looked at before, or when the user leaves
        self._news = news
        self.readings += 1
        if news.anew:
            self.table.rows.clear()
        virtual = news.start is not None and news.start.executor == "simulated"
        self.table.take(
            news.rows,
            goal=news.goal,
            varied=news.varied,
            best=None if news.best is None else news.best.trial_id,
            now=None if virtual else self._now(),
        )
        self._wish()
        self._draw()

    def on_listed(self, message: Listed) -> None:
        """How the campaigns stand."""
        if self.screen_stack and isinstance(self.screen, CampaignList):
            self.screen.take(message.campaigns)

    def on_broken(self, message: Broken) -> None:
        """A fault of this program: it ends, and says which."""
        raise message.error

    def on_trial_table_selected(self) -> None:
        """Another trial is selected: its panel says so until it has been read."""
        self._wish()
        self._draw()

    # Drawing

    def _draw(self) -> None:
        if not self.screen_stack:
            return  # the user leaves
        now = self._now()
        news = self._news or News(self._root)
        if self._news is None:
            self._head.show([line(one_line(self._root), HEAD), line("reading…", DIM)])
        else:
            self._head.show(words.head(news, now))
        self._tell_bar()
        self._tell_pane(news, now)
        self._tell_foot()

    def _tell_bar(self) -> None:
        mark = "▸" if self.focused is self.pane else " "
        spans: Line = [(mark, HEAD)]
        for number, view in enumerate(View, 1):
            chosen = view is self._view
            title = TITLES[view]
            if chosen and view in OF_TRIAL and self.table.selected is not None:
                title += f" of {self.table.selected}"
            spans.append(
                (
                    f"[{number} {title}]" if chosen else f" {number} {title} ",
                    HEAD if chosen else DIM,
                )
            )
        self._bar.show([spans])

    def _tell_pane(self, news: News, now: float) -> None:
        size = self.pane.size
        width, height = size.width, size.height
        trial = news.trial
        key = (self._root, self._view, self.table.selected if self._view in OF_TRIAL else None)
        if self._view in OF_TRIAL and (trial is None or trial.trial_id != self.table.selected):
            waits = self.table.selected is not None
            lines = [line("reading…" if waits else "no trial is selected", DIM)]
            self.pane.put(lines, anew=True)
            self._shown = None
            return
        match self._view:
            case View.STORY:
                lines = words.story(trial, width)
            case View.CURVE:
                lines = words.reports(trial, news, width, height)
            case View.LOG:
                found = (trial.log, trial.log_path) if trial else ((), None)
                lines = words.log(*found, width)
            case View.SEATS:
                lines = words.seats(news, now, width, height)
            case View.BEST:
                lines = words.best(news, now, width, height)
            case View.MANAGER:
                lines = words.log(news.log, news.log_path or "no log yet", width)
        follows = self._view in (View.STORY, View.LOG, View.MANAGER)
        self.pane.put(lines, follows=follows, anew=key != self._shown)
        self._shown = key

    def _tell_foot(self) -> None:
        if self._said is not None and self._now() < self._said[1]:
            self._foot.show([line(self._said[0], WARN)])
            return
        spans: Line = [("? help  q leave", HEAD)]
        if self._owner is not None:
            spans.append((f"  of {one_line(self._owner)}: looking on only", DIM))
        elif self._readonly:
            spans.append(("  looking on only", DIM))
        choice = self.table.choice
        if choice.text or choice.failed_only:
            what = f"{len(self.table.order)} of {len(self.table.rows)} trials"
            what += " (failed)" if choice.failed_only else ""
            what += f" with {one_line(choice.text)}" if choice.text else ""
            spans.append((f"  {what}, esc: all", WARN))
        if len(self._roots) > 1:
            spans.append((f"  c {len(self._roots)} campaigns", DIM))
        steering = "  x D N stop" if self.may_steer else ""
        spans.append((f"  / filter  f failed  s r sort  1-6 z panel{steering}", DIM))
        self._foot.show([spans])

    def _say(self, text: str) -> None:
        """In the last line, for a moment; several lines over the screen."""
        self._said = None
        if "\n" in text or len(text) > self.size.width:
            self.push_screen(Text("hpo watch", text))
            return
        self._said = (one_line(text), self._now() + SAID_S)
        self._tell_foot()

    # Keys

    def action_help(self) -> None:
        """All keys."""
        keys = [*KEYS, *(STEERING_KEYS if self.may_steer else ())]
        text = "\n".join(f"{key:<9} {what}" for key, what in keys)
        self.push_screen(Text("keys", text, hang=10))

    def action_move(self, count: int) -> None:
        """Another trial, or scroll."""
        if self._panel_has_keys:
            self.pane.scroll_by(count)
        else:
            self.table.move(count)

    @property
    def _panel_has_keys(self) -> bool:
        return self.focused is self.pane or self._base.has_class("zoomed")

    def action_page(self, count: int) -> None:
        """A page further."""
        height = self.pane.size.height if self._panel_has_keys else self.table.page
        self.action_move(count * max(1, height - 1))

    def action_end(self, count: int) -> None:
        """To one end."""
        self.action_move(count * 10**9)

    def action_view(self, number: int) -> None:
        """That panel."""
        self._view = list(View)[number - 1]
        self._wish()
        self._draw()

    def action_next_view(self, count: int) -> None:
        """The panel beside it."""
        views = list(View)
        self.action_view((views.index(self._view) + count) % len(views) + 1)

    def action_zoom(self) -> None:
        """The panel alone, or not."""
        self._base.toggle_class("zoomed")
        self.call_after_refresh(self._draw)

    def action_leave_panel(self) -> None:
        """From the panel to the table, and to all trials."""
        if self._base.has_class("zoomed"):
            self.action_zoom()
        elif self.focused is self.pane:
            self.table.focus()
        else:
            self.table.choose(replace(self.table.choice, text="", failed_only=False))
            self._filter.value = ""
        self._draw()

    def action_filter(self) -> None:
        """Ask for words."""
        self._base.add_class("filtering")
        self._filter.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once what is found."""
        self.table.choose(replace(self.table.choice, text=event.value))
        self._tell_foot()

    def on_input_submitted(self) -> None:
        """That is what is wanted."""
        self._close_filter()

    def on_key(self, event: events.Key) -> None:
        """Leave the line for words."""
        if self.focused is self._filter and event.key in ("escape", "down", "up"):
            event.stop()
            if event.key == "escape":
                self._filter.value = ""
            self._close_filter()

    def _close_filter(self) -> None:
        self._base.remove_class("filtering")
        self.table.focus()

    def action_failed(self) -> None:
        """Only failed trials, or all."""
        choice = self.table.choice
        self.table.choose(replace(choice, failed_only=not choice.failed_only))
        self._draw()

    def action_sort(self) -> None:
        """By the next column."""
        columns, choice = self.table.sortable, self.table.choice
        at = columns.index(choice.column) if choice.column in columns else -1
        self.table.choose(
            replace(choice, column=columns[(at + 1) % len(columns)], descending=False)
        )

    def action_reverse(self) -> None:
        """The other way round."""
        choice = self.table.choice
        self.table.choose(replace(choice, descending=not choice.descending))

    def action_theme(self) -> None:
        """Dark or light."""
        kind = "ansi" if self.theme.startswith("ansi") else "textual"
        self.theme = f"{kind}-light" if self.theme.endswith("dark") else f"{kind}-dark"

    def action_campaigns(self) -> None:
        """The list of them."""

        def chosen(root: Path | None) -> None:
            if root is not None and root != self._root:
                self._look_at(root)

        self.push_screen(CampaignList(self._roots, self._root), chosen)
        self._reader.list(self._roots)

    def action_stop_trial(self) -> None:
        """Ask, then stop the selected trial."""
        trial_id = self.table.selected
        if trial_id is None or not self.may_steer:
            return
        name = self._news.name if self._news else self._root.name
        text = (
            f"Stop trial {trial_id} of {name}? What runs saves and leaves at its next report. It"
            " stays stopped until `hpo retry`."
        )
        stop = StopOneTrial(self._root, trial_id)
        self._ask(f"stop trial {trial_id}", text, stop.act)

    def action_stop_campaign(self, now: bool) -> None:
        """Ask, then stop the campaign."""
        if not self.may_steer:
            return
        name = self._news.name if self._news else self._root.name
        what = "saves and leaves at its next report" if now else "may finish"
        text = (
            f"Stop the campaign {name} in {self._root}? Nothing new starts, waiting jobs are"
            f" cancelled, what runs {what}. `hpo run` goes on with it later."
        )
        self._ask("stop now" if now else "drain", text, StopCampaign(self._root, now).act)

    def _ask(self, title: str, text: str, act: Callable[[], str]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._said = (f"{title}: asked…", self._now() + 600.0)
                self._tell_foot()
                self._do(act)

        self.push_screen(Text(title, text, question=True), answered)

    @work(thread=True)
    def _do(self, act: Callable[[], str]) -> None:
        """Beside the screen, because it writes files and may ask the cluster."""
        try:
            said = act()
        except (HpoError, OSError) as err:
            said = f"that was not possible: {err}"
        self.call_from_thread(self._say, said)
