"""A user's objective: found, imported, bound to the hyperparameters, checked in a process apart."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpo.errors import ObjectiveError
from hpo.trial.check import check_objective
from hpo.trial.objective import bind, call, load_objective
from hpo.trial.reporter import Reporter
from hpo.trial.trial import Trial

SPACE = ["lr", "batch_size"]


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def _write(code: str, name: str = "users_train.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return path

    return _write


class TestLoad:
    def test_by_file(self, write: Any) -> None:
        path = write("from neighbour import value\ndef train(config, trial): return value")
        write("value = 5", "neighbour.py")
        assert load_objective(f"{path}:train")({}, None) == 5

    def test_by_file_whose_name_is_that_of_a_library(self, write: Any) -> None:
        path = write("def train(config, trial): return 'mine'", "json.py")
        assert load_objective(f"{path}:train")({}, None) == "mine"

    def test_by_module_and_dotted_function(self, write: Any, tmp_path: Path) -> None:
        write("", "users_package/__init__.py")
        write("class Task:\n    def train(config, trial): return 6", "users_package/tasks.py")
        sys.path.insert(0, str(tmp_path))
        assert load_objective("users_package.tasks:Task.train")({}, None) == 6

    @pytest.mark.parametrize("reference", ["", "train", "module:", ":function"])
    def test_refuses_what_is_no_reference(self, reference: str) -> None:
        with pytest.raises(ObjectiveError, match=r"package\.module:function"):
            load_objective(reference)

    def test_module_not_found_says_where_it_looked(self, tmp_path: Path) -> None:
        sys.path.insert(0, str(tmp_path))
        with pytest.raises(ObjectiveError, match=r"'no_such_module' was not found") as caught:
            load_objective("no_such_module:train")
        assert str(tmp_path) in str(caught.value)
        assert "pythonpath" in str(caught.value)

    def test_submodule_not_found_says_which_part(self, write: Any, tmp_path: Path) -> None:
        write("", "users_package/__init__.py")
        sys.path.insert(0, str(tmp_path))
        with pytest.raises(ObjectiveError, match=r"users_package\.trian' was not found"):
            load_objective("users_package.trian:train")

    def test_file_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(ObjectiveError, match="does not exist"):
            load_objective(f"{tmp_path}/none.py:train")

    def test_function_missing_names_the_near_one(self, write: Any) -> None:
        path = write("def objective(config, trial): ...")
        with pytest.raises(ObjectiveError, match=r"no function 'objectiv'.*is objective meant"):
            load_objective(f"{path}:objectiv")

    def test_function_missing_names_what_there_is(self, write: Any) -> None:
        path = write("from math import sqrt\ndef objective(config, trial): ...")
        with pytest.raises(ObjectiveError, match=r"it has objective$"):
            load_objective(f"{path}:zzz")

    def test_not_callable(self, write: Any) -> None:
        with pytest.raises(ObjectiveError, match="is a int and cannot be called"):
            load_objective(f"{write('train = 3')}:train")

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("import os\n\nraise ValueError('bad data')", ["ValueError: bad data", ":3"]),
            ("import no_such_dependency", ["ModuleNotFoundError", "no_such_dependency", ":1"]),
            ("x = 1\ndef broken(:\n", ["SyntaxError", ":2"]),
            ("import sys\nsys.exit(4)", ["SystemExit: 4", ":2", "__main__"]),
            ("import json\njson.loads('{')", ["JSONDecodeError", "users_train.py:2"]),
        ],
    )
    def test_import_that_raises_shows_the_users_line(
        self, write: Any, tmp_path: Path, code: str, words: list[str]
    ) -> None:
        path = write(code)
        sys.path.insert(0, str(tmp_path))
        for reference in (f"{path}:train", "users_train:train"):
            with pytest.raises(ObjectiveError) as caught:
                load_objective(reference)
            assert all(word in str(caught.value) for word in ["users_train", *words])


def with_trial(config: Any, trial: Any) -> None: ...
def with_trial_and_more(config: Any, trial: Any, verbose: bool = False) -> None: ...
def with_keywords(lr: float, batch_size: int, max_epochs: int = 10) -> None: ...
def with_any_keywords(lr: float, **others: Any) -> None: ...
def keyword_only(*, lr: float, batch_size: int) -> None: ...
def takes_too_little(lr: float) -> None: ...
def needs_too_much(lr: float, batch_size: int, momentum: float) -> None: ...
def trial_and_needed(config: Any, trial: Any, data: Any) -> None: ...
def positional_only(lr: float, batch_size: int, /) -> None: ...
async def asynchronous(config: Any, trial: Any) -> None: ...
def generator(config: Any, trial: Any) -> Iterator[None]:
    yield


# Without annotations, as most users write theirs: the message shows the signature.
def wrong_order(trial, config): ...  # type: ignore[no-untyped-def]
def only_config(config): ...  # type: ignore[no-untyped-def]


class CallableObject:
    def __call__(self, config: Any, trial: Any) -> None: ...


class TestBind:
    @pytest.mark.parametrize(
        "function", [with_trial, with_trial_and_more, CallableObject(), CallableObject().__call__]
    )
    def test_config_and_trial(self, function: Any) -> None:
        assert bind(function, SPACE) == "trial"

    @pytest.mark.parametrize(
        "function",
        [
            with_keywords,
            with_any_keywords,
            keyword_only,
            functools.partial(needs_too_much, momentum=0.9),
        ],
    )
    def test_keywords(self, function: Any) -> None:
        assert bind(function, SPACE) == "keywords"

    @pytest.mark.parametrize(
        ("function", "words"),
        [
            (wrong_order, ["wrong_order(trial, config)", "in this order", "needs trial, config"]),
            (only_config, ["only_config(config)", "(config, trial)"]),
            (takes_too_little, ["space has batch_size", "does not take"]),
            (needs_too_much, ["needs momentum", "space does not have"]),
            (trial_and_needed, ["data has no default"]),
            (positional_only, ["lr, batch_size cannot be given by name"]),
            (asynchronous, ["coroutine"]),
            (generator, ["generator"]),
        ],
    )
    def test_refuses_with_the_signature(self, function: Any, words: list[str]) -> None:
        with pytest.raises(ObjectiveError) as caught:
            bind(function, SPACE)
        assert all(word in str(caught.value) for word in [function.__name__, *words])

    @pytest.mark.parametrize("function", [with_any_keywords, with_keywords])
    @pytest.mark.parametrize("name", ["batch-size", "lambda"])
    def test_names_that_no_argument_has_need_a_config(self, function: Any, name: str) -> None:
        with pytest.raises(ObjectiveError, match=f"'{name}' cannot be the name of an argument"):
            bind(function, ["lr", name])
        assert bind(with_trial, ["lr", name]) == "trial"


class TestCall:
    def make_trial(self, folder: Path) -> Trial:
        return Trial(
            trial_id=0, config={"lr": 0.5, "batch_size": 2}, folder=folder, attempt=0, target=3
        )

    def test_in_trial_style(self, tmp_path: Path) -> None:
        def objective(config: dict[str, Any], trial: Trial) -> str:
            trial.report(epoch=1, validation_error=config["lr"])
            return "done"

        trial = self.make_trial(tmp_path)
        assert call(objective, trial) == "done"
        assert trial.history[0]["validation_error"] == 0.5

    def test_in_keyword_style_with_a_reporter(self, tmp_path: Path) -> None:
        def objective(lr: float, batch_size: int, max_epochs: int = 3) -> None:
            report = Reporter()
            for epoch in range(1, max_epochs + 1):
                report(epoch=epoch, validation_error=lr / batch_size / epoch)

        trial = self.make_trial(tmp_path)
        call(objective, trial)
        assert [report["epoch"] for report in trial.history] == [1, 2, 3]


def passed_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class TestDecorated:
    """What counts is what the function that is called takes."""

    def test_everything_is_passed_on(self, tmp_path: Path) -> None:
        seen: list[Any] = []
        call(
            passed_on(lambda config, trial: seen.append((config["lr"], trial))),
            trial := one(tmp_path),
        )
        call(passed_on(lambda lr, batch_size: seen.append((lr, batch_size))), trial)
        assert seen == [(0.1, trial), (0.1, 8)]

    def test_a_decorator_that_takes_names_only(self, tmp_path: Path) -> None:
        seen: list[float] = []

        def objective(config: dict[str, Any], trial: Trial) -> None:
            seen.append(config["lr"])

        @functools.wraps(objective)
        def wrapper(**kwargs: Any) -> None:
            objective(**kwargs)

        call(wrapper, one(tmp_path))
        assert seen == [0.1]

    def test_a_decorator_that_makes_another_call_of_it(self, tmp_path: Path) -> None:
        seen: list[float] = []

        def train(lr: float, momentum: float) -> None:
            seen.append(lr * momentum)

        @functools.wraps(train)
        def wrapper(config: dict[str, Any], trial: Trial) -> None:
            train(config["lr"], 0.5)

        assert bind(wrapper, ["lr", "batch_size"]) == "trial"
        call(wrapper, one(tmp_path))
        assert seen == [0.05]

    def test_one_that_hides_what_it_takes_is_refused(self) -> None:
        def hides(*args: Any, **kwargs: Any) -> None: ...

        with pytest.raises(ObjectiveError, match=r"functools\.wraps"):
            bind(hides, ["lr"])


def one(tmp_path: Path) -> Trial:
    config = {"lr": 0.1, "batch_size": 8}
    return Trial(trial_id=0, config=config, folder=tmp_path / "trial_0", attempt=0)


class TestCheckInASubprocess:
    def test_a_good_one_has_no_problems(self, write: Any, tmp_path: Path) -> None:
        write("def objective(lr, batch_size): ...")
        assert check_objective("users_train:objective", SPACE, [str(tmp_path)]) == []
        assert "users_train" not in sys.modules

    def test_the_signature_is_checked(self, write: Any) -> None:
        path = write("def objective(lr): ...")
        (problem,) = check_objective(f"{path}:objective", SPACE, [])
        assert "batch_size" in problem

    def test_noise_does_no_harm(self, write: Any) -> None:
        path = write(
            """
            import atexit, os, sys, threading, time
            print("noise " * 100_000)
            print("[]", file=sys.stderr)
            os.write(1, bytes(range(256)))
            atexit.register(print, "more noise")
            threading.Thread(target=time.sleep, args=(60,)).start()
            sys.stdout.close()
            def objective(config, trial): ...
            """
        )
        start = time.monotonic()
        assert check_objective(f"{path}:objective", SPACE, []) == []
        assert time.monotonic() - start < 30

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("import sys; sys.exit('stop')", ["SystemExit: stop"]),
            ("import os; print('bye', flush=True); os._exit(3)", ["exit code 3", "bye"]),
            ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", ["SIGSEGV"]),
            ("1 / 0", ["ZeroDivisionError", "users_train.py:1"]),
        ],
    )
    def test_what_ends_the_process_is_a_problem(
        self, write: Any, code: str, words: list[str]
    ) -> None:
        path = write(code)
        (problem,) = check_objective(f"{path}:objective", SPACE, [])
        assert all(word in problem for word in words)

    @pytest.mark.parametrize(
        ("reference", "fake", "lacks"),
        [
            ("{path}:objective", "sys.version_info = (3, 6)", "Python 3.10 or newer"),
            ("script:{path}", "sys.modules['psutil'] = None", "the package psutil"),
        ],
    )
    def test_a_python_without_what_hpo_needs_is_told_in_a_sentence(
        self, write: Any, tmp_path: Path, reference: str, fake: str, lacks: str
    ) -> None:
        path = write("def objective(config, trial): ...")
        write(f"import sys\n{fake}", "fake/sitecustomize.py")
        lines = [
            f"PATH={tmp_path}/env:$PATH; mkdir -p {tmp_path}/env",
            f"ln -sf {sys.executable} {tmp_path}/env/python",
            f"export PYTHONPATH={tmp_path}/fake",
        ]
        (problem,) = check_objective(reference.format(path=path), SPACE, [], env_setup=lines)
        assert f"{tmp_path}/env/python" in problem
        assert f"lacks what hpo needs there: {lacks}; install it in the environment" in problem

    def test_a_hanging_import_is_a_problem_and_leaves_nothing_behind(
        self, write: Any, tmp_path: Path
    ) -> None:
        path = write(
            """
            import pathlib, subprocess, sys, time
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            pathlib.Path(__file__).with_name("pid").write_text(str(child.pid))
            time.sleep(600)
            """
        )
        (problem,) = check_objective(f"{path}:objective", SPACE, [], timeout_s=5)
        assert "longer than 5 s" in problem
        pid = int((tmp_path / "pid").read_text())
        deadline = time.monotonic() + 10.0  # a killed process takes a moment to end
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_trials_side_imports_nothing_slow() -> None:
    code = (
        "import sys, hpo.trial.trial, hpo.checkpoint, hpo.trial.objective\n"
        "slow = {'numpy', 'scipy', 'pandas', 'torch', 'pydantic', 'submitit', 'rich'}\n"
        "sys.exit(str(slow & set(sys.modules)) if slow & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
