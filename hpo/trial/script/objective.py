"""A training script as an objective: run in its own process until it ends or its trial pauses.

Owns the conversation: what the script prints goes to the job's log, what it reports goes to the
trial, where the trial pauses or leaves, the script is ended, and an end that should not be is told
with its cure. The script's process, its command and the formats of its reports are its neighbours'.
Decides nothing about the trial.
"""

from __future__ import annotations

import logging
import re
import selectors
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.command_line import PLAIN, CommandLine
from hpo.errors import PRINTED_LAST, ObjectiveError, ReportError, ScriptError
from hpo.trial.script.command import accepts_checkpoint_dir, command, environment
from hpo.trial.script.hidden import require_the_package
from hpo.trial.script.lines import Metrics, ReportReader, report_reader
from hpo.trial.script.numbering import Numbering
from hpo.trial.script.process import ScriptProcess
from hpo.trial.script.redrawn import LONGEST, RedrawnLines, State
from hpo.trial.script.reports import ReportChannel, Request
from hpo.trial.script.saving import SavingWatch
from hpo.trial.trial import Trial, TrialInterrupted

log = logging.getLogger(__name__)

SAVE_GRACE_S = 10.0  # to save and end, each time that a script is asked more firmly
LOOK_S = 0.1  # between two looks whether the script has ended
ENDING_LOOK_S = 0.01  # while it ends: what it trains now is lost
FOLDER_VARIABLE = b"HPO_CHECKPOINT_DIR"
LAST_LINES = 20
LINE_SHOWN = 500
_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
# What is said of exit codes that users see often.
_HINTS = {
    2: " (argparse's, for an option that the script does not take as given)",
    -signal.SIGKILL: ", which often means that memory was short",
}


def load_script(
    path: Path | None,
    metric_pattern: str | None = None,
    line: CommandLine = PLAIN,
    max_resource_attr: str = "max_epochs",
) -> ScriptObjective:
    """The objective that runs `line`, with the script at `path`; nothing of it is run here.

    Raises:
        ObjectiveError: it is not there, cannot be read, or is no Python.
    """
    if path is None:
        takes_checkpoint_dir = "checkpoint_dir" in line.named
        return ScriptObjective(
            None, metric_pattern, takes_checkpoint_dir, SAVE_GRACE_S, line, max_resource_attr
        )
    try:
        source = path.read_bytes()
    except OSError as err:
        raise ObjectiveError(f"the script {path} cannot be read: {err.strerror}") from err
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # because the script shows its own when it is run
            compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as err:
        place = f"{path}:{err.lineno}" if err.lineno else str(path)
        raise ObjectiveError(f"the script is no Python: {err.msg}, at {place}") from err
    except ValueError as err:
        raise ObjectiveError(f"the script {path} is no Python: {err}") from err
    require_the_package(path, source)
    takes_checkpoint_dir = "checkpoint_dir" in line.named or accepts_checkpoint_dir(source)
    return ScriptObjective(
        path,
        metric_pattern,
        takes_checkpoint_dir,
        SAVE_GRACE_S,
        line,
        max_resource_attr,
        finds_checkpoint_dir=FOLDER_VARIABLE in source,
    )


