"""A space as the Python text that a configuration says it in; read again, it is the same space.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from typing import Any

from hpo.space.base import Domain
from hpo.space.listed import Choice, Constant
from hpo.space.nested import Nested, Options
from hpo.space.numeric import Integers, Quantized, Uniform
from hpo.space.scipy_frozen import Frozen
from hpo.space.text import read_expression
from hpo.values import JsonValue, plain


def python_text(domain: Domain) -> str:
    """The expression, with the names `hpo` and `scipy.stats`.

    Raises:
        ValueError: there is none: it draws from a distribution of the user's own.
    """
    match domain:
        case Uniform() | Integers():
            document = domain.to_json()
            return f"hpo.{document['type']}({domain.low!r}, {domain.high!r})"
        case Quantized():
            return f"hpo.quantized({python_text(domain.domain)}, {domain.step!r})"
        case Choice():
            kind = "ordinal" if domain.is_ordered else "choice"
            return f"hpo.{kind}({list(domain.values)!r})"
        case Constant():
            return _constant(domain.fixed)
        case Nested():
            return _mapping({name: python_text(inner) for name, inner in domain.fields.items()})
        case Options():
            return f"[{', '.join(_option(option) for option in domain.options)}]"
    assert isinstance(domain, Frozen), domain
    return _frozen(domain)


def _constant(value: JsonValue) -> str:
    """As it is, where that is not read as something else."""
    is_plain = value is None or isinstance(value, (bool, int, float))
    if is_plain or (isinstance(value, str) and _stays_text(value)):
        return repr(value)
    return f"hpo.constant({value!r})"


def _stays_text(text: str) -> bool:
    try:
        return isinstance(read_expression(text), str)
    except ValueError:
        return False


def _option(option: Domain) -> str:
    """One of several that a list holds, where a domain has no place by itself."""
    if not isinstance(option, Constant):
        return python_text(option)
    if isinstance(option.fixed, dict):
        return _mapping({name: _constant(value) for name, value in option.fixed.items()})
    return repr(option.fixed)


def _mapping(items: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in items.items()) + "}"


def _frozen(domain: Frozen) -> str:
    document = domain.to_json()
    if "quantiles" in document:
        raise ValueError("a distribution of your own cannot be written as text")
    frozen = domain.distribution
    words = [repr(_parameter(value)) for value in frozen.args]
    words += [f"{name}={_parameter(value)!r}" for name, value in frozen.kwds.items()]
    return f"{document['type']}({', '.join(words)})"


def _parameter(value: Any) -> JsonValue:
    return plain(value)
