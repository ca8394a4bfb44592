"""The one file of all standing results: what a line holds, and what a torn one is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpo.folder import all_results
from hpo.folder.files import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    found.results.mkdir()
    return found


def result(trial_id: int, attempt: int | None = 0, n_reports: int = 2, **more: Any) -> Any:
    reports = [
        {"epoch": epoch, "loss": 1 / epoch, "time": 1.7e9 + epoch / 7, "elapsed": epoch / 7}
        for epoch in range(1, n_reports + 1)
    ]
    return {
        "trial_id": trial_id,
        "status": "completed",
        "error": 0.5,
        "metric": "loss",
        "config": {"lr": 0.1},
        "attempt": attempt,
        "cause": None,
        "traceback": "a long one",
        "reports": reports,
    } | more


def line(*args: Any, **more: Any) -> str:
    text = all_results.line_of(result(*args, **more))
    assert text is not None
    return text


def test_a_line_holds_the_result_with_its_reports_as_columns(layout: Layout) -> None:
    all_results.append(layout, [line(3)])
    found = all_results.read(layout)[3]
    assert (found["status"], found["error"], found["config"]) == ("completed", 0.5, {"lr": 0.1})
    assert found["reports"]["epoch"] == [1, 2]
    assert found["reports"]["elapsed"] == [0.143, 0.286]
    assert "traceback" not in found
    assert "cause" not in found


def test_of_a_long_history_a_line_holds_an_even_part_with_the_last(layout: Layout) -> None:
    all_results.append(layout, [line(0, n_reports=1001, message="x" * 5000)])
    found = all_results.read(layout)[0]
    epochs = found["reports"]["epoch"]
    assert len(epochs) <= all_results.MOST_REPORTS
    assert epochs[-1] == 1001
    assert set(map(int.__sub__, epochs[1:], epochs)) == {11}
    assert found["reports_left_out"] == 1001 - len(epochs)
    assert len(found["message"]) == 300


def test_the_last_line_of_a_trial_stands(layout: Layout) -> None:
    all_results.append(layout, [line(0), line(1)])
    all_results.append(layout, [line(0, 4, error=0.25)])
    assert all_results.read(layout)[0]["error"] == 0.25
    assert all_results.told(layout) == {0: (4, "completed"), 1: (0, "completed")}


@pytest.mark.parametrize(
    "odd",
    [
        {"trial_id": "3"},
        {"trial_id": True},
        {"attempt": "1"},
        {"error": float("nan")},
        {"config": {"lr": float("inf")}},
    ],
)
def test_what_is_no_result_has_no_line(odd: dict[str, Any]) -> None:
    assert all_results.line_of(result(0) | odd) is None


def test_odd_reports_are_left_out(layout: Layout) -> None:
    odd = [3, {"epoch": 1}, {"loss": 2.0, "time": "noon"}]
    all_results.append(layout, [line(0, reports=odd), line(1, reports=5), line(2, None)])
    assert all_results.read(layout)[0]["reports"] == {
        "epoch": [1, None],
        "loss": [None, 2.0],
        "time": [None, "noon"],
    }
    assert all_results.read(layout)[1]["reports"] == {}
    assert all_results.told(layout) == {i: (a, "completed") for i, a in ((0, 0), (1, 0), (2, None))}


def test_a_torn_last_line_is_none_and_the_next_line_stands_by_itself(layout: Layout) -> None:
    all_results.append(layout, [line(0)])
    whole = layout.all_results.read_text()
    layout.all_results.write_text(whole + line(1)[:40])
    assert set(all_results.read(layout)) == {0}
    assert all_results.told(layout) is None
    all_results.append(layout, [line(2)])
    assert layout.all_results.read_text().endswith(f"\n{line(2)}\n")
    # Which trial the torn line was of nobody knows: it may be one that has an older line.
    assert all_results.read(layout) == {}
    assert all_results.told(layout) is None


@pytest.mark.parametrize("text", ["[]\n", "5\n", '{"trial_id":"x"}\n', "\n", "[" * 10**5 + "\n"])
def test_a_file_with_anything_else_in_it_is_worth_nothing(layout: Layout, text: str) -> None:
    all_results.append(layout, [line(0)])
    with layout.all_results.open("a") as file:
        file.write(text)
    assert all_results.read(layout) == {}
    assert all_results.told(layout) is None


def test_where_there_is_no_file_nothing_is_known(layout: Layout) -> None:
    assert all_results.read(layout) == {}
    assert all_results.told(layout) is None
    all_results.begin(layout)
    assert all_results.told(layout) == {}


def test_every_line_is_json_for_others(layout: Layout) -> None:
    odd = 'ends in "format":1}'
    all_results.append(layout, [line(0, message=odd, config={"é": odd, "format": 1})])
    (text,) = layout.all_results.read_text().splitlines()
    assert json.loads(text)["message"] == odd
    assert json.loads(text)["format"] == 1
