"""What is read from the lines that scripts print: bars, and epochs counted in other ways."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from script_runs import Write, epochs, make_trial, run, writer

from hpo.errors import ReportError, ScriptError
from hpo.settings.reading.search_checks import script_problems
from hpo.settings.search import HpoSettings
from hpo.trial.script.redrawn import RedrawnLines
from hpo.trial.trial import Trial, TrialInterrupted

VALUE = r"val_error=(?P<validation_error>[-+0-9.eE]+|nan)"
WITH_EPOCH = rf"[Ee]poch (?P<epoch>[\d.]+).*{VALUE}"
TQDM = r"\r%3d%%|####| %d/%d [00:01<00:00,  3.28it/s, val_error=%.4f]"

# Draws as tqdm does: when the metric is set, and when the next step begins.
BAR_OF_EPOCHS = f"""
import sys
def draw(step, error):
    sys.stderr.write({TQDM!r}.replace("\\\\r", "\\r") % (20 * step, step, 5, error))
sys.stderr.write("\\r  0%|    | 0/5 [00:00<?, ?it/s]")
for epoch in range(1, 6):
    draw(epoch - 1, 1 / epoch)
    draw(epoch, 1 / epoch)
sys.stderr.write("\\n")
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


@pytest.fixture
def trial_of(write: Write, tmp_path: Path) -> Any:
    def _run(code: str, pattern: str | None = VALUE, **changes: Any) -> Trial:
        trial = make_trial(tmp_path, **changes)
        run(write(code), trial, pattern)
        return trial

    return _run


def errors(trial: Trial) -> dict[int, float]:
    return {line["epoch"]: line["validation_error"] for line in trial.history}


class TestStates:
    @pytest.mark.parametrize(
        ("text", "states"),
        [
            ("a\nb\n", ["a.", "b.", "."]),
            ("a\r\nb", ["a", ".", "b."]),
            ("\r10\r20\r30\n", ["10", "20", "30", "."]),
            ("\r10\r20\nnext\n", ["10", "20", ".", "next.", "."]),
            ("10%\b\b\b20%\b\b\b30%\n", ["10%", "20%", "30%", "."]),
            ("loss 0.5\b\b\b0.4\n", ["loss 0.5", "loss 0.4", "."]),
            ("\x1b[1ma\x1b[0m\x1b[2Kb", ["a", "b."]),
            ("out\n\rin 1\x1b[A\n\rin 2\x1b[A\rout 2\n", ["out.", "in 1", "in 2", "out 2", "."]),
            ("\rout 1\rout 2\n\rin\x1b[A\rout 3", ["out 1", "out 2", "in", "out 3."]),
            ("\rout 1\rout 2\n\r   \x1b[A\rout 3", ["out 1", "out 2", "out 3."]),
            ("\rout 1\rout 2\n\n\rin\x1b[A\x1b[A\rout 3", ["out 1", "out 2", "in", "out 3."]),
            ("\r1\r2\n\r3\r4\r5", ["1", "2", ".", "3", "4", "5."]),
        ],
    )
    def test_wherever_the_text_is_cut(self, text: str, states: list[str]) -> None:
        for size in (1, 2, 3, 100):
            lines = RedrawnLines()
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            found = [state for piece in pieces for state in lines.feed(piece)]
            found.append(lines.finish())
            assert [s.text + "." * s.is_last for s in found] == states

    def test_a_line_without_end(self) -> None:
        lines = RedrawnLines()
        for _ in range(1000):
            assert not list(lines.feed("." * 1000))
        assert len(lines.finish().text) < 100_000


