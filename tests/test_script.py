from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from script_runs import TRAIN, Write, epochs, make_trial, run, writer

from hpo.errors import ReportError, ScriptError
from hpo.objective import load_objective
from hpo.reporter import Reporter
from hpo.training_script.lines import line_reader
from hpo.trial import TrialInterrupted

# What syne_tune.report.Reporter prints, for scripts that import it.
SYNE_TUNE = """
import json, sys
from time import perf_counter, time

class Reporter:
    def __init__(self):
        self.start, self.iter = perf_counter(), 0

    def __call__(self, **kwargs):
        kwargs['st_worker_timestamp'] = time()
        kwargs['st_worker_time'] = perf_counter() - self.start
        kwargs['st_worker_iter'] = self.iter
        self.iter += 1
        print(f'[tune-metric]: {json.dumps(kwargs)}')
        sys.stdout.flush()
"""
SYNE_TUNE_SCRIPT = """
import argparse, os, time
from syne_tune.report import Reporter

parser = argparse.ArgumentParser()
parser.add_argument('--max_epochs', type=int, required=True)
parser.add_argument('--width', type=float, required=True)
parser.add_argument('--st_checkpoint_dir', type=str)
args = parser.parse_args()
path = os.path.join(args.st_checkpoint_dir, 'checkpoint.txt')
done = int(open(path).read()) if os.path.exists(path) else 0

def save(epoch):
    os.makedirs(args.st_checkpoint_dir, exist_ok=True)
    with open(path, 'w') as file:
        time.sleep({writing})  # so that the file is torn when the script is ended here
        file.write(str(epoch))

report = Reporter()
for epoch in range(done + 1, args.max_epochs + 1):
    time.sleep(0.4)
    {body}
"""
SYNE_TUNE_CONFIG = {"max_epochs": 4, "width": 2.0}
SAVES_FIRST = "save(epoch); report(epoch=epoch, validation_error=args.width / epoch)"
REPORTS_FIRST = "report(epoch=epoch, validation_error=args.width / epoch); save(epoch)"


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


class TestSyneTune:
    def script(self, write: Write, body: str, writing: float) -> Path:
        write("", "syne_tune/__init__.py")
        write(SYNE_TUNE, "syne_tune/report.py")
        code = SYNE_TUNE_SCRIPT.replace("{body}", body).replace("{writing}", str(writing))
        return write(code)

    @pytest.mark.parametrize(("body", "writing"), [(SAVES_FIRST, 0.0), (REPORTS_FIRST, 0.15)])
    def test_paused_and_resumed_without_an_epoch_twice(
        self, write: Write, tmp_path: Path, body: str, writing: float
    ) -> None:
        script = self.script(write, body, writing)
        reported = []
        for attempt, rung in enumerate((1, 2, 4)):
            trial = make_trial(
                tmp_path, config=SYNE_TUNE_CONFIG, attempt=attempt, target=rung, final=rung == 4
            )
            if rung < 4:
                with pytest.raises(TrialInterrupted, match=f"pauses at epoch {rung}"):
                    run(script, trial)
                saved = trial.checkpoint_dir / "checkpoint.txt"
                assert saved.read_text() == str(rung)
            else:
                run(script, trial)
            reported += [(line["epoch"], line["validation_error"]) for line in trial.history]
        assert reported == [(1, 2.0), (2, 1.0), (3, 2 / 3), (4, 0.5)]

    def test_asked_to_leave_after_its_save(self, write: Write, tmp_path: Path) -> None:
        script = self.script(write, REPORTS_FIRST, 0.15)
        trial = make_trial(tmp_path, config=SYNE_TUNE_CONFIG, target=4, asked_to_leave=lambda: True)
        with pytest.raises(TrialInterrupted, match="asked to leave at epoch 1"):
            run(script, trial)
        assert (trial.checkpoint_dir / "checkpoint.txt").read_text() == "1"

    def test_what_is_kept_of_a_line(self) -> None:
        read = line_reader(None)
        line = '\r 40%|####  | [tune-metric]: {"epoch": 1, "loss": NaN, "note": "x", "st_a": 1} end'
        (found,) = read(line)
        assert found["epoch"] == 1
        assert sorted(found) == ["epoch", "loss"]
        assert read('[tune-metric]: {"time": 1.5, "step": 2}') == [{"step": 2}]
        assert read('[tune-metric]: {"epoch": ') == []
        assert read("the metric of tune-metric: {}") == []

    def test_only_scripts_that_take_it_are_given_a_folder(self, write: Write) -> None:
        plain = load_objective(f"script:{write('import argparse')}")
        assert not plain.takes_checkpoint_dir  # type: ignore[attr-defined]
        own = load_objective(f"script:{write('add_checkpointing_to_argparse(parser)')}")
        assert own.takes_checkpoint_dir  # type: ignore[attr-defined]

    def test_one_that_handles_the_signal_may_save_then(self, write: Write, tmp_path: Path) -> None:
        code = """
            import pathlib, signal, sys, time
            def leave(*_):
                time.sleep(0.3)
                pathlib.Path(sys.argv[0]).with_name("saved.txt").touch()
                sys.exit(7)
            signal.signal(signal.SIGTERM, leave)
            for epoch in range(1, 100):
                print('[tune-metric]: {"epoch": %d, "validation_error": 0.5}' % epoch, flush=True)
                time.sleep(0.3)
        """
        trial = make_trial(tmp_path, target=2, final=False)
        with pytest.raises(TrialInterrupted):
            run(write(code), trial)
        assert epochs(trial) == [1, 2]
        assert (tmp_path / "saved.txt").exists()


