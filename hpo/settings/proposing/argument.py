"""One argument of a script or a function, as its text declares it; and how texts are read for them.

Pure: syntax trees in, values out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

UNKNOWN: Any = object()
"""A default that the text does not tell, as one that is computed."""
Kind: TypeAlias = Literal["float", "int", "bool", "text", "list", "unknown"]
TYPES: Mapping[str, Kind] = {"float": "float", "int": "int", "bool": "bool", "str": "text"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument.

    Attributes:
        name: as it is typed, without dashes in front.
        kind: what its values are.
        default: None where there is none, `UNKNOWN` where it is not known.
        choices: the values that it takes; empty: any.
        option: how it is typed, such as `-lr`, where that is not two dashes and its name; empty
            for one that has no option but a place.
        flag: how it takes a boolean: `--{name}`, `--{name}/--no-{name}`, or None: as a value.
        required: whether the script does not run without it.
        help: what its author says of it.
    """

    name: str
    kind: Kind = "unknown"
    default: Any = None
    choices: tuple[Any, ...] = ()
    option: str | None = None
    flag: str | None = None
    required: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class CommandStyle:
    """What was found of a command line, and what its style needs of the configuration.

    `words` stand in front of the hyperparameters, `settings` are lines of the section hpo.
    """

    style: str
    arguments: tuple[Argument, ...]
    words: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def constants(tree: ast.Module) -> dict[str, Any]:
    """The values of names that the module assigns once, at its top."""
    found: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = UNKNOWN if name in found else value_of(value, found)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = UNKNOWN if name in found else value_of(value, found)
    return found


def value_of(node: ast.expr | None, known: Mapping[str, Any]) -> Any:
    """The value that an expression is, where the text tells it; else `UNKNOWN`."""
    if node is None:
        return None
    match node:
        case ast.Name(id=name):
            return known.get(name, UNKNOWN)
        case ast.BinOp(left=left, op=ast.Pow() | ast.Mult() | ast.Div() as op, right=right):
            return _calculated(op, value_of(left, known), value_of(right, known))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _calculated(op: ast.operator, left: Any, right: Any) -> Any:
    """Of two numbers, small enough to be a setting."""
    for number in (left, right):
        if not isinstance(number, (int, float)) or isinstance(number, bool) or abs(number) > 1e6:
            return UNKNOWN
    try:
        if isinstance(op, ast.Pow):
            return left**right if abs(right) <= 64 else UNKNOWN
        return left * right if isinstance(op, ast.Mult) else left / right
    except (ArithmeticError, ValueError):
        return UNKNOWN


def kind_of(value: Any) -> Kind:
    """What a default tells of the values."""
    if isinstance(value, bool):
        return "bool"
    for kind, type_ in (("int", int), ("float", float), ("text", str)):
        if isinstance(value, type_):
            return kind  # type: ignore[return-value]
    return "list" if isinstance(value, (list, tuple)) else "unknown"


def kind_named(node: ast.expr | None) -> tuple[Kind, tuple[Any, ...]]:
    """What an annotation or a `type=` says: the kind, and the choices of a Literal."""
    match node:
        case ast.Constant(value=str() as text):  # an annotation in quotes
            try:
                return kind_named(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return "unknown", ()
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return TYPES.get(name, "unknown"), ()
        case ast.Subscript(value=outer, slice=inner):
            return _subscribed(last_name(outer), inner)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            kind, choices = kind_named(left)
            return (kind, choices) if kind != "unknown" else kind_named(right)
    return "unknown", ()


def _subscribed(outer: str, inner: ast.expr) -> tuple[Kind, tuple[Any, ...]]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Literal":
        values = tuple(part.value for part in parts if isinstance(part, ast.Constant))
        return (kind_of(values[0]) if values else "unknown"), values
    if outer in ("Optional", "Annotated", "Union"):
        return kind_named(parts[0])
    if outer.lower() in ("list", "tuple", "sequence"):
        return "list", ()
    return "unknown", ()


def last_name(node: ast.expr) -> str:
    """`b` of `a.b`, `a` of `a` and of `a(…)`; empty for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return last_name(func)
    return ""


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """The calls of what has one of these names, in the order of the text."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and last_name(node.func) in names
    ]
    return iter(sorted(found, key=lambda call: (call.lineno, call.col_offset)))


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """The keyword arguments of a call."""
    return {word.arg: word.value for word in call.keywords if word.arg is not None}


def imports(tree: ast.Module) -> set[str]:
    """The packages that a script imports, by their first name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def texts(nodes: Iterable[ast.expr | None]) -> list[str]:
    """Those that are plain text."""
    found = (node.value for node in nodes if isinstance(node, ast.Constant))
    return [value for value in found if isinstance(value, str)]