@dataclass(frozen=True, slots=True)
class ScriptObjective:
    """Called as any objective, with a configuration and its trial."""

    path: Path | None
    metric_pattern: str | None = None
    takes_checkpoint_dir: bool = False
    grace_s: float = SAVE_GRACE_S
    line: CommandLine = PLAIN
    max_resource_attr: str = "max_epochs"
    finds_checkpoint_dir: bool = False  # in its environment

    def __str__(self) -> str:
        """As messages name it."""
        return "the command" if self.path is None else f"the script {self.path}"

    def words(
        self, config: Mapping[str, Any], *, python: str, config_file: Path, checkpoint_dir: Path
    ) -> list[str]:
        """The command for a configuration, whose trial has that file and that folder."""
        return command(
            self.path,
            config,
            python=python,
            line=self.line,
            config_file=config_file,
            checkpoint_dir=checkpoint_dir if self.takes_checkpoint_dir else None,
        )

    reads_what_is_printed = True

    def __call__(self, config: Mapping[str, Any], trial: Trial) -> None:
        """Run the script until it ends or its trial pauses.

        Raises:
            ScriptError: it failed.
            ReportError: it reported nothing, or what is no report.
            TrialInterrupted: the trial pauses or was asked to leave; the script has ended.
        """
        checkpoints = trial.checkpoint_dir if self.takes_checkpoint_dir else None
        words = command(
            self.path,
            config,
            line=self.line,
            config_file=trial.config_file,
            checkpoint_dir=checkpoints,
        )
        with ReportChannel() as channel:
            watch = SavingWatch(trial.checkpoint_dir if self.finds_checkpoint_dir else checkpoints)
            try:
                process = ScriptProcess(words, environment(channel.variables))
            except OSError as err:
                raise ScriptError(f"{words[0]} cannot be started: {err.strerror}") from err
            lengths = (trial.max_resource, config.get(self.max_resource_attr))
            ends = {length for length in lengths if isinstance(length, int)}
            reader = report_reader(self.metric_pattern, trial.resource_attr, ends)
            run = _Run(trial, process, reader, watch, self.grace_s)
            try:
                run.follow(channel)
            finally:
                process.close(self.grace_s)
        run.raise_what_happened(self)


