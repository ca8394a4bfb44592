"""The types of settings that both sections use."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from unicodedata import category

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Settings(BaseModel):
    """A section of settings: strict, frozen, and without names that nobody knows."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema, whose descriptions are the docstrings below the fields.

        Not by `use_attribute_docstrings`, with which each command reads its own source at start.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, text in _docstrings(cls).items():
            properties[name]["description"] = text
        return schema


@dataclass(frozen=True, eq=False)  # so that it has a hash
class Takes:
    """What the reader of a setting takes besides, as JSON Schema: for editors and type checkers."""

    more: tuple[Mapping[str, Any], ...]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Either that, or what the type says."""
        schema = handler(core_schema)
        return {"anyOf": [*schema.get("anyOf", [schema]), *map(dict, self.more)]}


TEXT = {"type": "string", "minLength": 1}


def _docstrings(model: type) -> dict[str, str]:
    (tree,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as words)),
            ):
                found[name] = words
    return found


def read_path(value: object) -> object:
    """A path as text."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _read_lines(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _read_words(value: object) -> object:
    value = [value] if isinstance(value, (str, os.PathLike)) else value
    return [read_path(word) for word in value] if isinstance(value, (list, tuple)) else value


def read_reference(value: object) -> object:
    """The name of a function without spaces.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"must be text such as 'my_package.train:objective', not {value!r}")
    module, separator, function = value.rpartition(":")
    if not separator or not module.strip() or not function.strip().isidentifier():
        raise ValueError(f"must be 'package.module:function' or 'file.py:function', not {value!r}")
    return f"{module.strip()}:{function.strip()}"


TextPath = Annotated[str, BeforeValidator(read_path), Field(json_schema_extra={"format": "path"})]
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
    list[Annotated[str, AfterValidator(lines_of_a_script)]],
    BeforeValidator(_read_lines),
    Takes((TEXT,)),
]
OneLine = Annotated[str, Field(min_length=1), AfterValidator(one_line)]
OneLineWords = Annotated[
    list[OneLine], BeforeValidator(_read_words), Field(min_length=1), Takes((TEXT,))
]
Words = Annotated[list[Name], BeforeValidator(_read_words), Field(min_length=1), Takes((TEXT,))]
