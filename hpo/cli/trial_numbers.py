"""The numbers of trials as people type them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hpo.errors import SettingsError


def read_numbers(words: Iterable[str]) -> list[int]:
    """17 from `17` or `trial_17`.

    Raises:
        SettingsError: with all words that are no number.
    """
    digits = {word: word.removeprefix("trial_") for word in words}
    wrong = [word for word, text in digits.items() if not re.fullmatch(r"[0-9]{1,18}", text)]
    if wrong:
        problems = [f"{word!r} is no trial's number, such as 17" for word in wrong]
        raise SettingsError(problems, where="the command")
    return [int(text) for text in digits.values()]
