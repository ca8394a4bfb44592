"""The lines of `hpo status`: words, widths, and nothing that a terminal obeys."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from hpo.report.status_document import (
    FailureKind,
    Forecast,
    Jobs,
    Quarantine,
    RungCount,
    Status,
    Step,
    WaitReason,
)
from hpo.report.status_words import Look, Part, Shown, cut, lines, short_line, width

NOON = 1764590400.0
SHOWN = Shown("mlp_asha", NOON, [Part("running 5 h", "good"), Part(", manager job 812")], "out/mlp")
STATUS = Status(
    updated=NOON,
    n_trials=81,
    trials={"paused": 46, "running": 12, "completed": 19, "failed": 3, "stopped": 0, "offered": 0},
    rungs=(
        RungCount(0, 0, 1, 81, 81, 0, 27),
        RungCount(0, 1, 3, 19, 27, 8),
        RungCount(0, 2, 9, 3, 9, 1),
        RungCount(0, 3, 27, 0, 3),
    ),
    best_trial_id=37,
    best_error=0.0412,
    best_resource=9,
    incumbent=(
        Step(NOON - 9000, 0.061, 3),
        Step(NOON - 6000, 0.05, 3),
        Step(NOON - 2400, 0.0412, 37),
    ),
    jobs=Jobs(
        83,
        12,
        (
            WaitReason("Priority", 71, "other jobs come first"),
            WaitReason("QOSMaxGRESPerUser", 12, "the QOS is at a limit", "max_concurrent_jobs: 12"),
        ),
    ),
    hours=27.0,
    hours_running=0.1,
    lost_hours=1.9,
    lost_legs=2,
    hours_of="GPUs",
    lost_by={"preempted": 2},
    forecast=Forecast(NOON + 9600, NOON + 3000, NOON + 22200, 41.0, 36.0, 52.0),
    failures=(FailureKind("cuda_out_of_memory", 2, 14, "CUDA out of memory. Tried 2 GiB"),),
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def told(status: Status = STATUS, **look: Any) -> list[str]:
    return lines(status, SHOWN, Look(**({"columns": 100} | look)))


def row(label: str, rows: list[str]) -> str:
    return next(line for line in rows if line.startswith(f" {label} "))


def test_all_that_one_wants_to_know() -> None:
    rows = told()
    assert rows[0] == "mlp_asha  running 5 h, manager job 812"
    assert (
        row("trials", rows)
        == " trials  81: 46 paused  12 running  19 complete  3 failed  1 to come"
    )
    assert re.sub("[█▏▎▍▌▋▊▉]+", "=", row("rung", rows)) == (
        " rung    1 = 81/81    3 = 19/27    9 = 3/9    27 0/3"
    )
    assert row("best", rows) == (
        " best    0.0412 (trial 37, epoch 9)   0.061 ████▄▄▄▄▄▁▁▁ 0.0412   last better 40 min ago"
    )
    assert " jobs    12 run, 83 wait: 71: other jobs come first" in "\n".join(rows)
    assert "12 QOSMaxGRESPerUser -> max_concurrent_jobs: 12" in "\n".join(rows)
    hours = " ".join("\n".join(rows).split())
    assert "GPU-h 27.1 used, 1.9 lost (2 preempted); foreseen 41.0 (36.0-52.0)" in hours
    assert re.search(r"ends about \d\d:\d\d \(\d\d:\d\d-\d\d:\d\d\)", hours)
    assert "failed 2 x cuda_out_of_memory (CUDA out of memory. Tried 2 GiB)" in hours
    assert "-> hpo why out/mlp 14" in hours


def test_the_longest_bar_is_that_of_a_full_rung() -> None:
    bars = re.findall("[█▏▎▍▌▋▊▉]+", row("rung", told(columns=200)))
    assert [len(bar) for bar in bars] == [16, 12, 6]
    assert re.findall("#+", row("rung", told(blocks=False)))[0] == "#" * 11


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_longer_than_the_terminal(columns: int, colour: bool) -> None:
    hostile = "\x1b[31m[red]\n" + "很" * 200 + "a" * 200
    for status in (STATUS, hostile_status(hostile)):
        rows = lines(status, replace(SHOWN, name=hostile, folder="/x" * 90), Look(columns, colour))
        for line in rows:
            assert width(ANSI.sub("", line)) <= columns
            assert line.isprintable() or colour
            assert ANSI.sub("", line).isprintable()


def hostile_status(text: str) -> Status:
    return replace(
        STATUS,
        resource_attr=text,
        failures=tuple(FailureKind(text, 1, n, text) for n in range(9)),
        jobs=Jobs(9, 9, tuple(WaitReason(text, 1, text, text) for _ in range(9)), NOON + 60),
        lost_by={text: 3},
        quarantined=tuple(Quarantine(text, NOON + 60.0, text) for _ in range(9)),
    )


def test_colours_say_nothing_that_words_do_not() -> None:
    plain, coloured = told(), told(colour=True)
    assert [ANSI.sub("", line) for line in coloured] == plain
    assert coloured != plain


def test_what_is_not_known_is_left_out() -> None:
    assert told(Status()) == [
        "mlp_asha  running 5 h, manager job 812",
        " trials  0",
        " best    no result yet",
        " jobs    0 run, 0 wait",
    ]


def test_an_ended_campaign_says_where_its_result_lies() -> None:
    ended = replace(STATUS, ended="all trials ended", jobs=Jobs())
    rows = told(ended)
    assert rows[-1] == " result  out/mlp/best_config.json, final_results.json"
    text = "\n".join(rows)
    for gone in ("ends about", "to come", "last better", " jobs "):
        assert gone not in text
    nothing = told(replace(ended, best_error=None, best_trial_id=None))
    assert nothing[-1] == " result  out/mlp/final_results.json"


def test_without_a_manager_no_end_is_foretold() -> None:
    alone = replace(SHOWN, is_managed=False)
    assert "ends about" not in "\n".join(lines(STATUS, alone, Look(100)))
    assert "ends about" not in short_line(STATUS, alone, Look(200), 10)


def test_short_hours_are_told_too() -> None:
    brief = replace(STATUS, hours=0.0123, hours_running=0.0, lost_hours=None, lost_legs=0)
    assert row("GPU-h", told(brief)).startswith(" GPU-h   0.012 used; foreseen")


def test_the_command_to_go_on_is_never_cut() -> None:
    command = "cd '/home/anna b' && hpo run --config search.py"
    rows = lines(STATUS, replace(SHOWN, go_on=command), Look(40))
    start = next(i for i, line in enumerate(rows) if line.startswith(" go on"))
    assert " ".join(line.strip() for line in rows[start:]).endswith(command)


def test_a_best_that_became_worse_was_last_better_before_that() -> None:
    steps = (Step(NOON - 7200, 0.5), Step(NOON - 3600, 0.25), Step(NOON - 60, 0.3))
    assert "last better 1 h ago" in "\n".join(told(replace(STATUS, incumbent=steps)))
    rising = replace(STATUS, mode="max", incumbent=steps)
    assert "last better 60 s ago" in "\n".join(told(rising))


def test_a_line_each_for_several() -> None:
    line = short_line(STATUS, SHOWN, Look(100), 10)
    assert line.startswith("mlp_asha    running 5 h  81 trials: 12 running, 3 failed  best 0.0412")
    assert "ends about" in line
    assert width(short_line(STATUS, SHOWN, Look(40), 10)) == 40
    assert short_line(None, SHOWN, Look(100), 10) == "mlp_asha    running 5 h"


def test_texts_are_cut_by_columns() -> None:
    assert cut("很很很", 4) == "很…"
    assert width("e\u0301很") == 3
