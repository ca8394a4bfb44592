"""Events as JSON and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.folder.files import to_json
from hpo.record import events as ev

TYPES: tuple[type[Any], ...] = get_args(ev.Event)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BY_ANNOTATION = {
    "bool": st.booleans(),
    "float": finite,
    "float | None": st.none() | finite,
    "int": st.integers(),
    "int | None": st.none() | st.integers(),
    "str": st.text(),
    "str | None": st.none() | st.text(),
    "Mapping[str, Any]": st.dictionaries(st.text(), values, max_size=4),
}


def any_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{f.name: BY_ANNOTATION[str(f.type)] for f in fields(cls)})


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
    for name in (f.name for f in fields(cls)):
        with pytest.raises(ValueError, match=f"not a {cls.__name__}: {name} is"):
            ev.from_record(_plain_record(cls) | {name: [1]})


def _plain_record(cls: type[Any]) -> dict[str, Any]:
    kinds: dict[str, Any] = {"bool": True, "str": "1", "Mapping[str, Any]": {}}
    values = {f.name: kinds.get(str(f.type).partition(" |")[0], 1) for f in fields(cls)}
    return {"event": cls.__name__} | values


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