class TestPattern:
    PATTERN = r"epoch (?P<epoch>\d+).*val_error=(?P<validation_error>[-+0-9.eE]+|nan)(?P<x> \d)?"

    def test_amid_other_lines(self, write: Write, tmp_path: Path, capfd: Any) -> None:
        code = """
            import sys
            print("epoch of adventures, val_error=unknown")
            for epoch in range(1, 4):
                print(f"epoch {epoch} loss=3 val_error={10.0 ** -epoch}")
                print('[tune-metric]: {"epoch": 1, "validation_error": 5}')
                print("a warning", file=sys.stderr)
            sys.stdout.buffer.write(bytes([255, 10]) + "ünï".encode())
        """
        trial = make_trial(tmp_path, target=3)
        run(write(code), trial, self.PATTERN)
        assert [line["validation_error"] for line in trial.history] == [0.1, 0.01, 0.001]
        output = capfd.readouterr().out
        assert output.count("a warning\n") == 3
        assert output.endswith("ünï\n")

    def test_pauses(self, write: Write, tmp_path: Path) -> None:
        code = """
            import time
            for epoch in range(1, 100):
                print(f"epoch {epoch} val_error=1e-3", flush=True)
                time.sleep(0.2)
        """
        trial = make_trial(tmp_path, target=3, final=False)
        with pytest.raises(TrialInterrupted):
            run(write(code), trial, self.PATTERN)
        assert epochs(trial) == [1, 2, 3]

    def test_a_summary_of_the_last_epoch_is_no_second_report(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        code = """
            import time
            print("epoch 1 val_error=0.5")
            print("best: epoch 1 val_error=0.5")
            time.sleep(0.3)
            print("saved the model")
        """
        trial = make_trial(tmp_path, target=1)
        run(write(code), trial, self.PATTERN)
        assert epochs(trial) == [1]
        assert capsys.readouterr().out.endswith("saved the model\n")

    def test_an_endless_script_is_ended(self, write: Write, tmp_path: Path) -> None:
        code = """
            import itertools, time
            for epoch in itertools.count(1):
                print(f"epoch {epoch} val_error=1e-3")
                time.sleep(0.1)
        """
        trial = make_trial(tmp_path, target=2)
        run(write(code), trial, self.PATTERN)
        assert epochs(trial) == [1, 2]

    def test_a_group_that_takes_no_number(self, write: Write, tmp_path: Path) -> None:
        script = write("import time\nprint('val 3 percent', flush=True)\ntime.sleep(60)")
        with pytest.raises(ReportError, match="'3 percent' for validation_error"):
            run(script, make_trial(tmp_path), r"val (?P<validation_error>.*)")

    def test_no_line_matches(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(ReportError, match="no line that it printed matches"):
            run(write("print('hello')"), make_trial(tmp_path), self.PATTERN)


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
