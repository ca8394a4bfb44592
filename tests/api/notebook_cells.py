"""Cells as a notebook runs them: typed into `__main__`, with their text where IPython keeps it."""

from __future__ import annotations

import linecache
import sys
from types import ModuleType
from typing import Any

import pytest


class Notebook:
    """A program without a file, to which cells are added."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.module = ModuleType("__main__")
        patch.setitem(sys.modules, "__main__", self.module)
        self._count = 0

    def cell(self, text: str) -> None:
        self._count += 1
        name = f"/tmp/ipykernel_{id(self)}/{self._count}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), vars(self.module))

    def __getitem__(self, name: str) -> Any:
        return vars(self.module)[name]
