"""The types of settings that both sections use."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field


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
Lines = Annotated[list[str], BeforeValidator(_read_lines)]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]
Words = Annotated[list[Name], BeforeValidator(_read_words), Field(min_length=1)]
