"""Domains written as text or mappings, as YAML files and `--set` have them, and Python may.

`loguniform(1e-4, 1e-2)`, `scipy.stats.norm(0, 1)` and `{type: randint, low: 1, high: 8}` become
domains. Text is parsed strictly (known names, literal arguments) and never evaluated. No I/O, no
clock, no randomness; scipy is imported where the text names one of its distributions.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hpo.space import domains
from hpo.space.sweeps import read_sweep

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
# A name and what opens its arguments, or two numbers behind it: also as other tools write them.
_NEARLY_CALL = re.compile(
    r"\s*~?\s*([A-Za-z_][\w.-]*)(?:\s*([(\[{])|\s+[-+]?\.?\d\S*\s*,?\s*[-+]?\.?\d)"
)
_OTHER_NAMES = (
    *("quniform", "qloguniform", "qrandint", "qlograndint", "normal", "qnormal", "lognormal"),
    *("randn", "qrandn", "intuniform", "uniformint", "loguniformvalues", "reverseloguniform"),
    *("categorical", "interval", "finrange", "logfinrange", "gridsearch", "range"),
    *("suggestfloat", "suggestint", "suggestcategorical", "suggestuniform", "suggestloguniform"),
)
_NAMES = (*DOMAINS, *_OTHER_NAMES)
_ARGUMENTS = {"low", "high", "values", "domain", "min", "max", "lower", "upper"}


def read_expressions(raw: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[str]]:
    """The space with text and mappings turned into domains, and what could not be read.

    Hyperparameters with problems are left out. Each problem begins with its hyperparameter's name.
    """
    space: dict[Any, Any] = {}
    problems: list[str] = []
    for name, value in raw.items():
        found: list[str] = []
        space[name] = _read(value, str(name), found)
        if found:
            del space[name]
        problems += found
    return space, problems


def read_expression(value: Any) -> Any:
    """What `value` describes: a domain, or itself with what is in it read so.

    Raises:
        ValueError: it looks like a domain but is none; the message says why.
    """
    problems: list[str] = []
    read = _read(value, "", problems)
    if problems:
        raise ValueError("; ".join(problem.removeprefix(": ") for problem in problems))
    return read


def _read(value: Any, place: str, problems: list[str]) -> Any:
    """The value of the hyperparameter at `place`, or of what an option holds for it."""
    try:
        if isinstance(value, str):
            return _read_text(value)
        if isinstance(value, Mapping):
            domain = read_sweep(value)
            if domain is not None:
                return domain
            if _names_domain(value):
                return _read_mapping(value)
            return {
                key: _read(item, f"{place}.{key}" if place else str(key), problems)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return type(value)(
                [_read_option(item, f"{place}[{n}]", problems) for n, item in enumerate(value)]
            )
    except ValueError as error:
        problems.append(f"{place}: {error}")
    return value


def _read_text(text: str) -> Any:
    if _CALL.fullmatch(text):
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise ValueError(f"{text!r} cannot be read as a domain: {reason}") from error
        return _read_call(tree.body)
    problem = _nearly_domain(text) or number_text_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


def _read_option(item: Any, place: str, problems: list[str]) -> Any:
    """A value of a list: only mappings in it may hold domains."""
    if isinstance(item, Mapping):
        if (len(item) == 1 or not _names_domain(item)) and not _is_sweep(item):
            return {
                key: _read_in_option(each, f"{place}.{key}", problems) for key, each in item.items()
            }
        found = [repr(dict(item))]
    else:
        found = [repr(text) for text in _texts(item) if _nearly_domain(text)]
    problems += [
        f"{place}: a list holds values, no domains; write {each} without it" for each in found[:1]
    ]
    return item


def _is_sweep(value: Mapping[Any, Any]) -> bool:
    try:
        return read_sweep(value) is not None
    except ValueError:
        return True  # as it is one that is not understood


def _read_in_option(value: Any, place: str, problems: list[str]) -> Any:
    # Other text with parentheses, such as 'relu()', is a value here, as it is in a list.
    is_other_text = isinstance(value, str) and _nearly_domain(value) is None
    return value if is_other_text else _read(value, place, problems)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _nearly_domain(text: str) -> str | None:
    """What to say about text that names a domain and is none; None: it does not look like one."""
    match = _NEARLY_CALL.match(text)
    if match is None:
        return None
    word = re.sub(r"[_-]", "", match[1].rpartition(".")[2].lower())
    if word not in _NAMES and not _is_misspelt(word):
        return None
    if match[2] == "(" and ")" not in text:
        return f"{text!r} lacks its closing parenthesis"
    return f"{text!r} is no domain: write it as loguniform(1e-4, 1e-2), or constant('…') for text"


def _is_misspelt(word: str) -> bool:
    """Whether it is nearly a domain's name; nearer than 'cosine' is to 'constant'."""
    return bool(difflib.get_close_matches(word, DOMAINS, n=1, cutoff=0.8))


def _names_domain(value: Mapping[Any, Any]) -> bool:
    """Whether a mapping is a domain: not where `type` is a hyperparameter of the user's own."""
    if "type" not in value:
        return False
    kind = value["type"]
    others = {key for key in value if key != "type"}
    if not isinstance(kind, str):
        return not isinstance(kind, (list, Mapping)) and others <= _ARGUMENTS
    return kind in DOMAINS or kind.startswith(SCIPY) or others <= _ARGUMENTS or _is_misspelt(kind)


def number_text_problem(value: object) -> str | None:
    """Why a value is likely a number by mistake in quotes; None when it is not."""
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
    as_it_is = exponent_mark or "." in text or abs(number) == float("inf")
    return text.strip() if as_it_is else str(int(number))


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
    hint = _did_you_mean(name, DOMAINS) or f"; there are: {KINDS}, and scipy.stats.<name>"
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
        raise ValueError(f"scipy.stats has no distribution {short!r}{_did_you_mean(short, known)}")
    try:
        return family(*arguments, **named)
    except (TypeError, ValueError) as error:
        takes = ", ".join(filter(None, [family.shapes, "loc", "scale"]))
        raise ValueError(f"{name} takes ({takes})") from error


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]!r}?" if near else ""
