"""How long something takes, in words for people."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """`45 s`, `3 min`, `2 h 30 min`: as a person says it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = ([f"{hours} h"] if hours else []) + ([f"{minutes} min"] if minutes or not hours else [])
    return " ".join(parts)
