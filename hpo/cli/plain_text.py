"""Text of others (messages, logs, configurations) made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""One line without anything that a terminal would obey: escapes are shown as `\x1b`."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text.replace("\t", "    ")
    )
