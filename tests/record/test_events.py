"""Events as JSON and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.folder.files import to_json
from hpo.record import events as ev
from hpo.record.fields import LATEST_S
from hpo.record.result import Outcome, Result

TYPES: tuple[type[Any], ...] = get_args(ev.Event)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
whole = st.integers(-(2**63) + 1, 2**63 - 1)
seconds = st.floats(-LATEST_S, LATEST_S, exclude_min=True, exclude_max=True)
SECONDS = ("time", "until", "elapsed", "lost_s")
BY_ANNOTATION = {
    "bool": st.booleans(),
    "float": finite,
    "float | None": st.none() | finite,
    "int": whole,
    "int | None": st.none() | whole,
    "str": st.text(),
    "str | None": st.none() | st.text(),
    "Mapping[str, Any]": st.dictionaries(st.text(), values, max_size=4),
    "Sequence[int]": st.lists(whole, max_size=4),
    "Sequence[Mapping[str, Any]]": st.lists(
        st.dictionaries(st.text(), values, max_size=4), max_size=3
    ),
    "Outcome": st.sampled_from(Outcome),
}


def any_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    told = {
        name: seconds if name in SECONDS else BY_ANNOTATION[kind]
        for name, kind in plain_fields(cls)
    }
    if cls is ev.LegFinished:
        told["result"] = any_of(Result)
    return st.builds(cls, **told)


def plain_fields(cls: type[Any]) -> list[tuple[str, str]]:
    """Names and types of the fields that a journal holds as they are."""
    elsewhere = ("result", "traceback")
    return [(f.name, str(f.type)) for f in fields(cls) if f.name not in elsewhere]


@pytest.mark.parametrize("cls", TYPES)
@given(data=st.data())
def test_every_event_reads_back_from_its_line_as_it_was(
    cls: type[Any], data: st.DataObject
) -> None:
    event = data.draw(any_of(cls))
    line = to_json(ev.to_record(event))
    assert "\n" not in line
    assert ev.from_record(json.loads(line)) == event


@pytest.mark.parametrize("cls", TYPES)
def test_an_event_with_a_field_too_many_or_too_few_is_refused(cls: type[Any]) -> None:
    record = _plain_record(cls)
    assert isinstance(ev.from_record(record), cls)
    with pytest.raises(ValueError, match=f"not a {cls.__name__}.*surplus"):
        ev.from_record(record | {"surplus": 1})
    del record["time"]
    with pytest.raises(ValueError, match=f"not a {cls.__name__}.*time"):
        ev.from_record(record)


@pytest.mark.parametrize("cls", TYPES)
def test_an_event_with_a_value_of_another_kind_is_refused(cls: type[Any]) -> None:
    for name in _plain_record(cls).keys() - {"event"}:
        with pytest.raises(ValueError, match=f"not a {cls.__name__}: .*{name} is"):
            ev.from_record(_plain_record(cls) | {name: {1}})


def _plain_record(cls: type[Any]) -> dict[str, Any]:
    kinds = {"bool": True, "str": "1", "Mapping[str, Any]": {}, "Outcome": "failed"}
    kinds |= {"Sequence[int]": [], "Sequence[Mapping[str, Any]]": []}
    names = plain_fields(cls) + (plain_fields(Result) if cls is ev.LegFinished else [])
    values = {name: kinds.get(kind.partition(" |")[0], 1) for name, kind in names}
    return {"event": cls.__name__} | values


def test_a_result_lies_flat_in_its_line_without_the_traceback() -> None:
    result = Result(
        *(Outcome.FAILED, None, 3, 1.5, "E", "m", "n1", 1, 2, 3, True, True),
        *("ab12cd", 12.5, 700, 800, "long"),
    )
    line = to_json(ev.to_record(ev.LegFinished(9.0, 4, 0, 1, "7", result)))
    assert line == (
        '{"event": "LegFinished", "time": 9.0, "trial_id": 4, "rung": 0, "attempt": 1, '
        '"job_id": "7", "outcome": "failed", "metric": null, "resource": 3, "elapsed": 1.5, '
        '"cause": "E", "message": "m", "node": "n1", "mem_used_mb": 1, "mem_had_mb": 2, '
        '"time_had_s": 3, "goes_on": true, "early": true, "code": "ab12cd", "gpu_use": 12.5, '
        '"gpu_mem_mb": 700, '
        '"gpu_mem_had_mb": 800, "silence_s": 0.0}'
    )
    read = ev.from_record(json.loads(line))
    assert isinstance(read, ev.LegFinished)
    assert read.result == replace(result, traceback=None)


@pytest.mark.parametrize("change", [{"outcome": "exploded"}, {"result": {}}, {"traceback": "x"}])
def test_what_no_result_says_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a LegFinished"):
        ev.from_record(_plain_record(ev.LegFinished) | change)


@pytest.mark.parametrize("name", ["TrialExploded", "", None, 3, ["TrialDrawn"], "Any"])
def test_an_unknown_event_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="no event is called"):
        ev.from_record({"event": name, "time": 0.0})


def test_a_record_without_a_type_is_refused() -> None:
    with pytest.raises(ValueError, match="no event is called None"):
        ev.from_record({"time": 0.0})


@pytest.mark.parametrize("text", ["5", "[1, 2]", "[]", "null", '"text"', "[[1, 2]]"])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        ev.from_record(json.loads(text))


def test_fields_added_with_a_default_may_be_missing_in_old_journals() -> None:
    record = {"event": "LegOffered", "time": 0.0, "trial_id": 1, "rung": 0, "attempt": 0}
    assert ev.from_record(record) == ev.LegOffered(0.0, 1, 0, 0, target=None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": 1e300}, "time is 1e+300, which is no time"),
        ({"time": -1e12}, "which is no time"),
        ({"time": 10**299}, "which is no time"),
        ({"time": float("nan")}, "which is no time"),
        ({"trial_id": 2**63}, "trial_id is out of bounds"),
        ({"metric": float("inf")}, "metric is out of bounds"),
        ({"metric": 10**309}, "metric is out of bounds"),
        ({"elapsed": 1e12}, "elapsed is 1000000000000.0, which is no time"),
    ],
    ids=str,
)
def test_a_number_out_of_bounds_is_named(change: dict[str, Any], words: str) -> None:
    told = Result(Outcome.COMPLETED, 0.5, 9, 1.0)
    record = ev.to_record(ev.LegFinished(1.0, 0, 0, 0, "7", told))
    with pytest.raises(ValueError, match="not a ") as caught:
        ev.from_record(record | change)
    assert words in str(caught.value)
