"""Functions and classes of the user's, found by a text such as "package.module:function".

Runs the user's module, so anything may be raised by it; it becomes an `ObjectiveError`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.errors import ObjectiveError


def load_callable(reference: str, *, what: str, does: str) -> Callable[..., Any]:
    """Import the module or file of `reference` and return its function or class.

    Args:
        reference: "package.module:name" or "/path/file.py:name".
        what: What it is the reference of, for messages: "objective".
        does: What a right one does, for messages: "that trains one configuration".

    Raises:
        ObjectiveError: no such module or function, its import fails, or it is not callable.
    """
    source, colon, name = reference.rpartition(":")
    if not colon or not source or not name:
        raise ObjectiveError(
            f"the {what} {reference!r} is no reference; write 'package.module:function' or"
            " '/path/to/file.py:function'"
        )
    module = (
        _load_file(Path(source), what) if source.endswith(".py") else _load_module(source, what)
    )
    function = module
    for part in name.split("."):
        if not hasattr(function, part):
            raise ObjectiveError(_no_function(f"the {what} {reference!r}", module, part))
        function = getattr(function, part)
    if not callable(function):
        raise ObjectiveError(
            f"the {what} {reference!r} is a {type(function).__name__} and cannot be called; name"
            f" the function {does}"
        )
    return function


def arguments_of(reference: str) -> list[str]:
    """What `sys.argv` is where the file of `reference` is run by itself, without arguments.

    Imports nothing: packages above a module are looked into by their folders.
    """
    source = reference.rpartition(":")[0]
    if source.endswith(".py"):
        return [source]
    path: Sequence[str] | None = None
    file = None
    for part in source.split("."):
        spec = importlib.machinery.PathFinder.find_spec(part, path)
        if spec is None:
            return [source]
        path, file = spec.submodule_search_locations, spec.origin
    return [file or source]


def _load_module(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as err:
        # A module that the user's module misses is another fault than a wrong reference.
        if err.name is None or not f"{name}.".startswith(f"{err.name}."):
            raise ObjectiveError(_import_failed(name, what, err)) from err
        raise ObjectiveError(_no_module(name, err.name, what)) from err
    except (Exception, SystemExit) as err:
        raise ObjectiveError(_import_failed(name, what, err)) from err


def _load_file(path: Path, what: str) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise ObjectiveError(f"the {what}'s file {path} does not exist on this machine")
    # As `python file.py` does it: its neighbours are imported before anything else.
    if str(path.parent) in sys.path:
        sys.path.remove(str(path.parent))
    sys.path.insert(0, str(path.parent))
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    # Under its own name where that is free, so that what it defines can be pickled for subprocesses
    # of a data loader.
    name = path.stem if loaded is None else f"{what}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # because the name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as err:
        del sys.modules[name]
        raise ObjectiveError(_import_failed(str(path), what, err)) from err
    return module


def _no_module(name: str, missing: str, what: str) -> str:
    inside = Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()
    searched = []
    for entry in sys.path:
        folder = Path(entry or ".").resolve()
        if not any(folder.is_relative_to(prefix) for prefix in inside):
            searched.append(str(folder))
    places = ", ".join(dict.fromkeys(searched)) or "no folder of yours"
    part = f"module {missing!r}" if missing == name else f"module {missing!r} of {name!r}"
    return (
        f"the {what}'s {part} was not found; searched {places}, and the packages of"
        f" {sys.executable}. Start from the folder that holds it, or name that folder in"
        " 'pythonpath'"
    )


def _no_function(subject: str, module: ModuleType, name: str) -> str:
    names = [key for key, value in vars(module).items() if callable(value) and key[:1] != "_"]
    import difflib  # here, because only errors need it

    near = difflib.get_close_matches(name, names, n=3)
    own = [key for key in names if getattr(vars(module)[key], "__module__", "") == module.__name__]
    hint = f"is {' or '.join(near)} meant?" if near else f"it has {', '.join(own) or 'none'}"
    file = getattr(module, "__file__", module.__name__)
    return f"{subject}: no function {name!r} in {file}; {hint}"


def _import_failed(name: str, what: str, err: BaseException) -> str:
    place = _place_in_user_code(err)
    left = " (a script that runs when imported? guard it with if __name__ == '__main__')"
    return (
        f"importing the {what}'s module {name} failed: {type(err).__name__}: {err}"
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
