"""The settings that may hold passwords, and how they are told: that there is one, never which.

They stand in campaign.json, which jobs read; logs are read by others, and are sent around.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hpo.shown import without_values

SECRET = frozenset({"env_setup", "extra", "command", "notify"})

_VALUE = re.compile(r"^(?P<name>[\w-]+)=.*", re.DOTALL)
_ASSIGNED = re.compile(r"\w=(?P<value>'[^']*'|\"[^\"]*\"|[^\s;&|]+)")
LEAST = 4  # characters of a value that is worth hiding


def is_secret(key: str) -> bool:
    """Whether the setting `key`, also with its section or with an inner name, may be one."""
    return any(part in SECRET for part in key.split("."))


def told_setting(key: str, value: object) -> str:
    """What a key is set to, as it may be told."""
    if is_secret(key):
        return "…"
    if isinstance(value, list):
        return str([_VALUE.sub(r"\g<name>=…", str(word)) for word in value])
    return "nothing" if value is None else without_values(str(value))


def redacted(text: str, lines: Iterable[str]) -> str:
    """What the shell lines `lines` printed, or they themselves, without the values assigned there.

    Those are taken out wherever they stand, because a shell repeats them in its errors.
    """
    values = {match["value"].strip("'\"") for line in lines for match in _ASSIGNED.finditer(line)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= LEAST:
            text = text.replace(value, "…")
    return text
