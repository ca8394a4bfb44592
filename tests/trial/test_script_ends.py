"""Training scripts: the arguments that they get, how they fail, and what is refused beforehand."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from config_files import load_spec
from scipy import stats
from script_runs import TRAIN, Write, epochs, is_gone, make_trial, run, writer

from hpo import choice, constant, lograndint, loguniform, ordinal, quantized, randint, uniform
from hpo.command_line import CommandLine, as_text
from hpo.errors import ObjectiveError, ReportError, ScriptError, SettingsError
from hpo.space.space import read_space
from hpo.trial.check import check_objective
from hpo.trial.objective import bind, call, load_objective
from hpo.trial.script.command import command
from hpo.trial.trial import TrialInterrupted


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


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
        words = command(Path("/a/train.py"), {"lr": 0.1, "low": -1e-05})
        assert words == [sys.executable, "/a/train.py", "--lr", "0.1", "--low=-1e-05"]

    def test_a_command_that_is_no_script_of_pythons(self, write: Write, tmp_path: Path) -> None:
        program = write("printf 'lr %s, %s\\nerror 0.5\\n' \"$@\" > $SEEN; cat $SEEN", "run.sh")
        words = ["env", f"SEEN={tmp_path}/seen.txt", "bash", str(program), "{learning_rate}"]
        line = CommandLine((*words, "{checkpoint_dir}"))
        trial = make_trial(tmp_path)
        pattern = "error (?P<validation_error>.*)"
        found = load_objective("command: env", pattern, line.to_json())
        call(found, trial)
        folder = trial.checkpoint_dir
        assert (tmp_path / "seen.txt").read_text() == f"lr 0.1, {folder}\nerror 0.5\n"
        assert epochs(trial) == [1]

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        line = CommandLine(("no-such-program",)).to_json()
        found = load_objective("command: no-such-program", None, line)
        with pytest.raises(ScriptError, match="no-such-program cannot be started: No such file"):
            call(found, make_trial(tmp_path))

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
            (
                {"entry_point": "mine.py", "metric_pattern": "a\\nb (?P<validation_error>.)"},
                "its line break never matches",
            ),
            ({"command": ["{python}", "none.py"]}, "'command' in .*there is no file none.py"),
            ({"command": ["./none.sh"]}, "'command' in .*there is no file ./none.sh"),
            ({"command": ["a"], "objective": "a:b"}, "'command' and 'objective' are both set"),
            ({"command": ["a", "{script}"]}, "'entry_point', which is not set"),
            ({"entry_point": "mine.py", "command": ["a"]}, "does not run 'entry_point'"),
            ({"command": ["a", "{learnin_rate}"]}, "did you mean {learning_rate}"),
            ({"command": "python a.py {arguments}"}, "'command' in .*there is no file a.py"),
            ({"command": "python 'a.py"}, "'command' in .*No closing quotation"),
            ({"command": []}, "'command' in .*at least 1"),
            ({"objective": "a:b", "flags": "--{name}"}, "'flags' is for a training script"),
            ({"entry_point": "mine.py", "arguments": "--x"}, "'arguments' lacks {name} and"),
        ],
    )
    def test_problems(
        self, config: Any, tmp_path: Path, settings: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            load_spec(config(**settings), cwd=tmp_path)

    @pytest.mark.parametrize(
        ("command", "objective", "words"),
        [
            (["{python}", "train.py"], "script:{here}/train.py", ["{python}", "{here}/train.py"]),
            (["torchrun", "train.py"], "script:{here}/train.py", ["torchrun", "{here}/train.py"]),
            (["./run.sh", "a"], "command: {here}/run.sh a", ["{here}/run.sh", "a"]),
            (
                ["{python}", "-m", "mine", "none.py", "{arguments}"],
                "command: python -m mine none.py",
                ["{python}", "-m", "mine", "none.py", "{arguments}"],
            ),
            (["run", "/in/image.py"], "command: run /in/image.py", ["run", "/in/image.py"]),
        ],
    )
    def test_the_files_of_a_command_have_their_whole_names(
        self,
        config: Any,
        write: Write,
        tmp_path: Path,
        command: list[str],
        objective: str,
        words: list[str],
    ) -> None:
        write(TRAIN, "train.py")
        write("exec true", "config/run.sh")
        spec = load_spec(config(command=command), cwd=tmp_path)
        here = str(tmp_path / "config") if "run.sh" in objective else str(tmp_path)
        assert spec.objective == objective.replace("{here}", here)
        assert spec.command_line is not None
        assert list(spec.command_line.words) == [word.replace("{here}", here) for word in words]
        assert check_objective(spec.objective, ["learning_rate"]) == []

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
