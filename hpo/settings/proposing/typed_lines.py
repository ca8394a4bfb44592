"""The arguments of command lines that are made of dataclasses or functions. Pure.

LightningCLI, HfArgumentParser, simple-parsing, tyro, draccus, pyrallis, jsonargparse's `CLI`, fire.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hpo.settings.proposing.argument import (
    UNKNOWN,
    Argument,
    CommandStyle,
    calls,
    constants,
    keywords,
    kind_named,
    kind_of,
    last_name,
    texts,
    value_of,
)
from hpo.settings.proposing.command_lines import TWO_FLAGS, parameters

# Of transformers' own TrainingArguments: what people search, with its defaults.
HF_TRAINING = (
    Argument("learning_rate", "float", 5e-5),
    Argument("weight_decay", "float", 0.0),
    Argument("per_device_train_batch_size", "int", 8),
    Argument("warmup_ratio", "float", 0.0),
    Argument("num_train_epochs", "float", 3.0),
)
_NESTED = ("tyro", "draccus", "pyrallis", "jsonargparse")


def read_typed(tree: ast.Module, packages: set[str]) -> CommandStyle | None:
    """The dataclasses or the function that one of these programs makes a command line of."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    known = constants(tree)
    if packages & {"transformers", "trl"}:
        for call in calls(tree, "HfArgumentParser", "TrlParser"):
            if (found := _hf(call, classes, known)) is not None:
                return found
    if packages & {"lightning", "pytorch_lightning"}:
        for call in calls(tree, "LightningCLI"):
            return _lightning(call, classes, known)
    style = next((name for name in (*_NESTED, "simple_parsing") if name in packages), None)
    if style is not None:
        for call in calls(tree, "cli", "CLI", "auto_cli", "parse", "wrap", "add_arguments"):
            name = _named_type(call)
            if name in classes:
                nested = style in _NESTED
                found_fields = tuple(fields(classes[name], classes, known, nested=nested))
                return CommandStyle(style, _flagged(found_fields, style))
            if name in functions:
                return CommandStyle(style, _flagged(_of_function(functions[name], known), style))
        for function in functions.values():  # @draccus.wrap()
            if any(last_name(decorator) == "wrap" for decorator in function.decorator_list):
                for parameter in function.args.args:
                    annotation = parameter.annotation
                    name = "" if annotation is None else last_name(annotation)
                    if name in classes:
                        return CommandStyle(
                            style, tuple(fields(classes[name], classes, known, nested=True))
                        )
    if "fire" in packages:
        for call in calls(tree, "Fire"):
            name = last_name(call.args[0]) if call.args else ""
            if name in functions:
                return CommandStyle("fire", _of_function(functions[name], known))
    return None


def _named_type(call: ast.Call) -> str:
    """The class or function that a call is about."""
    given = [*call.args[:1], *(keywords(call).get(key) for key in ("config_class", "args_type"))]
    return next((last_name(node) for node in given if node is not None), "")


def _flagged(found: tuple[Argument, ...], style: str) -> tuple[Argument, ...]:
    """How booleans are typed: tyro's are flags, the others' are values."""
    if style != "tyro":
        return found
    return tuple(replace(one, flag=TWO_FLAGS) if one.kind == "bool" else one for one in found)


def _of_function(function: ast.FunctionDef, known: Mapping[str, Any]) -> tuple[Argument, ...]:
    return tuple(argument for argument, _ in parameters(function, known))


def _lightning(
    call: ast.Call, classes: Mapping[str, ast.ClassDef], known: Mapping[str, Any]
) -> CommandStyle:
    """What the constructors of the model and of the data take, below their names."""
    named = keywords(call)
    given = [*call.args[:2], None, None]
    found = [Argument("trainer.max_epochs", "int")]
    for above, key, node in (
        ("model", "model_class", given[0]),
        ("data", "datamodule_class", given[1]),
    ):
        chosen = node if node is not None else named.get(key)
        class_ = None if chosen is None else classes.get(last_name(chosen))
        for function in [] if class_ is None else class_.body:
            if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                found += [
                    replace(one, name=f"{above}.{one.name}", required=False)
                    for one in _of_function(function, known)
                ]
    return CommandStyle(
        "LightningCLI",
        tuple(found),
        ("fit", "--trainer.default_root_dir={checkpoint_dir}"),
        {"arguments": "--{name}={value}"},
    )


def _hf(
    call: ast.Call, classes: Mapping[str, ast.ClassDef], known: Mapping[str, Any]
) -> CommandStyle | None:
    given = call.args[0] if call.args else None
    parts = given.elts if isinstance(given, (ast.Tuple, ast.List)) else [given]
    names = [last_name(part) for part in parts if part is not None]
    found: list[Argument] = []
    words: tuple[str, ...] = ()
    for name in names:
        if name in classes:
            found += fields(classes[name], classes, known, nested=False)
        elif name.endswith("TrainingArguments") or name.endswith("Config"):
            found += HF_TRAINING
            words = ("--output_dir={checkpoint_dir}",)
    return CommandStyle("HfArgumentParser", tuple(found), words) if found else None


def fields(
    class_: ast.ClassDef,
    classes: Mapping[str, ast.ClassDef],
    known: Mapping[str, Any],
    *,
    nested: bool,
    above: str = "",
    depth: int = 0,
) -> Iterator[Argument]:
    """The fields of a dataclass, with those of its bases; those of a field that is one, with dots.

    Where a program flattens them, `nested` is False and names have no dots.
    """
    if depth > 8:
        return
    for base in class_.bases:
        if (other := classes.get(last_name(base))) is not None:
            yield from fields(other, classes, known, nested=nested, above=above, depth=depth + 1)
    for node, behind in zip(class_.body, [*class_.body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        name = node.target.id
        inner = classes.get(last_name(node.annotation))
        if inner is not None:
            below = f"{above}{name}." if nested else above
            yield from fields(inner, classes, known, nested=nested, above=below, depth=depth + 1)
            continue
        field = _field(f"{above}{name}", node, known)
        docs = texts([behind.value]) if isinstance(behind, ast.Expr) else []
        yield replace(field, help=field.help or next(iter(docs), ""))


def _field(name: str, node: ast.AnnAssign, known: Mapping[str, Any]) -> Argument:
    kind, choices = kind_named(node.annotation)
    default, note = value_of(node.value, known), ""
    if isinstance(node.value, ast.Call) and last_name(node.value).endswith("field"):
        told = keywords(node.value)
        default = UNKNOWN if "default_factory" in told else value_of(told.get("default"), known)
        metadata = value_of(told.get("metadata"), known)
        text = metadata.get("help") if isinstance(metadata, dict) else None
        note = text if isinstance(text, str) else ""
        required = "default" not in told and "default_factory" not in told
    else:
        required = node.value is None
    if kind == "unknown" and default is not UNKNOWN:
        kind = kind_of(default)
    return Argument(name, kind, default, choices, required=required, help=note)
