"""Training scripts that report by hpo's Reporter, and what becomes of what they print."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from script_runs import TRAIN, Write, epochs, make_trial, run, writer

from hpo.errors import ReportError, ScriptError
from hpo.trial.reporter import Reporter
from hpo.trial.trial import TrialInterrupted


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


class TestReporter:
    def test_a_script_as_in_the_book(self, write: Write, tmp_path: Path, capsys: Any) -> None:
        trial = make_trial(tmp_path, target=3)
        run(write(TRAIN), trial)
        assert [line["validation_error"] for line in trial.history] == [0.1, 0.05, 0.1 / 3]
        assert capsys.readouterr().out.splitlines() == [
            *(f"training epoch {epoch}" for epoch in (1, 2, 3)),
            "the script is done",
        ]

    def test_one_report_without_a_resource(self, write: Write, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=16)
        run(write("from hpo import Reporter\nReporter()(validation_error=0.5)"), trial)
        assert epochs(trial) == [1]

    def test_pauses_exactly_at_its_rung_and_starts_again(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        first = make_trial(tmp_path, target=1, final=False)
        with pytest.raises(TrialInterrupted, match="pauses at epoch 1"):
            run(write(TRAIN), first)
        assert capsys.readouterr().out == "training epoch 1\n"
        second = make_trial(tmp_path, target=3, attempt=1)
        run(write(TRAIN), second)
        assert (epochs(first), epochs(second)) == ([1], [1, 2, 3])

    def test_the_pause_lets_the_script_end_cleanly(self, write: Write, tmp_path: Path) -> None:
        code = """
            import atexit, pathlib, sys, time
            from hpo import Reporter
            def tidy_up():
                time.sleep(0.3)
                pathlib.Path(sys.argv[0]).with_name("tidy.txt").touch()
            atexit.register(tidy_up)
            try:
                for epoch in range(1, 100):
                    Reporter()(epoch=epoch, validation_error=1.0)
            except Exception:
                raise SystemExit("a pause is no failure")
        """
        with pytest.raises(TrialInterrupted):
            run(write(code), make_trial(tmp_path, target=2, final=False))
        assert (tmp_path / "tidy.txt").exists()

    def test_asked_to_leave(self, write: Write, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=3, asked_to_leave=lambda: True)
        with pytest.raises(TrialInterrupted, match="asked to leave at epoch 1"):
            run(write(TRAIN), trial)
        assert epochs(trial) == [1]

    def test_a_script_that_goes_on_after_its_trial(self, write: Write, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=2)
        run(write(TRAIN), trial)  # to max_epochs, which is 3
        assert epochs(trial) == [1, 2]

    def test_a_process_of_the_script_reports(self, write: Write, tmp_path: Path) -> None:
        """As the first of torchrun's workers does, which inherit no descriptors."""
        write(TRAIN)
        code = """
            import pathlib, subprocess, sys
            script = pathlib.Path(sys.argv[0]).with_name("train_script.py")
            subprocess.run(
                [sys.executable, str(script), *sys.argv[1:]], start_new_session=True, check=True
            )
        """
        trial = make_trial(tmp_path, target=3)
        run(write(code, "launcher.py"), trial)
        assert epochs(trial) == [1, 2, 3]

    def test_a_wrong_report_fails_in_the_script_and_in_the_trial(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        code = "from hpo import Reporter\nReporter()(epoch=1, validation_eror=0.1)"
        with pytest.raises(ReportError, match="Is validation_eror meant"):
            run(write(code), make_trial(tmp_path))
        assert 'train_script.py", line 2' in capsys.readouterr().out

    def test_no_number(self, write: Write, tmp_path: Path) -> None:
        code = "from hpo import Reporter\nReporter()(epoch=1, validation_error='0.1')"
        with pytest.raises(ScriptError, match=r"got a str '0\.1', not a number"):
            run(write(code), make_trial(tmp_path))

    def test_nan_and_infinite(self, write: Write, tmp_path: Path) -> None:
        code = "from hpo import Reporter\nReporter()(epoch=1, validation_error=float('nan'))"
        trial = make_trial(tmp_path)
        run(write(code), trial)
        assert trial.history[0]["not_finite"] == {"validation_error": "nan"}

    def test_outside_of_everything(self) -> None:
        with pytest.raises(ReportError, match="outside a trial"):
            Reporter()(epoch=1, validation_error=0.1)

    def test_a_folder_for_temporary_files_with_a_long_name(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / ("x" * 120)
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        trial = make_trial(tmp_path, target=3)
        run(write(TRAIN), trial)
        assert epochs(trial) == [1, 2, 3]
        assert not list(folder.iterdir())


class TestOutput:
    def test_a_lot_of_it(self, write: Write, tmp_path: Path, capsys: Any) -> None:
        code = """
            from hpo import Reporter
            import sys
            for i in range(20_000): print(f"{i:06d}", "." * 50)
            print("x" * 200_000)
            Reporter()(epoch=1, validation_error=1.0)
            sys.stdout.write("the end")
        """
        run(write(code), make_trial(tmp_path))
        output = capsys.readouterr().out
        assert len(output) > 1_300_000
        numbers = [int(line[:6]) for line in output.splitlines() if line.endswith("...")]
        assert numbers == list(range(20_000))
        assert output.endswith("the end\n")

    def test_comes_as_it_is_printed(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arrived: list[tuple[str, float]] = []

        class Log:
            encoding = "ascii"

            def write(self, text: str) -> None:
                arrived.append((text, time.monotonic()))

            def flush(self) -> None: ...

        monkeypatch.setattr(sys, "stdout", Log())
        code = """
            import time
            print("first ü")
            time.sleep(0.5)
            print('[tune-metric]: {"epoch": 1, "validation_error": 1}')
        """
        run(write(code), make_trial(tmp_path))
        (first, early), (_, late) = arrived
        assert first == "first \\xfc\n"
        assert late - early > 0.3
