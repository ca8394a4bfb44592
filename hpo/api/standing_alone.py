"""The source of a function from a notebook with what it needs, as a module that stands alone.

What a name stands for is looked up in the notebook as it is now: imports, builtins, plain
constants, and functions and classes that stand alone themselves. Anything else, such as data that
was loaded there, is refused with the line that helps. Nothing is run.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

LAZY_ANNOTATIONS = __future__.annotations.compiler_flag
MOST_CONSTANT = 10_000  # characters; more is data
PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set, frozenset)


def source_alone(given: Any, what: str) -> tuple[str, list[str]]:
    """The text of a module that defines `given`, or all that speaks against it.

    Args:
        given: a function or class that was typed into a notebook.
        what: what it is for, for messages: "objective".
    """
    name = given.__name__
    needs = _Needs(what, vars(sys.modules[given.__module__]), _typed_imports(given))
    needs.define(name, given)
    if needs.problems:
        return "", [*dict.fromkeys(needs.problems)]
    head = f'"""`{name}` of a notebook, written by hpo.Campaign with what it needs."""\n\n'
    future = "from __future__ import annotations\n\n" if needs.lazy_annotations else ""
    lines = ("\n".join(sorted(needs.imports)), "\n".join(needs.constants))
    first = "\n\n".join(part for part in lines if part)
    parts = [part for part in (first, *needs.definitions) if part]
    return head + future + "\n\n\n".join(parts) + "\n", []


@dataclass(slots=True)
class _Needs:
    """What has been found to be needed so far, each definition behind what it needs itself."""

    what: str
    names: Mapping[str, Any]
    typed_imports: Mapping[str, str]
    imports: set[str] = field(default_factory=set)
    constants: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lazy_annotations: bool = False
    seen: set[str] = field(default_factory=set)

    def define(self, name: str, given: Any) -> None:
        """A function or class with all that it needs."""
        self.seen.add(name)
        inner = inspect.unwrap(given)
        if getattr(inner, "__closure__", None) and inspect.isfunction(inner):
            free = ", ".join(inner.__code__.co_freevars)
            self.problems.append(f"{self.what}: {name} holds on to {free} of an outer function")
            return
        tree = _definition(name, inner)
        if tree is None:
            self.problems.append(
                f"{self.what}: the source of {name} is not known here; write it into a file and "
                f"name it: 'train.py:{name}'"
            )
            return
        code = getattr(inner, "__code__", None)
        self.lazy_annotations |= bool(code and code.co_flags & LAZY_ANNOTATIONS)
        for needed in sorted(_global_names(tree.source)):
            if needed not in self.seen:
                self.need(needed, name, tree.node)
        self.definitions.append(tree.source)

    def need(self, name: str, by: str, node: ast.AST) -> None:
        """What `name` stands for where `by` uses it."""
        if name not in self.names:
            if not _is_builtin(name):
                self.seen.add(name)
                self._refuse(name, by, "which is not defined here: define or import it first")
            return
        value = self.names[name]
        if name in self.typed_imports:
            self.imports.add(self.typed_imports[name])
        if isinstance(value, ModuleType):
            self._import_module(name, value, node)
            return  # not seen: another definition may use other modules below it
        self.seen.add(name)
        if name in self.typed_imports:
            return
        if _is_importable(value):
            as_name = "" if value.__name__ == name else f" as {name}"
            self.imports.add(f"from {value.__module__} import {value.__name__}{as_name}")
        elif inspect.isfunction(value) or inspect.isclass(value) or hasattr(value, "__wrapped__"):
            self.define(name, value)
        else:
            self._constant(name, value, by)

    def _import_module(self, name: str, module: ModuleType, node: ast.AST) -> None:
        known = module.__name__
        if known not in sys.modules or getattr(module, "__spec__", None) is None:
            self._refuse(name, name, f"a module {known} that jobs cannot import")
            return
        if name not in self.typed_imports:
            self.imports.add(f"import {known}" if known == name else f"import {known} as {name}")
        for below in _modules_below(node, name, known):
            self.imports.add(f"import {below}")

    def _constant(self, name: str, value: Any, by: str) -> None:
        text = _literal(value)
        if text is None:
            kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
            why = (
                f"a {kind} of this notebook, which jobs do not have: make it inside {by}(), or "
                f"write {by} into a file and name it, 'train.py:{by}'"
            )
            self._refuse(name, by, why)
        else:
            self.constants.append(f"{name} = {text}")

    def _refuse(self, name: str, by: str, why: str) -> None:
        self.problems.append(f"{self.what}: {by} uses {name}, {why}")


@dataclass(frozen=True, slots=True)
class _Definition:
    node: ast.AST
    source: str


def _definition(name: str, given: Any) -> _Definition | None:
    """The statement that defined it, from the cell that it was typed into."""
    lines = _lines_of(given)
    try:
        body = ast.parse("".join(lines)).body
    except SyntaxError:
        return None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in body if isinstance(node, kinds) and node.name == name]
    if not found:
        return None
    node = found[-1]
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return _Definition(node, "".join(lines[first - 1 : node.end_lineno]).rstrip())


def _lines_of(given: Any) -> list[str]:
    code = _code_of(given)
    return [] if code is None else linecache.getlines(code.co_filename)


def _code_of(given: Any) -> CodeType | None:
    """The code of a function, or of a class's first own method."""
    if inspect.isfunction(given):
        return given.__code__
    if not inspect.isclass(given):
        return None
    own = (inspect.unwrap(_function_of(member)) for member in vars(given).values())
    return next((found.__code__ for found in own if inspect.isfunction(found)), None)


