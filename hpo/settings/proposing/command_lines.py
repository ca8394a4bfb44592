"""The arguments of scripts that use argparse, absl, click or typer, read from their text. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hpo.settings.proposing.argument import (
    UNKNOWN,
    Argument,
    CommandStyle,
    Kind,
    calls,
    constants,
    keywords,
    kind_named,
    kind_of,
    last_name,
    texts,
    value_of,
)

ONE_FLAG, TWO_FLAGS = "--{name}", "--{name}/--no-{name}"
_ABSL: Mapping[str, Kind] = {
    "DEFINE_float": "float",
    "DEFINE_integer": "int",
    "DEFINE_string": "text",
    "DEFINE_bool": "bool",
    "DEFINE_boolean": "bool",
    "DEFINE_enum": "text",
}
_CLICK_TYPES: Mapping[str, Kind] = {
    "FLOAT": "float",
    "FloatRange": "float",
    "INT": "int",
    "IntRange": "int",
    "BOOL": "bool",
    "STRING": "text",
    "Path": "text",
    "File": "text",
}


def read_argparse(tree: ast.Module) -> CommandStyle | None:
    """`parser.add_argument(…)`, also those of groups."""
    known = constants(tree)
    defaults = {
        name: value_of(value, known)
        for call in calls(tree, "set_defaults")
        for name, value in keywords(call).items()
    }
    found = []
    for call in calls(tree, "add_argument"):
        argument = _argparse(call, known)
        if argument is None:
            continue
        if (name := argument.name.replace("-", "_")) in defaults:
            argument = replace(argument, default=defaults[name], required=False)
        found.append(argument)
    return CommandStyle("argparse", tuple(found)) if found else None


def _argparse(call: ast.Call, known: Mapping[str, Any]) -> Argument | None:
    names = texts(call.args)
    if not names:
        return None
    told = keywords(call)
    default = value_of(told.get("default"), known)
    choices = value_of(told.get("choices"), known)
    kind, _ = kind_named(told.get("type"))
    action = _action(told.get("action"))
    flag = None
    if action in ("version", "help", "append", "count", "append_const", "store_const"):
        return None
    if action == "store_false":
        return replace(_named(names), kind="text", help=_help(told, known))
    if action == "store_true":
        kind, default, flag = "bool", False if default is None else default, ONE_FLAG
    elif action == "BooleanOptionalAction":
        kind, flag = "bool", TWO_FLAGS
    elif "nargs" in told and value_of(told["nargs"], known) != "?":
        kind = "list"
    elif kind == "unknown":
        kind = _by_type_name(told.get("type"), default)
    named = _named(names)
    return replace(
        named,
        kind=kind,
        default=default,
        choices=tuple(choices) if isinstance(choices, (list, tuple, range)) else (),
        flag=flag,
        required=value_of(told.get("required"), known) is True or named.option == "",
        help=_help(told, known),
    )


def _by_type_name(node: ast.expr | None, default: Any) -> Kind:
    """What a default, or the name of a converting function, tells of the values."""
    if node is None:
        return "text" if default is None else kind_of(default)
    named_so = "bool" in last_name(node).lower()
    return "bool" if named_so or isinstance(default, bool) else "unknown"


def _action(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "" if node is None else last_name(node)


def _named(names: list[str]) -> Argument:
    """By the longest of its names with two dashes, else the longest."""
    long = [name for name in names if name.startswith("--")]
    chosen = max(long or names, key=len)
    if not chosen.startswith("-"):
        return Argument(chosen, option="")
    option = None if chosen.startswith("--") else chosen
    return Argument(chosen.lstrip("-"), option=option)


def _help(told: Mapping[str, ast.expr], known: Mapping[str, Any]) -> str:
    text = value_of(told.get("help"), known)
    return text if isinstance(text, str) else ""


def read_absl(tree: ast.Module) -> CommandStyle | None:
    """`flags.DEFINE_float("lr", 0.1, "help")` and its kin."""
    known = constants(tree)
    found = []
    for call in calls(tree, *_ABSL):
        values = [value_of(word, known) for word in call.args]
        if len(values) < 2 or not isinstance(values[0], str):
            continue
        kind = _ABSL[last_name(call.func)]
        is_enum = last_name(call.func) == "DEFINE_enum" and len(values) > 2
        choices = values[2] if is_enum and isinstance(values[2], (list, tuple)) else ()
        flag = TWO_FLAGS.replace("no-", "no") if kind == "bool" else None
        found.append(Argument(values[0], kind, values[1], tuple(choices), flag=flag))
    return CommandStyle("absl flags", tuple(found)) if found else None


def read_click(tree: ast.Module) -> CommandStyle | None:
    """Decorators `@click.option(…)` and `@click.argument(…)`."""
    known = constants(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and last_name(decorator) in ("option", "argument"):
                found += list(_click(decorator, known))
    return CommandStyle("click", tuple(found)) if found else None


def _click(call: ast.Call, known: Mapping[str, Any]) -> Iterator[Argument]:
    names = texts(call.args)
    if not names:
        return
    told = keywords(call)
    default = value_of(told.get("default"), known)
    is_argument = last_name(call) == "argument"
    dashed = [name for name in names if name.startswith("-")]
    pair = next((name for name in dashed if "/" in name), None)
    kind, choices = _click_type(told.get("type"), known)
    flag = None
    if pair is not None:
        yes, _, no = (part.strip() for part in pair.partition("/"))
        kind, flag = "bool", TWO_FLAGS if no == f"--no-{yes[2:]}" else None
        named = Argument(yes.lstrip("-"), option=None if flag else "")
        if flag is None:
            return  # of another form than settings can write
    elif value_of(told.get("is_flag"), known) is True:
        kind, flag, named = "bool", ONE_FLAG, _named(dashed or names)
        default = False if default is None else default
    else:
        named = _named([names[0]] if is_argument else dashed or [f"--{names[0]}"])
        if value_of(told.get("multiple"), known) is True or "nargs" in told:
            kind = "list"
    yield replace(
        named,
        kind=kind_of(default) if kind == "unknown" and default not in (None, UNKNOWN) else kind,
        default=default,
        choices=choices,
        flag=flag,
        required=is_argument or value_of(told.get("required"), known) is True,
        help=_help(told, known),
    )


def _click_type(node: ast.expr | None, known: Mapping[str, Any]) -> tuple[Kind, tuple[Any, ...]]:
    if isinstance(node, ast.Call) and last_name(node) == "Choice" and node.args:
        values = value_of(node.args[0], known)
        return "text", tuple(values) if isinstance(values, (list, tuple)) else ()
    if node is not None and (kind := _CLICK_TYPES.get(last_name(node))) is not None:
        return kind, ()
    return kind_named(node)


def read_typer(tree: ast.Module) -> CommandStyle | None:
    """The parameters of the function that typer runs: the one that is named, or is its command."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    run = [last_name(call.args[0]) for call in calls(tree, "run") if call.args]
    chosen = [functions[name] for name in run if name in functions]
    chosen += [
        node
        for node in functions.values()
        if any(
            isinstance(decorator, ast.Call) and last_name(decorator) in ("command", "callback")
            for decorator in node.decorator_list
        )
    ]
    if not chosen:
        return None
    known = constants(tree)
    found = [_typer(argument, known) for argument in parameters(chosen[0], known)]
    return CommandStyle("typer", tuple(found)) if found else None


