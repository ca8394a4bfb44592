"""Checks a section against its settings model, and says each problem in a readable sentence.

Knows pydantic's error types and no rule about any setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hpo.settings.reading.raw import did_you_mean
from hpo.settings.secrecy import is_secret
from hpo.space.text import number_text_problem
from hpo.values import plain_or_same

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "string_too_short": "not empty",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "above {gt:g}",
}
_NUMBERS = ("int_type", "float_type")


def check_section(
    model: type[Model],
    raw: Mapping[Any, Any],
    *,
    where: Callable[[object], str],
    elsewhere: Mapping[str, str],
) -> tuple[Model | None, list[str]]:
    """The settings in `raw`, or what is wrong with them.

    Args:
        model: The settings' model.
        raw: What the user wrote.
        where: Says where a key stands, for messages.
        elsewhere: The keys of other sections, with the section each belongs to.
    """
    try:
        return model.model_validate({key: plain_or_same(raw[key]) for key in raw}), []
    except ValidationError as error:
        known = model.model_fields
        return None, [
            _sentence(dict(problem), known, where=where, elsewhere=elsewhere)
            for problem in error.errors()
        ]


def _sentence(
    problem: Mapping[str, Any],
    known: Mapping[str, object],
    *,
    where: Callable[[object], str],
    elsewhere: Mapping[str, str],
) -> str:
    key = problem["loc"][0] if problem["loc"] else ""
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "missing":
        return f"{where(key)} must set {key!r}"
    if kind == "extra_forbidden" and len(problem["loc"]) > 1:
        return f"unknown key {problem['loc'][-1]!r} in {key!r} of {where(key)}"
    if kind in ("extra_forbidden", "invalid_key"):
        if key in elsewhere:
            return f"{key!r} in {where(key)} belongs in {elsewhere[key]}"
        return f"unknown key {key!r} in {where(key)}{did_you_mean(key, known)}"
    subject = f"'{_path(problem['loc'])}' in {where(key)}"
    if kind == "value_error":
        message = str(context["error"])
        return f"{subject} {message}" if message.startswith("must") else f"{subject}: {message}"
    if kind not in _EXPECTED:
        return f"{subject}: {problem['msg']}"
    shown = f"a {type(value).__name__}" if is_secret(str(key)) else _shown(value)
    sentence = f"{subject} must be {_EXPECTED[kind].format(**context)}, not {shown}"
    if kind in _NUMBERS and number_text_problem(value):
        sentence += ": remove the quotes"
    return sentence


def _path(location: tuple[int | str, ...]) -> str:
    first, *rest = location
    return str(first) + "".join(f"[{part!r}]" for part in rest if part != "[key]")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
