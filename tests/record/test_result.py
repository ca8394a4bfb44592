"""What a result is in its file, and what of a file is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpo.record.result import Outcome, Result

RESULT = Result(Outcome.FAILED, 0.5, 3, 1.5, "E", "m", "n1", 1, 2, 3, True, traceback="Traceback …")


@pytest.mark.parametrize("outcome", Outcome)
def test_it_reads_back_from_its_file_without_the_traceback(outcome: Outcome) -> None:
    result = replace(RESULT, outcome=outcome)
    read = Outcome.COMPLETED if outcome is Outcome.PAUSED else outcome
    assert Result.from_json(result.to_json()) == replace(result, outcome=read, traceback=None)


def test_an_outcome_is_printed_as_its_word() -> None:
    assert f"{Outcome.FAILED}" == str(Outcome.FAILED) == "failed"


def test_what_nobody_told_is_not_in_the_file() -> None:
    result = Result(Outcome.COMPLETED, None, 9, 1.5)
    assert result.to_json()["additional_info"] == {"leg_time": 1.5, "host": ""}
    assert Result.from_json(result.to_json()) == result


@pytest.mark.parametrize("odd", [-1, True, "768", 1.5, None, 2**40, [768]])
def test_an_amount_that_no_job_tells_is_not_believed(odd: Any) -> None:
    found = RESULT.to_json()
    found["additional_info"] |= {"mem_had_mb": odd, "max_rss_mb": odd, "time_had_s": odd}
    assert Result.from_json(found) == replace(
        RESULT, mem_used_mb=0, mem_had_mb=0, time_had_s=0, traceback=None
    )


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    read = Result.from_json(replace(RESULT, elapsed=-5.0).to_json())
    assert read is not None
    assert read.elapsed == 0.0


@pytest.mark.parametrize(
    "change", [{"status": "resting"}, {"resource": True}, {"error": 10**400}, {"cause": 5}], ids=str
)
def test_what_no_job_writes_is_no_result(change: dict[str, Any]) -> None:
    assert Result.from_json(RESULT.to_json() | change) is None


GPU = replace(RESULT, code="ab12cd34", gpu_use=12.5, gpu_mem_mb=0, gpu_mem_had_mb=81_000)


def test_code_and_the_use_of_gpus_read_back() -> None:
    assert Result.from_json(GPU.to_json()) == replace(GPU, traceback=None)


@pytest.mark.parametrize("odd", [-1, True, "; rm", 101.5, [1], None])
def test_of_gpus_and_code_nothing_odd_is_believed(odd: Any) -> None:
    found = GPU.to_json()
    names = ("code", "gpu_use", "gpu_mem_mb", "gpu_mem_had_mb")
    found["additional_info"] |= dict.fromkeys(names, odd)
    unknown = replace(RESULT, traceback=None)
    assert Result.from_json(found) == unknown
