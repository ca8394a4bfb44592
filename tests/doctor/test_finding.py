"""What a check came to."""

from __future__ import annotations

import pytest

from hpo.doctor.finding import Finding, worst


def test_the_worst_of_all_counts() -> None:
    fine, odd = Finding("a", "ok", "x"), Finding("b", "unknown", "y")
    bad = Finding("c", "fail", "z", "mend it")
    assert worst([]) == "ok"
    assert worst([fine, odd]) == "unknown"
    assert worst([bad, fine, Finding("d", "warn", "z", "look")]) == "fail"


def test_a_complaint_always_says_what_to_do() -> None:
    with pytest.raises(AssertionError):
        Finding("a", "warn", "x")
    assert Finding("a", "ok", "x").to_json()["do"] is None
    assert Finding("a", "fail", "x", "do it").to_json()["do"] == "do it"
