"""Domains written as text or mappings, as YAML files and `--set` have them.

`loguniform(1e-4, 1e-2)`, `scipy.stats.norm(0, 1)` and `{type: randint, low: 1, high: 8}` become
domains. Text is parsed strictly (known names, literal arguments) and never evaluated.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from hpo.settings.reading.raw import did_you_mean
from hpo.space import domains

DOMAINS: dict[str, Callable[..., Any]] = {
    "uniform": domains.uniform,
    "loguniform": domains.loguniform,
    "randint": domains.randint,
    "lograndint": domains.lograndint,
    "choice": domains.choice,
    "ordinal": domains.ordinal,
    "quantized": domains.quantized,
    "constant": domains.constant,
}
SCIPY = "scipy.stats."
KINDS = ", ".join(DOMAINS)

_CALL = re.compile(r"\s*[A-Za-z_][\w.]*\s*\(.*\)\s*", re.DOTALL)
_OPENED_CALL = re.compile(rf"\s*({'|'.join(DOMAINS)})\s*\(")


def read_expressions(raw: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, str]]:
    """The space with text and mappings turned into domains, and what could not be read, by name.

    Hyperparameters with problems are left out.
    """
    space: dict[Any, Any] = {}
    problems: dict[Any, str] = {}
    for name, value in raw.items():
        try:
            space[name] = read_expression(value)
        except ValueError as error:
            problems[name] = str(error)
    return space, problems


def read_expression(value: Any) -> Any:
    """The domain that `value` describes; `value` itself when it describes none.

    Raises:
        ValueError: it looks like a domain but is none; the message says why.
    """
    if isinstance(value, str) and _CALL.fullmatch(value):
        try:
            tree = ast.parse(value.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise ValueError(f"{value!r} cannot be read as a domain: {reason}") from error
        return _read_call(tree.body)
    if isinstance(value, str) and _OPENED_CALL.match(value):
        raise ValueError(f"{value!r} lacks its closing parenthesis")
    if isinstance(value, Mapping) and "type" in value:
        return _read_mapping(value)
    if isinstance(value, list):
        opened = [item for item in value if isinstance(item, str) and _OPENED_CALL.match(item)]
        if opened:
            raise ValueError(f"a list holds values, no domains; write {opened[0]!r} without it")
    return value


def number_text_problem(value: Any) -> str | None:
    """Why a constant is likely a number by mistake in quotes; None when it is not."""
    if not isinstance(value, str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if "nan" in value.lower() or "inf" in value.lower():
        return None
    return f"{value!r} is text, not a number: write {written_number(value, number)}"


def written_number(text: str, number: float) -> str:
    """A number's text as YAML and Python both read it: 1e-5 becomes 1.0e-5."""
    mantissa, exponent_mark, exponent = text.strip().lower().partition("e")
    if exponent_mark and "." not in mantissa:
        return f"{mantissa}.0e{exponent}"
    return text.strip() if exponent_mark or "." in text else str(int(number))


def _read_call(node: ast.expr) -> Any:
    if not isinstance(node, ast.Call):
        raise ValueError(f"{ast.unparse(node)!r} is no domain; there are: {KINDS}")
    name = ast.unparse(node.func)
    _check_name(name)
    if any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(f"{name}(**...) cannot be read: name the arguments")
    arguments = [_read_argument(argument) for argument in node.args]
    named = {str(keyword.arg): _read_argument(keyword.value) for keyword in node.keywords}
    return _build(name, arguments, named)


def _read_argument(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        return _read_call(node)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError) as error:
        words = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
        hint = f": text needs quotes, {words[0]!r}" if words else ""
        raise ValueError(f"{ast.unparse(node)} is no number, text or list{hint}") from error


def _read_mapping(value: Mapping[Any, Any]) -> Any:
    name = value["type"]
    if not isinstance(name, str):
        raise ValueError(f"type must be the name of a domain, not {name!r}; there are: {KINDS}")
    _check_name(name)
    named = {str(key): item for key, item in value.items() if key != "type"}
    if name == "quantized":
        named = {key: read_expression(item) for key, item in named.items()}
    return _build(name, [], named)


def _check_name(name: str) -> None:
    if name in DOMAINS or name.startswith(SCIPY):
        return
    hint = did_you_mean(name, DOMAINS) or f"; there are: {KINDS}, and scipy.stats.<name>"
    raise ValueError(f"{name!r} is no domain{hint} (Plain text would be constant('...').)")


def _build(name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    if name.startswith(SCIPY):
        return _build_scipy(name, arguments, named)
    function = DOMAINS[name]
    signature = inspect.signature(function)
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise ValueError(f"{name} takes ({takes})") from error
    return function(*arguments, **named)


def _build_scipy(name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    from scipy import stats  # because importing it takes 0.8 s, and few configurations need it

    short = name.removeprefix(SCIPY)
    family = getattr(stats, short, None)
    if not isinstance(family, (stats.rv_continuous, stats.rv_discrete)):
        known = [
            other
            for other in dir(stats)
            if isinstance(getattr(stats, other), (stats.rv_continuous, stats.rv_discrete))
        ]
        raise ValueError(f"scipy.stats has no distribution {short!r}{did_you_mean(short, known)}")
    try:
        return family(*arguments, **named)
    except (TypeError, ValueError) as error:
        takes = ", ".join(filter(None, [family.shapes, "loc", "scale"]))
        raise ValueError(f"{name} takes ({takes})") from error
