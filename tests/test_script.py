from __future__ import annotations

import json
import os
import re
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from scipy import stats

from hpo import choice, constant, lograndint, loguniform, ordinal, quantized, randint, uniform
from hpo.config.loading import load_spec
from hpo.errors import ObjectiveError, ReportError, ScriptError, SettingsError
from hpo.objective import bind, call, load_objective
from hpo.objective_check import check_objective
from hpo.script import ScriptObjective
from hpo.script_command import as_text, command
from hpo.script_lines import line_reader
from hpo.space import read_space
from hpo.trial import Reporter, Trial, TrialInterrupted

Write = Callable[..., Path]

# As the d2l chapter has it, with hpo's Reporter.
TRAIN = """
from argparse import ArgumentParser
from hpo import Reporter

if __name__ == '__main__':
    parser = ArgumentParser()
    parser.add_argument('--max_epochs', type=int, default=16)
    parser.add_argument('--learning_rate', type=float, default=1e-3)
    parser.add_argument('--batch_size', type=int, default=16)
    args, _ = parser.parse_known_args()
    report = Reporter()
    for epoch in range(1, args.max_epochs + 1):
        print('training epoch', epoch)
        report(epoch=epoch, validation_error=args.learning_rate / epoch)
    print('the script is done')
"""
CONFIG = {"learning_rate": 0.1, "batch_size": 64, "max_epochs": 3}

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
    def _write(code: str, name: str = "train_script.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return path

    return _write


def make_trial(tmp_path: Path, **changes: Any) -> Trial:
    return Trial(
        **{"trial_id": 3, "config": CONFIG, "folder": tmp_path / "trial_3", "attempt": 0} | changes
    )


def run(script: Path, trial: Trial, pattern: str | None = None, grace_s: float = 5.0) -> None:
    found = load_objective(f"script:{script}", pattern)
    assert isinstance(found, ScriptObjective)
    call(ScriptObjective(found.path, pattern, found.takes_checkpoint_dir, grace_s), trial)


def epochs(trial: Trial) -> list[int]:
    return [line["epoch"] for line in trial.history]


def is_gone(pid: int) -> bool:
    """Whether a process ended; one that nobody waits for in this container is a zombie."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


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


class TestArguments:
    AWKWARD = (
        *("two words", "it's", 'a "quote"', "$(touch pwned)", "`touch pwned`; exit"),
        *("", "-5 %", "--x", "*", "ü"),
    )

    def test_every_domain_arrives_as_argparse_expects(self, write: Write, tmp_path: Path) -> None:
        space, problems = read_space(
            {
                "rate": loguniform(1e-9, 1e-7),
                "shift": uniform(-1e-5, -1e-6),
                "momentum": quantized(uniform(0, 1), 0.1),
                "units": randint(-20, -10),
                "batch_size": lograndint(8, 1024),
                "name": ["adam", "sgd"],
                "nesterov": choice([True]),
                "layers": [[64, 32]],
                "depth": ordinal([1, 2, 3]),
                "step": constant({"size": 0.5}),
                "exact": stats.uniform(0, 1),
                "max_epochs": 27,
            }
        )
        assert problems == []
        assert space is not None
        config = {name: domain.value(0.37) for name, domain in space.domains.items()}
        code = """
            import argparse, ast, json, pathlib, sys
            parser = argparse.ArgumentParser()
            for name, kind in [("rate", float), ("shift", float), ("units", int), ("name", str),
                               ("momentum", float), ("batch_size", int), ("exact", float),
                               ("nesterov", ast.literal_eval), ("layers", json.loads),
                               ("depth", int), ("step", json.loads), ("max_epochs", int)]:
                parser.add_argument("--" + name, type=kind, required=True)
            config = vars(parser.parse_args())
            pathlib.Path(sys.argv[0]).with_name("seen.json").write_text(json.dumps(config))
            print('[tune-metric]: {"validation_error": 1}')
        """
        run(write(code), make_trial(tmp_path, config=config))
        assert json.loads((tmp_path / "seen.json").read_text()) == config
        assert as_text(True) == "True"
        assert as_text(None) == "None"

    @pytest.mark.parametrize("folder", ["plain", """it's a "weird" $(name)"""])
    def test_no_shell_sees_the_values(self, write: Write, tmp_path: Path, folder: str) -> None:
        names = [f"v{i}" for i in range(len(self.AWKWARD))]
        code = f"""
            import argparse, json, pathlib, sys
            parser = argparse.ArgumentParser()
            for name in {names}: parser.add_argument("--" + name)
            parser.add_argument("--st_checkpoint_dir")
            seen = list(vars(parser.parse_args()).values())
            pathlib.Path(sys.argv[0]).with_name("seen.json").write_text(json.dumps(seen))
            print('[tune-metric]: {{"validation_error": 1}}')
        """
        script = write(code, f"{folder}/train.py")
        trial = make_trial(script.parent, config=dict(zip(names, self.AWKWARD, strict=True)))
        run(script, trial)
        seen = json.loads((script.parent / "seen.json").read_text())
        assert seen == [*self.AWKWARD, str(trial.checkpoint_dir)]
        assert not list(tmp_path.rglob("pwned"))

    def test_the_words(self) -> None:
        words = command(Path("/a/train.py"), {"lr": 0.1, "low": -1e-05}, None)
        assert words == [sys.executable, "/a/train.py", "--lr", "0.1", "--low=-1e-05"]

    def test_imports_what_the_job_imports_and_its_neighbours(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("value = 1", "elsewhere/of_the_project.py")
        write("value = 2", "code/neighbour.py")
        monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
        code = """
            import json, os, neighbour, of_the_project
            assert "python3" not in os.environ["PYTHONPATH"].replace("site-packages", "python3")
            from hpo import Reporter
            Reporter()(epoch=1, validation_error=neighbour.value + of_the_project.value)
        """
        trial = make_trial(tmp_path)
        run(write(code, "code/train.py"), trial)
        assert trial.history[0]["validation_error"] == 3


class TestFailures:
    def test_the_exit_code_and_the_last_lines(self, write: Write, tmp_path: Path) -> None:
        code = "for i in range(50): print('line', i)\nraise RuntimeError('no such data')"
        with pytest.raises(ScriptError, match=r"trial 3: the script .* exit code 1") as caught:
            run(write(code), make_trial(tmp_path))
        lines = str(caught.value).splitlines()
        assert lines[-1] == "RuntimeError: no such data"
        assert len(lines) == 21

    def test_an_option_that_it_does_not_know(self, write: Write, tmp_path: Path) -> None:
        code = "import argparse\nargparse.ArgumentParser().parse_args()"
        with pytest.raises(ScriptError, match=r"argparse's.*") as caught:
            run(write(code), make_trial(tmp_path))
        assert "unrecognized arguments: --learning_rate 0.1" in str(caught.value)

    def test_a_failure_after_reports_keeps_them(self, write: Write, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=3)
        code = "from hpo import Reporter\nReporter()(epoch=1, validation_error=1)\nraise OSError"
        with pytest.raises(ScriptError):
            run(write(code), trial)
        assert epochs(trial) == [1]

    def test_killed_by_a_signal(self, write: Write, tmp_path: Path) -> None:
        code = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
        with pytest.raises(ScriptError, match="killed by SIGKILL, which often means that memory"):
            run(write(code), make_trial(tmp_path))

    def test_ends_well_and_says_nothing(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(ReportError, match=r"without reporting; call hpo\.Reporter"):
            run(write("print('done')"), make_trial(tmp_path))

    def test_a_script_that_ignores_the_signal_is_killed_with_its_children(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = """
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
            own = subprocess.Popen(sleep)
            other = subprocess.Popen(sleep, start_new_session=True)
            print("pids", os.getpid(), own.pid, other.pid)
            print('[tune-metric]: {"epoch": 1, "validation_error": 1}')
            time.sleep(60)
        """
        trial = make_trial(tmp_path, target=1, final=False)
        lines: list[str] = []
        start = time.monotonic()
        monkeypatch.setattr(sys.stdout, "write", lines.append)
        with pytest.raises(TrialInterrupted):
            run(write(code), trial, grace_s=0.5)
        assert time.monotonic() - start < 10
        pids = [int(pid) for pid in re.findall(r"\d+", lines[0])]
        assert len(pids) == 3
        assert all(is_gone(pid) for pid in pids)

    def test_what_it_leaves_running_neither_stays_nor_is_waited_for(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        code = """
            import subprocess, sys
            left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            print('[tune-metric]: {"validation_error": 1}', left.pid)
        """
        start = time.monotonic()
        run(write(code), make_trial(tmp_path))
        assert time.monotonic() - start < 10
        assert is_gone(int(capsys.readouterr().out.split()[-1]))

    def test_the_job_is_interrupted_from_the_keyboard(
        self, write: Write, tmp_path: Path, capsys: Any
    ) -> None:
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            code = f"""
                import os, signal, time
                print(os.getpid())
                os.kill({os.getpid()}, signal.SIGINT)
                time.sleep(60)
            """
            with pytest.raises(KeyboardInterrupt):
                run(write(code), make_trial(tmp_path))
        finally:
            signal.signal(signal.SIGINT, previous)
        printed = capsys.readouterr().out.split()
        assert all(is_gone(int(pid)) for pid in printed)
        assert not psutil.Process().children()


class TestLoading:
    @pytest.fixture
    def config(self, tmp_path: Path, write: Write) -> Callable[..., str]:
        def _config(**hpo: Any) -> str:
            space = {"learning_rate": [0.1], "max_epochs": 3}
            text = f"""
                def get_config_space(): return {space!r}
                def get_slurm_config(): return {{}}
                def get_hpo_config(): return { ({"n_trials": 2} | hpo)!r}
            """
            write(text, "config/mine.py")
            return "mine"

        return _config

    def test_looked_up_beside_the_config_and_from_here(
        self, config: Any, write: Write, tmp_path: Path
    ) -> None:
        name = config(entry_point="train_script.py")
        script = write(TRAIN)
        spec = load_spec(name, cwd=tmp_path)
        assert spec.objective == f"script:{script}"
        assert spec.identity()["objective"] == "train_script.py"
        nearer = write(TRAIN, "config/train_script.py")
        assert load_spec(name, cwd=tmp_path).objective == f"script:{nearer}"

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"entry_point": "none.py"}, "'entry_point' in .*there is no file none.py"),
            ({"entry_point": "mine.py", "objective": "a:b"}, "are both set"),
            ({"objective": "a:b", "metric_pattern": "(?P<validation_error>x)"}, "as 'entry_point'"),
            ({"entry_point": "mine.py", "metric_pattern": "(?P<a"}, "no regular expression"),
            ({"entry_point": "mine.py", "metric_pattern": "(.)"}, "no group for .* names none"),
            ({"entry_point": "mine.py", "metric_pattern": "(?P<loss>.)"}, "it names loss"),
        ],
    )
    def test_problems(
        self, config: Any, tmp_path: Path, settings: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            load_spec(config(**settings), cwd=tmp_path)

    def test_the_check_runs_nothing(self, write: Write, tmp_path: Path) -> None:
        script = write("from pathlib import Path\nPath(__file__).with_name('ran').touch()")
        assert check_objective(f"script:{script}", ["lr"]) == []
        assert bind(load_objective(f"script:{script}"), ["lr"]) == "trial"
        assert not (tmp_path / "ran").exists()

    def test_no_python(self, write: Write, tmp_path: Path) -> None:
        script = write("x = 1\nif x\n    pass\n")
        (problem,) = check_objective(f"script:{script}", ["lr"])
        assert f"{script}:2" in problem
        with pytest.raises(ObjectiveError, match="cannot be read: No such file"):
            load_objective(f"script:{tmp_path}/none.py")
        with pytest.raises(ObjectiveError, match="cannot be read"):
            load_objective(f"script:{tmp_path}")
        script.write_bytes(b"x = 1\0")
        with pytest.raises(ObjectiveError, match="no Python"):
            load_objective(f"script:{script}")

    def test_a_function_of_a_module_named_script(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(ObjectiveError, match="'script' was not found"):
            load_objective("script:train")
