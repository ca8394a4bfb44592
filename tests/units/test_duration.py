"""How times are said to people."""

from __future__ import annotations

import pytest

from hpo.units.duration import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (1.4, "1 s"), (119, "119 s"), (120, "2 min"), (3599, "1 h"),
        (3660, "1 h 1 min"),
        (7200, "2 h"), (100_000, "27 h 47 min"),
    ],
)  # fmt: skip
def test_a_time_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
