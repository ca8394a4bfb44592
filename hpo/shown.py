r"""Text of others as a terminal or a log may show it: the one filter for all that is told.

Names, paths, tracebacks and whatever else comes out of files may hold what a terminal obeys
(escape sequences), what turns a line around (bidirectional overrides), or a line break that makes
a second line of one's own out of a name. None of that is told: it is written as Python writes it in
text, `\x1b`. Letters of all languages and emoji stay. Standard library only, no I/O: jobs read it.
"""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"  # they join letters and emoji, and move nothing
_SECOND = "    "
_VALUE = re.compile(r"(?P<name>(?<![\w-])[\w-]*\w)=(?P<value>'[^']*'|\"[^\"]*\"|[^\s;&|]+)")


def one_line(text: object) -> str:
    r"""All of it on one line; a line break is `\n`, a tab four spaces."""
    found = str(text)
    if found.isprintable():
        return found
    return "".join(_shown(char) for char in found)


def many_lines(text: object) -> str:
    """The same of text that may have several lines: all but the first are indented.

    So that no line of it looks like one that was told for itself.
    """
    found = str(text)
    if found.isprintable():
        return found
    first, *rest = [one_line(line) for line in found.replace("\r\n", "\n").split("\n")]
    if not all(line.startswith("  ") for line in rest if line):
        rest = [f"{_SECOND}{line}" if line else line for line in rest]
    return "\n".join([first, *rest])


def shell_words(words: list[str]) -> str:
    """Words as a shell takes them, on one line and without anything that a terminal obeys."""
    import shlex  # here, because jobs need none

    return " ".join(shlex.quote(word) if word.isprintable() else _ansi_c(word) for word in words)


def without_values(text: str) -> str:
    """The text with the value of each `NAME=value` left out: it may be a password."""
    return _VALUE.sub(r"\g<name>=…", text)


def _shown(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    if char == "\t":
        return _SECOND
    if char.isspace() and char not in "\x1c\x1d\x1e\x1f\x85\u2028\u2029\r\n\x0b\x0c":
        return " "  # of another width
    return char.encode("unicode_escape", "backslashreplace").decode()


def _ansi_c(word: str) -> str:
    r"""As bash reads it: `$'two\nlines'`."""
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{''.join(_bash_escape(char) for char in plain)}'"


def _bash_escape(char: str) -> str:
    if char.isprintable():
        return char
    raw = char.encode("utf-8", "surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in raw)
