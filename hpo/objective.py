"""The user's objective: found by its reference, checked against the space, called in its style.

Owns what a reference means ("package.module:function", "/path/file.py:function", or
"script:/path/file.py" for a script to be run) and which signatures are accepted. Imports user code
only in `load_objective`, which runs in a job, or in the subprocess of `check_objective`: the
manager must not carry torch, nor die of a user's `sys.exit`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from hpo.errors import ObjectiveError
from hpo.trial import Trial

Style = Literal["trial", "keywords"]

SCRIPT = "script:"


def load_objective(reference: str, metric_pattern: str | None = None) -> Callable[..., Any]:
    """Import the module or file of `reference` and return its function.

    Args:
        reference: the objective; of a script, which is not imported, what runs it is returned.
        metric_pattern: finds the reports in what a script prints.

    Raises:
        ObjectiveError: no such module or function, its import fails, or it is not callable.
    """
    if reference.startswith(f"{SCRIPT}{os.sep}"):  # and no function of a module named script
        from hpo.training_script.objective import load_script  # here, because few jobs need it

        return load_script(Path(reference.removeprefix(SCRIPT)), metric_pattern)
    source, colon, name = reference.rpartition(":")
    if not colon or not source or not name:
        raise ObjectiveError(
            f"the objective {reference!r} is no reference; write 'package.module:function' or"
            " '/path/to/file.py:function'"
        )
    module = _load_file(Path(source)) if source.endswith(".py") else _load_module(source)
    function = module
    for part in name.split("."):
        if not hasattr(function, part):
            raise ObjectiveError(_no_function(reference, module, part))
        function = getattr(function, part)
    if not callable(function):
        raise ObjectiveError(
            f"the objective {reference!r} is a {type(function).__name__} and cannot be called; name"
            " the function that trains one configuration"
        )
    return function


def bind(function: Callable[..., Any], space_names: Collection[str]) -> Style:
    """Return how `function` wants to be called: with `(config, trial)` or with keywords.

    Args:
        function: the objective.
        space_names: the hyperparameters and constants of the space.

    Raises:
        ObjectiveError: neither is possible; showing the signature and what is wrong with it.
    """
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError) as err:
        raise ObjectiveError(f"the objective {function!r} does not show its parameters") from err
    where = f"the objective {_name(function)}{signature}"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise ObjectiveError(f"{where} is a coroutine or generator; it must train when called")
    parameters = list(signature.parameters.values())
    if [p.name for p in parameters[:2] if p.kind in _BY_POSITION] == ["config", "trial"]:
        problems = [
            f"{p.name} has no default, and nothing is passed for it"
            for p in parameters[2:]
            if _is_required(p)
        ]
        style: Style = "trial"
    else:
        problems = _keyword_problems(parameters, space_names)
        style = "keywords"
    if problems:
        raise ObjectiveError(
            f"{where} cannot be called: {'; '.join(problems)}. Accepted are (config, trial), in"
            " this order, or every hyperparameter of the space by its name"
        )
    return style


def call(function: Callable[..., Any], trial: Trial) -> Any:
    """Run the objective on a trial, which a `Reporter` inside it reports to; return its value."""
    style = bind(function, trial.config)
    with trial.running():
        return function(trial.config, trial) if style == "trial" else function(**trial.config)


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty and parameter.kind not in _VARIADIC


def _keyword_problems(
    parameters: list[inspect.Parameter], space_names: Collection[str]
) -> list[str]:
    problems = []
    accepted = {p.name for p in parameters if p.kind in _BY_NAME}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    if not takes_any and (unknown := [name for name in space_names if name not in accepted]):
        problems.append(f"the space has {', '.join(unknown)}, which it does not take")
    needed = [p.name for p in parameters if _is_required(p) and p.kind in _BY_NAME]
    if missing := [name for name in needed if name not in space_names]:
        problems.append(f"it needs {', '.join(missing)}, which the space does not have")
    if positional := [
        p.name for p in parameters if _is_required(p) and p.kind is p.POSITIONAL_ONLY
    ]:
        problems.append(f"{', '.join(positional)} cannot be given by name")
    return problems


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as err:
        # A module that the user's module misses is another fault than a wrong reference.
        if err.name is None or not f"{name}.".startswith(f"{err.name}."):
            raise ObjectiveError(_import_failed(name, err)) from err
        raise ObjectiveError(_no_module(name, err.name)) from err
    except (Exception, SystemExit) as err:
        raise ObjectiveError(_import_failed(name, err)) from err


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise ObjectiveError(f"the objective's file {path} does not exist on this machine")
    # As `python file.py` does it: its neighbours can be imported.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    # Under its own name where that is free, so that what it defines can be pickled for subprocesses
    # of a data loader.
    name = path.stem if loaded is None else f"objective_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # because the name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as err:
        del sys.modules[name]
        raise ObjectiveError(_import_failed(str(path), err)) from err
    return module


def _no_module(name: str, missing: str) -> str:
    inside = Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()
    searched = []
    for entry in sys.path:
        folder = Path(entry or ".").resolve()
        if not any(folder.is_relative_to(prefix) for prefix in inside):
            searched.append(str(folder))
    places = ", ".join(dict.fromkeys(searched)) or "no folder of yours"
    what = f"module {missing!r}" if missing == name else f"module {missing!r} of {name!r}"
    return (
        f"the objective's {what} was not found; searched {places}, and the packages of"
        f" {sys.executable}. Start from the folder that holds it, or name that folder in"
        " 'pythonpath'"
    )


def _no_function(reference: str, module: ModuleType, name: str) -> str:
    names = [key for key, value in vars(module).items() if callable(value) and key[:1] != "_"]
    near = difflib.get_close_matches(name, names, n=3)
    own = [key for key in names if getattr(vars(module)[key], "__module__", "") == module.__name__]
    hint = f"is {' or '.join(near)} meant?" if near else f"it has {', '.join(own) or 'none'}"
    file = getattr(module, "__file__", module.__name__)
    return f"the objective {reference!r}: no function {name!r} in {file}; {hint}"


def _import_failed(name: str, err: BaseException) -> str:
    place = _place_in_user_code(err)
    left = " (a script that runs when imported? guard it with if __name__ == '__main__')"
    return (
        f"importing the objective's module {name} failed: {type(err).__name__}: {err}"
        + (f", at {place}" if place else "")
        + (left if isinstance(err, SystemExit) else "")
    )


def _place_in_user_code(err: BaseException) -> str | None:
    """Return file:line of the last frame that is the user's own, not a library's."""
    if isinstance(err, SyntaxError) and err.filename:
        return f"{err.filename}:{err.lineno}"
    library = f"{Path(os.__file__).parent}{os.sep}"
    frames = [
        frame
        for frame in traceback.extract_tb(err.__traceback__)
        if not frame.filename.startswith((__file__, library, "<"))
        and "-packages" not in frame.filename
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