def _function_of(member: Any) -> Any:
    if isinstance(member, (classmethod, staticmethod)):
        return member.__func__
    return member.fget if isinstance(member, property) else member


def _global_names(text: str) -> set[str]:
    """The names that a definition looks up outside itself."""
    table = symtable.symtable(text, "definition", "exec")
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    own |= {child.get_name() for child in table.get_children()}
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for inner in _below(table):
        found |= {
            symbol.get_name()
            for symbol in inner.get_symbols()
            if symbol.is_global() and symbol.is_referenced()
        }
    return found - own


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)


def _is_builtin(name: str) -> bool:
    """Whether all of Python has it; IPython adds names of its own."""
    value = getattr(builtins, name, None)
    of_ipython = str(getattr(value, "__module__", "")).startswith("IPython")
    return hasattr(builtins, name) and not of_ipython and name != "__IPYTHON__"


def _is_importable(value: Any) -> bool:
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return False
    name = getattr(value, "__qualname__", "")
    return name.isidentifier() and getattr(module, name, None) is value


def _modules_below(node: ast.AST, name: str, known: str) -> set[str]:
    """The modules below one that are used by dots: `xml.etree.ElementTree` of `xml`."""
    found = set()
    for part in ast.walk(node):
        path: list[str] = []
        while isinstance(part, ast.Attribute):
            path.insert(0, part.attr)
            part = part.value
        if isinstance(part, ast.Name) and part.id == name and known == name:
            dotted = [".".join([known, *path[: n + 1]]) for n in range(len(path))]
            found |= {one for one in dotted if one in sys.modules}
    return found


def _literal(value: Any) -> str | None:
    """The text of a plain constant; None: it is none, or too long to be one."""
    if not isinstance(value, PLAIN):
        return None
    text = repr(value)
    try:
        same = len(text) <= MOST_CONSTANT and ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        return None
    return text if same else None


def _typed_imports(given: Any) -> dict[str, str]:
    """The statements with which the notebook's cells import names, where they still mean them."""
    code = _code_of(inspect.unwrap(given))
    if code is None:
        return {}
    folder = code.co_filename.rpartition("/")[0]
    found: dict[str, str] = {}
    names = vars(sys.modules[given.__module__])
    for filename in list(linecache.cache):
        same_place = filename.rpartition("/")[0] == folder and "ipykernel" in filename
        if not (same_place or filename == code.co_filename or filename.startswith("<ipython")):
            continue
        try:
            body = ast.parse("".join(linecache.getlines(filename))).body
        except SyntaxError:
            continue
        for statement in body:
            if isinstance(statement, ast.ImportFrom) and not statement.level:
                found |= dict(_from_imports(statement, names))
    return found


def _from_imports(statement: ast.ImportFrom, names: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for alias in statement.names:
        name = alias.asname or alias.name
        if name not in names or alias.name == "*":
            continue
        module = sys.modules.get(statement.module or "")
        if module is not None and getattr(module, alias.name, None) is names[name]:
            as_name = f" as {alias.asname}" if alias.asname else ""
            yield name, f"from {statement.module} import {alias.name}{as_name}"
