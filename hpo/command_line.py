"""The command line that trains a configuration with a user's script: its words, as they were asked.

Owns what a placeholder in `command`, `arguments` and `flags` stands for, how a value becomes text,
and what is wrong with such a setting. Jobs read it: standard library only, no I/O, no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from hpo.errors import ObjectiveError

COMMAND = "command: "
"""How the reference of an objective begins that is a command without a Python script."""
PLACES = ("python", "script", "config_file", "checkpoint_dir")
"""Words that each trial knows: its interpreter, the script, and where its files lie."""
SEVERAL = ("arguments", "flags")
"""What stands for several words, and so for a word of its own."""

_PART = re.compile(r"(\{\{|\}\}|\{[^{}]*\})")
_EVERY = ("name", "value")
_OPTION = re.compile(r"-[^ ]+")
_NEGATIVE = re.compile(r"-\d+|-\d*\.\d+")  # what argparse takes for a number


@dataclass(frozen=True, slots=True)
class CommandLine:
    """How the words of a script's command are made of a configuration.

    Attributes:
        words: with placeholders: a hyperparameter's name, one of `PLACES`, or of `SEVERAL`.
        arguments: the words of one hyperparameter that `words` does not name.
        flags: the word of a true boolean, and after a slash that of a false one; None: booleans
            are values.
        lists: whether a list is one word of JSON, or several words.
        nested: the names that stand for mappings of hyperparameters, each of them an argument of
            its own: `optimizer.lr`. Any other mapping is a value, one word of JSON.
    """

    words: tuple[str, ...] = ("{python}", "{script}", "{arguments}")
    arguments: str = "--{name} {value}"
    flags: str | None = None
    lists: str = "json"
    nested: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> CommandLine:
        """As `to_json` wrote it.

        Raises:
            TypeError: this is no command line.
        """
        lists = {name: tuple(found.get(name, ())) for name in ("words", "nested")}
        line = cls(**{**found, **lists})
        texts = (*line.words, *line.nested, line.arguments, line.flags or "", line.lists)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"no command line: {found}")
        return line

    def to_json(self) -> dict[str, Any]:
        """As jobs find it in campaign.json."""
        return {
            "words": list(self.words),
            "arguments": self.arguments,
            "flags": self.flags,
            "lists": self.lists,
            "nested": list(self.nested),
        }

    def fill(self, config: Mapping[str, Any], places: Mapping[str, str]) -> list[str]:
        """The words for a configuration; what it does not have is left out, with its option.

        Args:
            config: one value per hyperparameter.
            places: the texts for `PLACES`.

        Raises:
            ObjectiveError: a value in it cannot be told a script in these words.
        """
        rest = {name: value for name, value in self._each(config) if name not in self.named}
        words: list[str] = []
        option: str | None = None  # the template's last word, where it waits for its value
        for word in self.words:
            if word == "{arguments}":
                words += self._all_arguments(rest)
            elif word == "{flags}":
                words += self._all_flags(rest)
            else:
                filled = self._fill_word(word, config, places)
                if filled is None and option is not None:
                    words.pop()
                words += filled or []
            is_bare = word.startswith("-") and "=" not in word and not names_in(word)
            option = word if is_bare else None
        return words

    @property
    def named(self) -> set[str]:
        """What the words name one by one: hyperparameters and places."""
        return {name for word in self.words for name in names_in(word)} - set(SEVERAL)

    def problems(self, names: Collection[str], searched: Collection[str]) -> Iterator[str]:
        """What is wrong with it for a space with these names, of which some have several values."""
        yield from _style_problems("arguments", self.arguments, _EVERY)
        if self.flags is not None:
            yield from _style_problems("flags", self.flags.replace("/", " ", 1), ("name",))
        if self.lists == "words" and "{value}" not in self.arguments.split():
            yield (
                "'lists: words' needs 'arguments' with {value} as a word of its own, as in"
                " '--{name} {value}'"
            )
        for word in self.words:
            for name in names_in(word):
                if name in SEVERAL and word != f"{{{name}}}":
                    yield (
                        f"'command': {{{name}}} stands for several words, so {word!r} cannot have"
                        " other text"
                    )
                elif name not in (*SEVERAL, *PLACES) and _lookup_name(name, names) is None:
                    yield f"'command': {_unknown(name, word, names)}"
        every = any(word in ("{arguments}", "{config_file}") for word in self.words)
        every = every or "config_file" in self.named
        missing = [n for n in searched if n not in {_lookup_name(m, names) for m in self.named}]
        if missing and not every:
            yield (
                f"'command' never tells the script {', '.join(missing)}; write"
                f" {{{missing[0]}}} where it goes, or {{arguments}} for all that is not named"
            )

    def _each(self, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The hyperparameters, with dots in the names of those within mappings."""
        for name, value in config.items():
            if name in self.nested and name not in self.named:
                yield from _below(name, value)
            else:
                yield name, value

    def _all_arguments(self, rest: Mapping[str, Any]) -> Iterator[str]:
        flags_apart = "{flags}" in self.words
        for name, value in rest.items():
            if isinstance(value, bool) and flags_apart:
                continue
            if isinstance(value, bool) and self.flags is not None:
                yield from self._flag(name, value)
            else:
                yield from self._argument(name, value)

    def _all_flags(self, rest: Mapping[str, Any]) -> Iterator[str]:
        for name, value in rest.items():
            if isinstance(value, bool):
                yield from self._flag(name, value)

    def _flag(self, name: str, value: bool) -> Iterator[str]:
        if_true, _, if_false = (self.flags or "--{name}").partition("/")
        for word in (if_true if value else if_false).split():
            yield _put(word, {"name": name})

    def _argument(self, name: str, value: object) -> list[str]:
        style = self.arguments.split()
        text = as_text(value)
        alone = value[0] if self.lists == "words" and _has_one(value) else value
        # In one word where argparse would take the value for another option: it does so for text
        # with a dash, and for negative numbers such as -1e-05.
        if style[1:] == ["{value}"] and style[0].startswith("-"):
            text = as_text(alone)
            _require_told(name, text, text == "--")
            if text.startswith("-"):
                style = ["=".join(style)]
            else:
                text = as_text(value)
        words: list[str] = []
        for word in style:
            if word == "{value}":
                words += self._own_words(name, value)
            else:
                words.append(_put(word, {"name": name, "value": text}))
        return words

    def _own_words(self, name: str, value: object) -> list[str]:
        """A value that is no part of another word.

        Raises:
            ObjectiveError: the script would take it for something else.
        """
        if isinstance(value, (list, tuple)) and self.lists == "words":
            words = [_bare_text(item) for item in value]
            for word in words:
                _require_told(name, word, _is_taken_for_option(word))
            return words
        word = _bare_text(value)
        _require_told(name, word, word == "--")
        return [word]

    def _fill_word(
        self, word: str, config: Mapping[str, Any], places: Mapping[str, str]
    ) -> list[str] | None:
        """None where a hyperparameter that it names is absent from the configuration."""
        texts = {name: text for name, text in places.items() if name in PLACES}
        for name in names_in(word):
            if name in texts:
                continue
            known, value = _lookup(config, name)
            if not known:
                return None
            if word == f"{{{name}}}":
                return self._own_words(name, value)
            texts[name] = as_text(value)
        return [_put(word, texts)]


