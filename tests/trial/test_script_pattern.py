"""Training scripts that only print: a pattern finds what they report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from script_runs import Write, epochs, make_trial, run, writer

from hpo.errors import ReportError
from hpo.trial.trial import TrialInterrupted


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


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