def _typer(given: tuple[Argument, ast.expr | None], known: Mapping[str, Any]) -> Argument:
    argument, default = given
    has_place = default is None
    if isinstance(default, ast.Call) and last_name(default) in ("Option", "Argument"):
        first = value_of(default.args[0], known) if default.args else None
        first = value_of(keywords(default).get("default"), known) if first is None else first
        has_place = last_name(default) == "Argument"
        is_open = first is None or first is Ellipsis
        argument = replace(
            argument,
            default=None if is_open else first,
            required=is_open,
            kind=kind_of(first) if argument.kind == "unknown" and not is_open else argument.kind,
            help=_help(keywords(default), known),
        )
    flag = TWO_FLAGS if argument.kind == "bool" else None
    name = argument.name if has_place else argument.name.replace("_", "-")
    return replace(argument, name=name, option="" if has_place else None, flag=flag)


def parameters(
    function: ast.FunctionDef, known: Mapping[str, Any]
) -> list[tuple[Argument, ast.expr | None]]:
    """What a function takes, with the expression of each default."""
    given = function.args
    places = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(places) - len(given.defaults))
    both = [*zip(places, [*defaults, *given.defaults], strict=True)]
    both += list(zip(given.kwonlyargs, given.kw_defaults, strict=True))
    found = []
    for parameter, node in both:
        if parameter.arg in ("self", "cls"):
            continue
        kind, choices = kind_named(parameter.annotation)
        default = value_of(node, known)
        if kind == "unknown" and default is not UNKNOWN:
            kind = kind_of(default)
        argument = Argument(parameter.arg, kind, default, choices, required=node is None)
        found.append((argument, node))
    return found
