"""Configurations in Python: a file with three functions, imported by its path.

Whatever the user's code raises becomes one problem that names the user's own line.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.settings.reading.finding import MOST_CODE_BYTES, read_file
from hpo.settings.reading.raw import RawConfig

FUNCTIONS = {"space": "get_config_space", "slurm": "get_slurm_config", "hpo": "get_hpo_config"}


def load_python(path: Path, cwd: Path) -> RawConfig:
    """Import the configuration at `path` and call its functions; see `problems`."""
    config = RawConfig(
        sections={}, labels={section: f"{name}()" for section, name in FUNCTIONS.items()}
    )
    name = f"_hpo_config_{hashlib.sha256(bytes(path)).hexdigest()[:12]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # because dataclasses and pickle look their module up there
    with _as_program(path, path.parent, cwd):
        problem = _run_module(module, path)
        if problem is not None:
            config.problems.append(f"importing {path.name} raised {problem}")
            return config
        for section, function_name in FUNCTIONS.items():
            value, problem = _call(getattr(module, function_name, None), function_name, path)
            if problem is not None:
                config.problems.append(problem)
            else:
                config.sections[section] = value
    if callable(getattr(module, "objective", None)):
        return replace(config, objective=f"{path}:objective")
    return config


def _run_module(module: ModuleType, path: Path) -> str | None:
    # Compiled here and not imported: an import may run a stale .pyc of a file edited just now.
    try:
        source = read_file(path, MOST_CODE_BYTES)
        code = compile(source, str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - because it is the user's code
        return _in_one_line(error, path)
    return None


def _call(
    function: Callable[[], Any] | None, name: str, path: Path
) -> tuple[dict[Any, Any], str | None]:
    if not callable(function):
        return {}, f"{path.name} has no function {name}()"
    try:
        value = function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - because it is the user's code
        return {}, f"{name}() raised {_in_one_line(error, path)}"
    if not isinstance(value, dict):
        return {}, f"{name}() must return a dict, not {type(value).__name__}"
    return dict(value), None


def _in_one_line(error: BaseException, path: Path) -> str:
    """Type, message and place of an exception: the last line that belongs to the user's file."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(path)]
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else str(path)
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message} ({place})"


@contextmanager
def _as_program(path: Path, *folders: Path) -> Iterator[None]:
    """Let the user's file import from `folders`, and see the arguments that it has alone."""
    before, arguments = list(sys.path), sys.argv
    sys.path[:0] = [str(folder) for folder in folders]
    sys.argv = [str(path)]  # the command's words are not for the file
    try:
        yield
    finally:
        sys.path[:], sys.argv = before, arguments
