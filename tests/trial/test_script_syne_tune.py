"""Training scripts that report as Syne Tune's Reporter does, and save where they are told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from script_runs import Write, epochs, make_trial, run, writer

from hpo.trial.objective import load_objective
from hpo.trial.script.lines import line_reader
from hpo.trial.script.objective import ScriptObjective
from hpo.trial.trial import TrialInterrupted

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
        assert isinstance(plain, ScriptObjective)
        assert not plain.takes_checkpoint_dir
        own = load_objective(f"script:{write('add_checkpointing_to_argparse(parser)')}")
        assert isinstance(own, ScriptObjective)
        assert own.takes_checkpoint_dir

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
