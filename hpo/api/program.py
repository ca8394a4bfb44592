"""The program that builds a campaign: what it is, and what processes of it must not do."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from hpo.errors import SettingsError


def is_terminal() -> bool:
    """Whether what a child prints is seen, as in a terminal; in a notebook it is not."""
    return sys.stdout is sys.__stdout__ and os.isatty(1)


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the program from processes that are started meanwhile: they would run it once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def require_no_import(named: set[str]) -> None:
    """Stop where a job that imports the user's code would start a campaign by that.

    Args:
        named: the modules and files that jobs import.

    Raises:
        SettingsError: one of them is being imported now, and not run.
    """
    frame = inspect.currentframe()
    while frame is not None:
        name, file = (str(frame.f_globals.get(key)) for key in ("__name__", "__file__"))
        if frame.f_code.co_name == "<module>" and name != "__main__" and named & {name, file}:
            problem = (
                f"the campaign is started while {name} is imported, as each of its jobs does: "
                'write the lines that start it below `if __name__ == "__main__":`'
            )
            raise SettingsError([problem], where="hpo.Campaign")
        frame = frame.f_back