class _Run:
    """One run of the script."""

    def __init__(
        self,
        trial: Trial,
        process: ScriptProcess,
        reader: ReportReader,
        watch: SavingWatch,
        grace_s: float,
    ) -> None:
        self._trial = trial
        self._process = process
        self._reader = reader
        self._lines = RedrawnLines()
        self._shown = ""  # of the line that is drawn now
        self._is_redrawn = False  # that line
        self._unwritten = ""  # to the log, until its line has ended
        from_zero = trial.epochs_from_zero
        self._numbering = Numbering(
            trial.resource_attr, from_zero=from_zero.exists(), note_from_zero=from_zero.touch
        )
        self._watch = watch
        self._grace_s = grace_s
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._reported = False
        self._refused: ReportError | None = None
        self._left: TrialInterrupted | None = None
        self._terminate_at: float | None = None
        self._kill_at: float | None = None
        self._when_saved = False

    @property
    def _is_ending(self) -> bool:
        return self._terminate_at is not None

    def follow(self, channel: ReportChannel) -> None:
        """Until the script has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process, selectors.EVENT_READ)
            selector.register(channel, selectors.EVENT_READ)
            while self._process.exit_code() is None:
                ready = selector.select(ENDING_LOOK_S if self._is_ending else LOOK_S)
                for key, _ in ready:
                    if key.fileobj is channel:
                        self._take_request(channel.receive())
                        continue
                    self._take_text(self._process.read() or "")
                    if not self._process.is_open:
                        selector.unregister(self._process)
                if self._is_ending:
                    self._end()
        for text in self._process.remaining():
            self._take_text(text)
        self._take_end()

    def raise_what_happened(self, script: ScriptObjective) -> None:
        """What the trial must know of the script's end; nothing if all is well."""
        code = self._process.exit_code()
        if self._refused is not None:
            raise self._refused
        if self._left is not None:
            raise self._left
        where = f"trial {self._trial.trial_id}: {script}"
        if code and not self._is_ending:
            last_lines = [*self._last_lines, self._shown] if self._shown else self._last_lines
            raise ScriptError(f"{where} {_failure(code, last_lines)}")
        if not self._reported and not self._trial.recall():
            raise ReportError(f"{where} {_silence(script.metric_pattern)}")

    def _take_request(self, request: Request | None) -> None:
        if request is None:
            return
        if self._is_ending or self._is_past_end():
            if not self._is_ending:
                self._ask_to_end(self._grace_s)
            request.answer("end")
            return
        self._report(request.metrics)
        if self._refused is not None:
            request.answer("refused", str(self._refused))
        else:
            request.answer("end" if self._left is not None else "go on")
        if self._refused is not None or self._left is not None:
            self._ask_to_end(self._grace_s)

    def _take_text(self, text: str) -> None:
        *lines, self._unwritten = _LINE_END.split(self._unwritten + text)
        for line in lines:
            _log_line(line)
        if len(self._unwritten) > LONGEST:
            _log_line(self._unwritten)
            self._unwritten = ""
        for state in self._lines.feed(text):
            self._take_state(state)

    def _take_end(self) -> None:
        if self._unwritten:
            _log_line(f"{self._unwritten}\n")
        shown = self._lines.finish().text
        # What it was drawing when it was killed may still show the epoch before.
        self._take_state(State(shown, is_last=self._process.exit_code() == 0))
        for metrics in self._numbering.rest():
            self._take_printed(metrics)

    def _take_state(self, state: State) -> None:
        self._shown = state.text.rstrip()[:LINE_SHOWN] or self._shown
        if state.is_last and self._shown:
            self._last_lines.append(self._shown)
            self._shown = ""
        was_redrawn, self._is_redrawn = self._is_redrawn, not state.is_last
        if self._refused is not None:
            return
        try:
            if (
                was_redrawn
                and (state.is_last or state.is_cleared)
                and self._trial.is_asked_to_leave
            ):
                # Ended by what ends the script: it may still show the epoch before.
                reports = self._reader.read_cut(state)
            else:
                reports = self._reader.read(state)
        except ReportError as err:
            self._refused, reports = err, []
            self._ask_to_end(0.0)
        for report in reports:
            for metrics in self._numbering.place(report):
                self._take_printed(metrics)

    def _take_printed(self, metrics: Metrics) -> None:
        if self._is_past_end() and self._trial.max_resource in metrics.values():
            return  # because scripts sum up their last epoch once more
        if self._is_ending or self._is_past_end():
            self._ask_to_end(0.0)
            return
        # Stands still while the report is written where it may have to end, so that it does not
        # run ahead of its pause.
        may_end = self._trial.max_resource in {*metrics.values(), self._trial.resource + 1}
        if may_end:
            self._process.send(signal.SIGSTOP)
        try:
            self._watch.note_report(self._process.pid)
            self._report(metrics)
            if self._refused is not None:
                self._ask_to_end(0.0)
            elif self._left is not None:
                self._ask_to_end(self._grace_s, when_saved=True)
        finally:
            if may_end:
                self._process.send(signal.SIGCONT)

    def _report(self, metrics: Mapping[str, object]) -> None:
        try:
            self._trial.report(**metrics)
            self._reported = True
        except TrialInterrupted as left:
            self._left, self._reported = left, True
        except ReportError as err:
            self._refused = err

    def _is_past_end(self) -> bool:
        """Whether the trial has all it needs, and the script goes on and on."""
        end = self._trial.max_resource
        return end is not None and self._reported and self._trial.resource >= end

    def _ask_to_end(self, within_s: float, *, when_saved: bool = False) -> None:
        """Let the script end by itself for that time, or until it has saved; then end it."""
        if self._kill_at is None:
            self._terminate_at = time.monotonic() + within_s
            self._when_saved = when_saved
            self._end()

    def _end(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                log.warning("%.0f s after SIGTERM the script still ran: killed", self._grace_s)
                self._process.kill()
                self._kill_at = now + self._grace_s
        elif self._terminate_at is not None and (
            now >= self._terminate_at
            or (self._when_saved and self._watch.is_saved(self._process.pid))
        ):
            self._process.send(signal.SIGTERM)
            self._kill_at = now + self._grace_s


def _log_line(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _failure(code: int, last_lines: Iterable[str]) -> str:
    """How a script failed; `code` is negative for the signal that killed it."""
    end = f"ended with exit code {code}" if code > 0 else f"was killed by {_signal_name(-code)}"
    printed = "\n".join(last_lines) or "(nothing)"
    return f"{end}{_HINTS.get(code, '')}{PRINTED_LAST}\n{printed}"


def _silence(metric_pattern: str | None) -> str:
    """What to do about a script that ended well and reported nothing."""
    if metric_pattern is not None:
        cure = f"no line that it printed matches metric_pattern {metric_pattern!r}"
    else:
        cure = (
            "call hpo.Reporter()(epoch=…, validation_error=…) after each epoch, with the names of"
            " resource_attr and metric, or set metric_pattern for the lines that it prints"
        )
    return f"ended without reporting; {cure}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # because real-time signals have no names
        return f"signal {number}"
