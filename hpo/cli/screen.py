"""What a person sees of a running campaign: log lines, and a progress bar on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.decisions.limits import all_trials
from hpo.folder.files import Layout
from hpo.folder.full_disk_output import (
    QuietFileHandler,
    QuietStreamHandler,
    ShownFormatter,
    log_again,
)
from hpo.record.state import CampaignState, TrialStatus
from hpo.seats.book import SeatBook
from hpo.units.duration import in_words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class Screen:
    """Log file, console, and the bar; use as a context."""

    def __init__(self, root: Path, n_trials: int, now: float) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        self.log_file = Layout(root).campaign_log(stamp)
        self._bar: Progress | None = None
        self._n_trials = n_trials
        self._finished_at_start: int | None = None
        self._start = time.monotonic()
        file_handler = QuietFileHandler(str(self.log_file))
        console_handler: logging.Handler
        if sys.stdout.isatty():
            self._bar = _new_bar()
            self._task = self._bar.add_task("trials", total=n_trials, text="")
            console_handler = _ConsoleHandler(self._bar.console)
        else:
            console_handler = QuietStreamHandler(sys.stdout)
        self._handlers = (file_handler, console_handler)
        for handler in self._handlers:
            handler.setFormatter(ShownFormatter(FORMAT, datefmt="%Y-%m-%d %H:%M:%S"))

    def __enter__(self) -> Screen:
        log_again()  # because the configuration may have set up a log of its own
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        for handler in self._handlers:
            root.addHandler(handler)
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()

    def use_clock(self, now: Callable[[], float]) -> None:
        """Stamp the lines with another time than the wall's: that of a simulated cluster."""

        def stamp(record: logging.LogRecord) -> bool:
            record.created = now()
            return True

        for handler in self._handlers:
            handler.addFilter(stamp)

    def show(self, state: CampaignState, book: SeatBook) -> None:
        """Bring the bar up to date."""
        if self._bar is None:
            return
        failed = len(state.of(TrialStatus.FAILED))
        finished = failed + len(state.of(TrialStatus.COMPLETED))
        if self._finished_at_start is None:
            self._finished_at_start = finished
        total = all_trials(state, self._n_trials)
        total = len(state.trials) if state.exhausted else total
        parts = [f"running {len(state.of(TrialStatus.CLAIMED))}"]
        if waiting := len(book.queued()):
            parts.append(f"waiting {waiting}")
        if failed:
            parts.append(f"failed {failed}")
        if state.best_metric is not None:
            parts.append(f"best {state.best_metric:.5g} (trial {state.best_trial})")
        if left := self._time_left(finished, total):
            parts.append(f"about {left} left")
        self._bar.update(self._task, completed=finished, total=total, text="  ".join(parts))

    def _time_left(self, finished: int, total: int) -> str:
        done_here = finished - (self._finished_at_start or 0)
        if done_here <= 0 or finished >= total:
            return ""
        seconds = (time.monotonic() - self._start) / done_here * (total - finished)
        return in_words(seconds + 1.0)


def _new_bar() -> Progress:
    # Here, because a manager that is a job has no terminal.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    counts = (BarColumn(bar_width=24), MofNCompleteColumn())
    return Progress(TextColumn("trials"), *counts, TextColumn("{task.fields[text]}"))


class _ConsoleHandler(logging.Handler):
    """Prints above the bar; plain text, nothing of it read as markup."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
