"""Which code an objective is: its file and what that imports of the project, with a digest.

Owns the rule. The files are found from their import statements, also those inside functions, and
nothing is imported: so the manager and each job come to the same answer about the same files. What
is imported under a computed name is not seen. Imports from outside of the project do not count, nor
does what a configuration file says of the search. Standard library only.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import re
import shlex
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hpo.command_line import COMMAND
from hpo.trial.objective import SCRIPT

OURS = "hpo"  # an upgrade of this package is no change of the user's code
MOST_FILES = 500
SETTINGS = frozenset({"get_config_space", "get_slurm_config", "get_hpo_config"})
"""Functions of a configuration file that no trial runs: other limits are not other code."""

_MODULE_OPTION = "-m"
_SPACE_AT_END = re.compile(rb"[ \t\r]+$", re.MULTILINE)


class Code(NamedTuple):
    """The files of an objective: of each the folder it was found from, and a digest by name.

    Names are relative to those folders, so that a project is the same code wherever it lies.
    """

    digests: Mapping[str, str]
    folders: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """Of all files together."""
        lines = "".join(f"{name} {self.digests[name]}\n" for name in sorted(self.digests))
        return _digest(lines.encode())


def code_of(reference: str, pythonpath: Sequence[str] = ()) -> Code | None:
    """The code of the objective that `reference` names, as it lies on disk now.

    Args:
        reference: "module:name", "/file.py:name", "script:/file.py" or "command: words".
        pythonpath: the folders of the user's that jobs import from, first to last.

    Returns:
        None where there is no such file here, e.g. for a command that runs no Python.
    """
    finder = _Finder([Path(folder) for folder in pythonpath])
    digests: dict[str, str] = {}
    folders: dict[str, Path] = {}
    todo = finder.start(reference)
    while todo and len(digests) < MOST_FILES:
        folder, file = todo.pop()
        name = Path(os.path.relpath(file, folder)).as_posix()
        if name in digests:
            continue
        try:
            source = file.read_bytes()
        except OSError:
            continue
        tree = _parsed(source)
        digests[name] = _digest(_without_settings(source, tree))
        folders[name] = folder
        todo += [found for module in _imports(tree) for found in finder.find(module, folder, file)]
    return Code(digests, folders) if digests else None


class _Finder:
    """Finds modules in the project's folders, each of which is listed once."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self.packages: dict[str, Path] = {}  # of installed ones: their folder
        self._listed: dict[Path, frozenset[str]] = {}

    def start(self, reference: str) -> list[tuple[Path, Path]]:
        """The objective's own file and its packages', each with the folder it is found from."""
        if reference.startswith(COMMAND):
            words = shlex.split(reference.removeprefix(COMMAND))
            at = words.index(_MODULE_OPTION) + 1 if _MODULE_OPTION in words else len(words)
            module = words[at] if at < len(words) else ""
            return self._start_module(f"{module}.__main__") if module else []
        source = reference.removeprefix(SCRIPT)
        if source == reference:
            source = reference.rpartition(":")[0]
        if not source.endswith(".py"):
            return self._start_module(source)
        file = Path(source).resolve()
        self.folders.insert(0, file.parent)  # as Python does it
        return [(file.parent, file)]

    def _start_module(self, name: str) -> list[tuple[Path, Path]]:
        top = name.partition(".")[0]
        if not any(top in self._names(f) or f"{top}.py" in self._names(f) for f in self.folders):
            self._take_installed(top)
        found = list(self._find_absolute(name))
        return found[-1:] if top == OURS else found

    def _take_installed(self, top: str) -> None:
        """Where a package lies that is on Python's own path, as one that was installed to edit."""
        try:
            spec = importlib.machinery.PathFinder.find_spec(top)
        except (ImportError, ValueError):
            return
        if spec is None or spec.origin is None:
            return
        file = Path(spec.origin)
        self.packages[top] = file.parents[1] if file.name == "__init__.py" else file.parent

    def find(
        self, module: tuple[str, int], folder: Path, file: Path
    ) -> Iterator[tuple[Path, Path]]:
        """The files of a module and of the packages it is in; nothing for one of others."""
        name, level = module
        if level == 0:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != OURS:
                yield from self._find_absolute(name)
            return
        base = file.parent
        for _ in range(level - 1):
            base = base.parent
        if base.is_relative_to(folder):
            yield from ((folder, found) for found in self._walk(base, name))

    def _find_absolute(self, name: str) -> Iterator[tuple[Path, Path]]:
        own = self.packages.get(name.partition(".")[0])
        for folder in [own] if own is not None else self.folders:
            if found := list(self._walk(folder, name)):
                yield from ((folder, file) for file in found)
                return

    def _walk(self, base: Path, name: str) -> Iterator[Path]:
        if not name:  # `from . import …`
            yield base / "__init__.py"
            return
        for part in name.split("."):
            here = self._names(base)
            init = base / part / "__init__.py"
            is_package = part in here and os.path.exists(init)
            if is_package:
                yield init
            elif f"{part}.py" in here:
                yield base / f"{part}.py"
                return
            elif part not in here:
                return
            base = base / part

    def _names(self, folder: Path) -> frozenset[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return self._listed[folder]


def _parsed(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])  # its import says what is wrong


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The modules that may be meant, with the dots before their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = f"{node.module}." if node.module else ""
            yield node.module or "", node.level
            yield from ((f"{start}{alias.name}", node.level) for alias in node.names)


def _without_settings(source: bytes, tree: ast.Module) -> bytes:
    """The text less the functions that only say how to search, and less blanks at line ends."""
    lines = source.splitlines(keepends=True)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in SETTINGS:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            for number in range(first - 1, node.end_lineno or first):
                lines[number] = b""
    return _SPACE_AT_END.sub(b"", b"".join(lines).strip())


def _digest(data: bytes) -> str:
    # Against edits, not against enemies: hashlib would cost each job 4 ms.
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"
