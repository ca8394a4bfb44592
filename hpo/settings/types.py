"""The types of settings that both sections use."""

from __future__ import annotations

import os
from typing import Annotated
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field


def read_path(value: object) -> object:
    """A path as text."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _read_lines(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _read_words(value: object) -> object:
    value = [value] if isinstance(value, (str, os.PathLike)) else value
    return [read_path(word) for word in value] if isinstance(value, (list, tuple)) else value


# Not `use_attribute_docstrings`: each command would read its own source for what only docs need.
STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
TextPath = Annotated[str, BeforeValidator(read_path)]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]


def one_line(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: it has a line break or another character that would end a line of a script.
    """
    if not is_one_line(text):
        raise ValueError(f"must be one line without control characters, not {text!r}")
    return text


def lines_of_a_script(text: str) -> str:
    """The text itself, which may have several lines.

    Raises:
        ValueError: it has a control character that no shell reads.
    """
    if not is_one_line(text.replace("\n", "").replace("\t", "")):
        raise ValueError("must be lines of a shell, without control characters")
    return text


def is_one_line(text: str) -> bool:
    """Whether it has no line break, NUL or other control character, nor half of a character."""
    return not any(category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)


Lines = Annotated[
    list[Annotated[str, AfterValidator(lines_of_a_script)]], BeforeValidator(_read_lines)
]
OneLine = Annotated[str, Field(min_length=1), AfterValidator(one_line)]
OneLineWords = Annotated[list[OneLine], BeforeValidator(_read_words), Field(min_length=1)]
Words = Annotated[list[Name], BeforeValidator(_read_words), Field(min_length=1)]
