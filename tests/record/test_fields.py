"""A JSON object becomes a dataclass, or the first field that is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from hpo.record.fields import from_json


@dataclass(frozen=True)
class Sample:
    name: str
    seconds: float
    count: int = 0
    note: str | None = None


def test_what_was_written_reads_back_and_defaults_may_be_left_out() -> None:
    assert from_json(Sample, {"name": "a", "seconds": 1.5, "note": None}) == Sample("a", 1.5)
    assert from_json(Sample, {"name": "a", "seconds": 2, "count": 3}) == Sample("a", 2, 3)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "not a Sample: None"),
        ([1], r"not a Sample: \[1\]"),
        ({"name": "a", "seconds": "1"}, "not a Sample: seconds is '1'"),
        ({"name": "a", "seconds": True}, "not a Sample: seconds is True"),
        ({"name": "a", "seconds": 1.0, "count": 1.0}, "not a Sample: count is 1.0"),
        ({"name": "a"}, "not a Sample: .*seconds"),
        ({"name": "a", "seconds": 1.0, "more": 1}, "not a Sample: .*more"),
    ],
)
def test_anything_else_is_refused_by_name(found: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_json(Sample, found)
