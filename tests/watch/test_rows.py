"""Which trials a table shows, and in what order."""

from __future__ import annotations

import pytest

from hpo.watch.rows import Choice, Row, arranged

ROWS = [
    Row(0, "completed", 5.0, 9, 0.5, 1, "7_1", None, {"lr": 0.1, "model": "cnn"}),
    Row(1, "failed", 4.0, 0, None, 0, "7_2", "ValueError", {"lr": 0.01, "model": "mlp"}),
    Row(2, "paused", 3.0, 3, 0.25, 1, None, None, {"lr": 0.02, "model": 3}),
    Row(3, "running", 2.0, 1, float("nan"), 0, "8_1", None, {"model": "cnn", "adam": {"b": 1}}),
]


@pytest.mark.parametrize(
    ("choice", "order"),
    [
        (Choice(), [0, 1, 2, 3]),
        (Choice(descending=True), [3, 2, 1, 0]),
        (Choice(column="value"), [2, 0, 1, 3]),
        (Choice(column="value", descending=True), [0, 2, 1, 3]),
        (Choice(column="state"), [0, 1, 2, 3]),
        (Choice(column="since"), [3, 2, 1, 0]),
        (Choice(column="job"), [0, 1, 3, 2]),
        (Choice(column="lr"), [1, 2, 0, 3]),
        (Choice(column="model"), [2, 0, 3, 1]),  # numbers and words
        (Choice(column="adam.b"), [3, 0, 1, 2]),
        (Choice(failed_only=True), [1]),
        (Choice(text="CNN"), [0, 3]),
        (Choice(text="cnn running"), [3]),
        (Choice(text="valueerror"), [1]),
        (Choice(text="adam.b=1"), [3]),
        (Choice(text="[/]"), []),
    ],
)
def test_order(choice: Choice, order: list[int]) -> None:
    assert arranged(ROWS, choice) == order


def test_the_best_comes_first_also_where_larger_is_better() -> None:
    assert arranged(ROWS, Choice(column="value"), sign=-1) == [0, 2, 1, 3]