class TestBars:
    def test_one_that_counts_the_epochs(self, trial_of: Any) -> None:
        trial = trial_of(BAR_OF_EPOCHS, config={"max_epochs": 5}, target=5)
        assert errors(trial) == {1: 1.0, 2: 0.5, 3: 0.3333, 4: 0.25, 5: 0.2}

    def test_it_ends_a_trial_at_its_rung(self, write: Write, tmp_path: Path) -> None:
        code = BAR_OF_EPOCHS.replace(
            "draw(epoch - 1", "import time; time.sleep(0.1); draw(epoch - 1"
        )
        trial = make_trial(tmp_path, config={"max_epochs": 5}, target=2, final=False)
        with pytest.raises(TrialInterrupted):
            run(write(code), trial, VALUE)
        assert errors(trial) == {1: 1.0, 2: 0.5}

    def test_the_last_state_of_an_epochs_bar_counts(self, trial_of: Any, caplog: Any) -> None:
        code = """
            for epoch in (1, 2):
                for batch in range(1, 101):
                    end = "\\n" if batch == 100 else ""
                    print(f"\\r{batch}/100 - val_error={epoch + batch / 100}", end=end, flush=True)
        """
        with caplog.at_level(logging.INFO):
            trial = trial_of(code, target=2)
        assert errors(trial) == {1: 2.0, 2: 3.0}
        assert caplog.text.count("the last counts; (?P<epoch>") == 1

    @pytest.mark.parametrize("clear", [r"\r           \r", "", r"\x1b[2K\r      \r"])
    def test_bars_of_epochs_in_one_line(self, trial_of: Any, clear: str) -> None:
        code = f"""
            for epoch in (1, 2, 3):
                for batch in range(101):
                    error = epoch + batch / 100
                    print(f"\\r {{batch}}/100 val_error={{error}}", end="", flush=True)
                print("{clear}", end="")
        """
        assert errors(trial_of(code)) == {1: 2.0, 2: 3.0, 3: 4.0}

    def test_a_bar_below_that_is_cleared_ends_no_epoch(self, trial_of: Any) -> None:
        """As Lightning's bars come through a pipe: the value before stands at each epoch's end."""
        code = """
            shown = ""
            for epoch in range(4):
                for batch in range(3):
                    print(f"\\rEpoch {epoch}: {batch}/2 [00:00{shown}]", end="", flush=True)
                for batch in range(3):
                    print(f"\\n\\rValidation: {batch}/2\\x1b[A", end="", flush=True)
                print("\\n\\r               \\x1b[A", end="", flush=True)
                shown = f", val_error={0.5 ** epoch}"
                print(f"\\rEpoch {epoch}: 2/2 [00:00{shown}]", end="", flush=True)
            print("\\nstopped: max_epochs=4 reached")
        """
        assert errors(trial_of(code, WITH_EPOCH)) == {1: 1.0, 2: 0.5, 3: 0.25, 4: 0.125}

    @pytest.mark.parametrize("end", ["os.kill(os.getpid(), 15)", "os._exit(3)"])
    def test_the_bar_of_an_epoch_that_did_not_end_is_no_report(
        self, write: Write, tmp_path: Path, end: str
    ) -> None:
        code = f"""
            import os
            for epoch in (1, 2, 3):
                shown = f"\\rEpoch {{epoch}} val_error="
                print(f"{{shown}}{{0.5 ** (epoch - 1)}}", end="", flush=True)
                if epoch == 3:
                    {end}
                print(f"{{shown}}{{0.5 ** epoch}}", end="", flush=True)
        """
        trial = make_trial(tmp_path, target=5)
        with pytest.raises(ScriptError):
            run(write(code), trial, WITH_EPOCH)
        assert errors(trial) == {1: 0.5, 2: 0.25}

    @pytest.mark.parametrize("ends", [r"Received SIGTERM\n\rnext\n\n", r"\r            \r"])
    def test_a_bar_that_the_request_to_leave_ended_is_no_report(
        self, write: Write, tmp_path: Path, ends: str
    ) -> None:
        asked = tmp_path / "asked"
        code = f"""
            import pathlib, sys, time
            print("\\rEpoch 1 val_error=0.5", end="", flush=True)
            for draw in range(2):
                print("\\rEpoch 2 val_error=0.5", end="", flush=True)
            time.sleep(0.3)
            pathlib.Path({str(asked)!r}).touch()
            print("{ends}", end="", flush=True)
            sys.exit(1)
        """
        trial = make_trial(tmp_path, target=5, asked_to_leave=asked.exists)
        with pytest.raises(ScriptError):
            run(write(code), trial, WITH_EPOCH)
        assert errors(trial) == {1: 0.5}

    def test_the_first_bar_below_ends_no_epoch(self, trial_of: Any) -> None:
        code = """
            for epoch in (1, 2):
                for batch in range(3):
                    print(f"\\repoch {epoch} {batch}/2 val_error=9", end="", flush=True)
                print("\\n\\rValidation\\x1b[A", end="", flush=True)
                print(f"\\repoch {epoch} 2/2 val_error={0.5 ** epoch}", flush=True)
        """
        assert errors(trial_of(code, WITH_EPOCH)) == {1: 0.5, 2: 0.25}

    def test_the_epochs_in_the_text_of_one_line(self, trial_of: Any) -> None:
        """As Lightning draws them: each epoch begins with the value of the one before."""
        code = """
            shown = ""
            for epoch in range(3):
                for batch in range(11):
                    print(f"\\rEpoch {epoch}: {batch}/10 [v_num=0{shown}]", end="", flush=True)
                shown = f", val_error={0.5 ** epoch}"
                print(f"\\rEpoch {epoch}: {batch}/10 [v_num=0{shown}]", end="", flush=True)
        """
        assert errors(trial_of(code, WITH_EPOCH)) == {1: 1.0, 2: 0.5, 3: 0.25}

    def test_two_bars_below_each_other(self, trial_of: Any) -> None:
        """As tqdm draws nested ones: the inner one goes a line up again each time."""
        code = """
            print("\\r epochs 0/3", end="")
            for epoch in (1, 2, 3):
                for batch in range(1, 21):
                    shown = f"\\r batches {batch}/20 val_error={epoch + batch / 20}"
                    print(f"\\n{shown}\\x1b[A", end="", flush=True)
                print("\\n\\r                 \\r\\x1b[A", end="")
                print(f"\\r epochs {epoch}/3", end="", flush=True)
        """
        assert errors(trial_of(code)) == {1: 2.0, 2: 3.0, 3: 4.0}

    def test_backspaces(self, trial_of: Any) -> None:
        """As Keras draws them."""
        code = """
            for epoch in (1, 2):
                print(f"Epoch {epoch}/2")
                for step in range(1, 11):
                    print(f"{step:2d}/10 [==>...] - val_error={epoch + step}", end="")
                    print("\\b" * (40 if step < 10 else 0), end="", flush=True)
                print()
        """
        assert errors(trial_of(code, target=2)) == {1: 11.0, 2: 12.0}

    def test_metric_lines_after_a_bar(self, trial_of: Any) -> None:
        code = """
            for epoch in (1, 2):
                print("\\r 10%|#  |\\r 20%|## |", end="")
                print('[tune-metric]: {"epoch": %d, "validation_error": 0.5}' % epoch)
        """
        assert epochs(trial_of(code, None)) == [1, 2]

    def test_a_failed_script_shows_what_its_bar_showed_last(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        code = r"print('\r 10%\r 20%\r 30%'); raise SystemExit(3)"
        with pytest.raises(Exception, match=r"printed last:\n 30%\Z"):
            run(write(code), make_trial(tmp_path), VALUE)
        assert capsys.readouterr().out == "\r 10%\r 20%\r 30%\n"


class TestEpochs:
    def test_several_matches_in_a_line(self, trial_of: Any) -> None:
        assert errors(trial_of("print('val_error=3 val_error=2 (best val_error=1)')")) == {1: 1}

    def test_a_pattern_may_name_the_end_of_the_line(self, trial_of: Any) -> None:
        assert errors(trial_of("print('val_error=3')", VALUE + r"\s")) == {1: 3}

    def test_from_zero(self, trial_of: Any, caplog: Any) -> None:
        code = "for i in range(3): print(f'epoch {i} val_error={3 - i}')"
        assert errors(trial_of(code, WITH_EPOCH, target=3)) == {1: 3, 2: 2, 3: 1}
        assert caplog.text.count("from 0: they are counted from 1") == 1

    def test_metric_lines_from_zero(self, trial_of: Any) -> None:
        code = """
            for i in range(2): print('[tune-metric]: {"epoch": %d, "validation_error": 0.5}' % i)
        """
        assert epochs(trial_of(code, None, target=2)) == [1, 2]

    def test_one_that_counts_from_zero_goes_on(self, trial_of: Any) -> None:
        code = "for i in range({}, {}): print(f'epoch {{i}} val_error={{i}}')"
        assert epochs(trial_of(code.format(0, 2), WITH_EPOCH)) == [1, 2]
        assert epochs(trial_of(code.format(2, 4), WITH_EPOCH, attempt=1)) == [1, 2, 3, 4]

    def test_a_check_before_the_training(self, trial_of: Any, caplog: Any) -> None:
        code = """
            print("epoch 0 val_error=9.9")
            for i in range(3): print(f"epoch {i} val_error={3 - i}")
        """
        assert errors(trial_of(code, WITH_EPOCH, target=3)) == {1: 3, 2: 2, 3: 1}
        assert caplog.text.count("taken for a check before the training") == 1

    def test_only_epoch_zero(self, trial_of: Any) -> None:
        assert errors(trial_of("print('epoch 0 val_error=9.9')", WITH_EPOCH)) == {1: 9.9}

    def test_one_printed_again_is_ignored(self, trial_of: Any, caplog: Any) -> None:
        code = """
            for i in (1, 2, 2, 3, 1, 4): print(f"epoch {i} val_error={i}", flush=True)
        """
        assert epochs(trial_of(code, WITH_EPOCH)) == [1, 2, 3, 4]
        assert caplog.text.count("epoch 2 was printed again") == 1

    def test_as_a_float(self, trial_of: Any) -> None:
        assert epochs(trial_of("print('epoch 1.0 val_error=3')", WITH_EPOCH)) == [1]
        with pytest.raises(ReportError, match="must be a whole number"):
            trial_of("print('epoch 1.5 val_error=3')", WITH_EPOCH)

    def test_absent_ones_are_counted(self, trial_of: Any) -> None:
        assert epochs(trial_of("for i in range(3): print('val_error=1')")) == [1, 2, 3]

    def test_absent_after_zero(self, trial_of: Any) -> None:
        code = "print('epoch 0 val_error=1'); print('epoch x val_error=2')"
        assert epochs(trial_of(code, rf"epoch (?P<epoch>\d+)?.*{VALUE}")) == [1, 2]


class TestRefusedPatterns:
    @pytest.mark.parametrize(
        ("pattern", "refused"),
        [
            (r"epoch 1\n.*val (?P<validation_error>\d+)", True),
            ("epoch 1\nval (?P<validation_error>\\d+)", True),
            (r"(?P<validation_error>\d+)\r\n", True),
            (r"(?P<validation_error>\d+)\n", False),
            (r"(?P<validation_error>[^\n]+)", False),
            (r"\n?(?P<validation_error>\d+)", False),
            (r"\\n(?P<validation_error>\d+)", False),
            (r"(a\nb|c)(?P<validation_error>\d+)", False),
            ("(?x) a \n (?P<validation_error>\\d+)", False),
        ],
    )
    def test_one_that_can_never_match(self, pattern: str, refused: bool) -> None:
        hpo = HpoSettings(n_trials=1, entry_point="a.py", metric_pattern=pattern)
        problems = script_problems(None, hpo)
        assert bool(problems) == refused, problems
        assert all("its line break never matches" in problem for problem in problems)
