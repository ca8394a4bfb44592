"""How jobs find a function or class of the user's: by its module, by its file, or written out.

Nothing is pickled: what jobs run is text that can be read, and named in campaign.json.
"""

from __future__ import annotations

import inspect
import sys
import sysconfig
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.api.standing_alone import source_alone

_INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)


@dataclass(frozen=True, slots=True)
class NamedCode:
    """Where it is: `reference` as in a configuration, or, without one, its `source` to be written.

    `module` is where it was defined, as the program that runs knows it.
    `folder` is one that jobs must import from besides; None: they find it.
    """

    name: str
    module: str
    reference: str | None
    source: str | None = None
    folder: Path | None = None


def name_code(given: Any, what: str) -> tuple[NamedCode | None, list[str]]:
    """Where jobs find what was given, or why they cannot.

    Args:
        given: a function or class.
        what: what it is for, for messages: "objective".
    """
    if not (inspect.isfunction(given) or inspect.isclass(given)):
        kind = type(given).__name__
        return None, [
            f"{what}: {kind} has no name that jobs find it by; give a function, or "
            "'package.module:function' or 'file.py:function' as text"
        ]
    qualified = given.__qualname__
    if "<lambda>" in qualified:
        return None, [f"{what}: a lambda has no name; write `def {what}(config, trial):`"]
    if "<locals>" in qualified:
        outer = qualified.partition(".<locals>")[0]
        return None, [
            f"{what}: {given.__name__} is defined inside {outer}(), where jobs cannot find it; "
            f"define it outside, and give it what it needs as hyperparameters (a constant in the "
            "space) or as constants beside it"
        ]
    module = sys.modules.get(given.__module__)
    if given.__module__ != "__main__" and module is not None:
        return _of_module(given, module, what)
    file = getattr(module, "__file__", None)
    spec = getattr(module, "__spec__", None)
    known = partial(NamedCode, given.__name__, given.__module__)
    if spec is not None and spec.name != "__main__" and file:
        return known(f"{spec.name}:{qualified}", folder=_root(spec.name, file)), []
    if file is not None and _is_from(given, file):
        return known(f"{Path(file).resolve()}:{qualified}"), []
    source, problems = source_alone(given, what)
    if problems:
        return None, problems
    return known(None, source), []


def _of_module(given: Any, module: ModuleType, what: str) -> tuple[NamedCode | None, list[str]]:
    found: Any = module
    for part in given.__qualname__.split("."):
        found = getattr(found, part, None)
    name = f"{given.__module__}:{given.__qualname__}"
    if found is not given:
        return None, [f"{what}: {name} is another function by now; reload the module that has it"]
    file = getattr(module, "__file__", None)
    folder = None if file is None else _root(module.__name__, file)
    return NamedCode(given.__name__, given.__module__, name, folder=folder), []


def _root(module: str, file: str) -> Path | None:
    """The folder from which the module is imported, where it is no installed one."""
    path = Path(file).resolve()
    depth = module.count(".") + (path.name == "__init__.py")
    root = path.parents[depth]
    if any(root.is_relative_to(folder) for folder in _INSTALLED):
        return None
    return root


def _is_from(given: Any, file: str) -> bool:
    """Whether it was defined in that file, and not typed in beside it."""
    try:
        found = inspect.getsourcefile(given)
    except TypeError:  # of a class that was typed in
        return False
    return found is not None and Path(found).resolve() == Path(file).resolve()
