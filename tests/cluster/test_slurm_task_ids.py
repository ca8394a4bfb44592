"""Tasks of arrays, as SLURM writes many of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cluster.slurm.task_ids import in_words, tasks_of


@pytest.mark.parametrize(
    ("job_ids", "words"),
    [
        (["17"], "17"),
        (["17_3"], "17_[3]"),
        (["17_10", "17_9", "17_8", "17_2"], "17_[2,8-10]"),
        (["18_1", "17_2", "5", "17_3"], "5,17_[2-3],18_[1]"),
    ],
)
def test_many_tasks_are_told_in_few_words(job_ids: list[str], words: str) -> None:
    assert in_words(job_ids) == words


@given(st.sets(st.integers(0, 5000), min_size=1))
def test_what_is_written_can_be_read(numbers: set[int]) -> None:
    assert tasks_of(in_words([f"7_{n}" for n in numbers])) == [f"7_{n}" for n in sorted(numbers)]


@pytest.mark.parametrize("text", ["17_4", "17", "x_[1-2]", "17_[]", "17_[a-b]"])
def test_what_is_no_list_of_tasks_gives_none(text: str) -> None:
    assert tasks_of(text) == []


def test_the_limit_of_the_array_is_no_task() -> None:
    assert tasks_of("17_[4-6,9%8]") == ["17_4", "17_5", "17_6", "17_9"]


def test_what_cannot_be_read_of_a_list_is_left_out() -> None:
    assert tasks_of("17_[1,-3,5]") == ["17_1", "17_5"]