PLAIN = CommandLine()
"""As a script is run where nothing else is said."""


def as_text(value: object) -> str:
    """A hyperparameter's value as `argparse` reads it back.

    Numbers as Python writes them, so that a float comes back the same; booleans and None by their
    Python names; text as it is; lists and mappings as JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def names_in(word: str) -> list[str]:
    """The placeholders of a word, in their order; doubled braces are none."""
    parts = _PART.findall(word)
    return [part[1:-1] for part in parts if part not in ("{{", "}}")]


def _bare_text(value: object) -> str:
    """As `as_text`; small negative numbers so that argparse takes them for no option."""
    text = as_text(value)
    if isinstance(value, float) and text.startswith("-") and "e" in text:
        from decimal import Decimal  # here, because few jobs need it

        return f"{Decimal(text):f}"
    return text


def _has_one(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple)) and len(value) == 1


def _is_taken_for_option(word: str) -> bool:
    """Whether argparse takes a word for an option, or for their end."""
    return bool(_OPTION.fullmatch(word)) and not _NEGATIVE.fullmatch(word)


def _require_told(name: str, word: str, is_swallowed: bool) -> None:
    if is_swallowed:
        raise ObjectiveError(
            f"{name}: the value {word!r} cannot be a word of a script's command, because argparse "
            "takes it for an option or for the end of them: write the list as JSON (lists: json), "
            "another value, or read it from {config_file}"
        )


def _put(word: str, texts: Mapping[str, str]) -> str:
    def text_of(part: re.Match[str]) -> str:
        found = part[0]
        return found[0] if found in ("{{", "}}") else texts[found[1:-1]]

    return _PART.sub(text_of, word)


def _below(name: str, value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for inner, its_value in value.items():
            yield from _below(f"{name}.{inner}", its_value)
    else:
        yield name, value


def _lookup(config: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """Whether a value is there, and which: by its name, or by dots within mappings."""
    if name in config:
        return True, config[name]
    outer, dot, inner = name.partition(".")
    within = config.get(outer)
    return _lookup(within, inner) if dot and isinstance(within, Mapping) else (False, None)


def _lookup_name(name: str, names: Collection[str]) -> str | None:
    """The hyperparameter that a placeholder means, or one within a mapping of that name."""
    if name in names:
        return name
    outer = name.partition(".")[0]
    return outer if outer != name and outer in names else None


def _style_problems(key: str, style: str, wanted: tuple[str, ...]) -> Iterator[str]:
    found = names_in(style)
    if unknown := [name for name in found if name not in wanted]:
        yield f"{key!r}: {{{unknown[0]}}} is unknown there; it may have {_braced(wanted)}"
    if missing := [name for name in wanted if name not in found]:
        yield f"{key!r} lacks {_braced(missing)}: {style!r}"


def _braced(names: Collection[str]) -> str:
    return " and ".join(f"{{{name}}}" for name in names)


def _unknown(name: str, word: str, names: Collection[str]) -> str:
    import difflib  # here, because jobs do not need it

    near = difflib.get_close_matches(name, [*names, *PLACES, *SEVERAL], n=1)
    hint = f"did you mean {{{near[0]}}}?" if near else "for braces as they are write {{ and }}"
    return f"{{{name}}} in {word!r} is no hyperparameter of the space; {hint}"
