"""The user's objective: found by its reference, checked against the space, called in its style.

Owns what "script:/path/file.py" and "command: …" mean beside the references of `references` (a
script to be run) and which signatures are accepted. Imports user code only in `load_objective`,
which runs in a job, or in the subprocess of `check_objective`: the manager must not carry torch,
nor die of a user's `sys.exit`.
"""

from __future__ import annotations

import inspect
import keyword
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from hpo.command_line import COMMAND, PLAIN, CommandLine
from hpo.errors import ObjectiveError
from hpo.trial.printed import printing_to
from hpo.trial.references import load_callable
from hpo.trial.reporter import reporting_to
from hpo.trial.trial import Trial

Style = Literal["trial", "keywords"]

SCRIPT = "script:"


def load_objective(
    reference: str,
    metric_pattern: str | None = None,
    command_line: Mapping[str, Any] | None = None,
    max_resource_attr: str = "max_epochs",
) -> Callable[..., Any]:
    """Import the module or file of `reference` and return its function.

    Args:
        reference: the objective; of a script, which is not imported, what runs it is returned.
        metric_pattern: finds the reports in what a script prints.
        command_line: how a script is run, as JSON; None: by its name, with `--name value`.
        max_resource_attr: the hyperparameter that tells a script how many epochs it trains.

    Raises:
        ObjectiveError: no such module or function, its import fails, or it is not callable.
    """
    # No functions of modules with these names, of which the one has no folder, the other no space.
    if reference.startswith((f"{SCRIPT}{os.sep}", COMMAND)):
        from hpo.trial.script.objective import load_script  # here, because few jobs need it

        is_script = reference.startswith(SCRIPT)
        path = Path(reference.removeprefix(SCRIPT)) if is_script else None
        line = PLAIN if command_line is None else CommandLine.from_json(command_line)
        return load_script(path, metric_pattern, line, max_resource_attr)
    return load_callable(reference, what="objective", does="that trains one configuration")


def bind(function: Callable[..., Any], space_names: Collection[str]) -> Style:
    """Return how `function` wants to be called: with `(config, trial)` or with keywords.

    Args:
        function: the objective.
        space_names: the hyperparameters and constants of the space.

    Raises:
        ObjectiveError: neither is possible; showing the signature and what is wrong with it.
    """
    try:
        signature = _signature(function)
    except (ValueError, TypeError) as err:
        raise ObjectiveError(f"the objective {function!r} does not show its parameters") from err
    where = f"the objective {_name(function)}{signature}"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise ObjectiveError(f"{where} is a coroutine or generator; it must train when called")
    parameters = list(signature.parameters.values())
    if {p.kind for p in parameters} == set(_VARIADIC):
        raise ObjectiveError(
            f"{where} does not say what it takes; decorate the function that it passes its"
            " arguments to with functools.wraps, or write (config, trial)"
        )
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
    # A script's lines pass through here as well, and are read where its process is.
    reads_itself = getattr(function, "reads_what_is_printed", False)
    with reporting_to(trial), nullcontext() if reads_itself else printing_to(trial):
        if style == "keywords":
            return function(**trial.config)
        if _takes_by_position(function):
            return function(trial.config, trial)
        return function(config=trial.config, trial=trial)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """What is to be passed to it; a decorator that passes everything on takes what it decorates."""
    own = inspect.signature(function, follow_wrapped=False)
    if all(p.kind in _VARIADIC for p in own.parameters.values()):
        return inspect.signature(function)
    return own


def _takes_by_position(function: Callable[..., Any]) -> bool:
    """Whether it takes two arguments without names; a decorator may take named ones only."""
    kinds = [p.kind for p in inspect.signature(function, follow_wrapped=False).parameters.values()]
    places = sum(kind in _BY_POSITION for kind in kinds)
    return places >= 2 or inspect.Parameter.VAR_POSITIONAL in kinds


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty and parameter.kind not in _VARIADIC


def _keyword_problems(
    parameters: list[inspect.Parameter], space_names: Collection[str]
) -> list[str]:
    problems = []
    if odd := [name for name in space_names if not _can_be_argument(name)]:
        problems.append(
            f"{', '.join(map(repr, odd))} cannot be the name of an argument: take (config, trial),"
            " or give it another name"
        )
        space_names = [name for name in space_names if name not in odd]
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


def _can_be_argument(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
