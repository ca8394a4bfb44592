"""What an objective takes, read from its text: its parameters, or what it looks up in `config`.

Pure.
"""

from __future__ import annotations

import ast

from hpo.settings.proposing.argument import (
    Argument,
    CommandStyle,
    calls,
    constants,
    kind_of,
    value_of,
)
from hpo.settings.proposing.command_lines import parameters
from hpo.settings.proposing.domains import is_length

CONFIG_NAMES = ("config", "cfg", "params", "hparams", "hyperparameters")


def functions_in(tree: ast.Module) -> list[str]:
    """The public functions at the module's top, in order."""
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in found if not name.startswith("_")]


def read_function(tree: ast.Module, name: str) -> CommandStyle | None:
    """The hyperparameters of the function `name`; None: there is no such function."""
    function = next(
        (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name),
        None,
    )
    if function is None:
        return None
    known = constants(tree)
    given = [argument for argument, _ in parameters(function, known)]
    first = given[0].name if given else ""
    if first in CONFIG_NAMES:
        return CommandStyle("function", tuple(_looked_up(function, first, tree)))
    return CommandStyle("function", tuple(one for one in given if one.name != "trial"))


def _looked_up(function: ast.FunctionDef, name: str, tree: ast.Module) -> list[Argument]:
    """What stands in `config["…"]` and `config.get("…", default)`, in the order of the text."""
    known = constants(tree)
    found: dict[str, Argument] = {}
    nodes = [node for node in ast.walk(function) if isinstance(node, (ast.Subscript, ast.Call))]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        match node:
            case ast.Subscript(
                value=ast.Name(id=owner), slice=ast.Constant(value=str() as key)
            ) if owner == name:
                found.setdefault(key, Argument(key))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr="get"),
                args=[ast.Constant(value=str() as key), *rest],
            ) if owner == name:
                default = value_of(rest[0], known) if rest else None
                found.setdefault(key, Argument(key, kind_of(default), default))
    asks_epochs = any(True for _ in calls(function, "epochs"))  # of the trial
    if asks_epochs and not any(is_length(argument) for argument in found.values()):
        found["max_epochs"] = Argument("max_epochs", "int")
    return list(found.values())
