"""What one job that tried a trial says about the campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_wish import WISH

from hpo.doctor.tried import Ground, Tryout, judge, lines_to_paste
from hpo.record.result import Outcome, Result
from hpo.units.sizes import Size

LEG = Result(Outcome.COMPLETED, 0.1, 1, 60.0, mem_used_mb=1000)
GROUND = Ground("/env/python", 2.5, "", "0", "NVIDIA's 550.54", ("L40S",))
GOOD = Tryout(
    "17",
    waited_s=12.0,
    node="gpu1",
    ground=GROUND,
    first=LEG,
    second=replace(LEG, resource=2, elapsed=40.0),
    went_on_at=2,
    checkpoint_bytes=12_000_000,
    epochs=50,
)


def verdicts(tryout: Tryout) -> dict[str, str]:
    return {one.check: one.verdict for one in judge(tryout, WISH)}


def test_a_try_that_went_well_and_the_settings_that_follow() -> None:
    assert verdicts(GOOD) == dict.fromkeys(
        ["job", "its python", "its gpu", "epoch", "checkpoint", "memory used", "time needed"], "ok"
    )
    assert lines_to_paste(GOOD) == [
        'time: "1:00:00"     # 50 epochs of 40 s',
        "mem: 1536M          # 1000M were used",
    ]


def test_settings_that_are_too_small_are_told() -> None:
    large = replace(GOOD, epochs=5000, first=replace(LEG, mem_used_mb=3000))
    assert verdicts(large)["time needed"] == "warn"
    assert verdicts(large)["memory used"] == "warn"
    assert lines_to_paste(large)[0].startswith('time: "2-00:00:00"')


def test_where_nothing_is_asked_for_or_known() -> None:
    bare = replace(GOOD, epochs=None, first=replace(LEG, mem_used_mb=0), second=None, ground=None)
    assert verdicts(bare)["memory used"] == "unknown"
    assert verdicts(bare)["time needed"] == "unknown"
    assert verdicts(bare)["checkpoint"] == "ok"
    assert lines_to_paste(bare) == []
    free = replace(WISH, gpus=0, size=Size())
    assert {one.verdict for one in judge(GOOD, free)} == {"ok"}


def test_a_job_that_never_came_to_a_trial() -> None:
    found = judge(Tryout("17", "it cannot start on gpu1: no module"), WISH)
    assert [(one.check, one.verdict) for one in found] == [("job", "fail")]
    assert "no module" in found[0].found
    assert lines_to_paste(Tryout("17")) == []


@pytest.mark.parametrize(
    ("ground", "verdict"),
    [
        (replace(GROUND, gpus_given=None), "fail"),
        (replace(GROUND, gpus_given="-1"), "fail"),
        (replace(GROUND, driver=None, models=()), "warn"),
        (replace(GROUND, imports_s=None), "ok"),
    ],
)
def test_gpus_on_the_node(ground: Ground, verdict: str) -> None:
    assert verdicts(replace(GOOD, ground=ground))["its gpu"] == verdict


def test_lines_that_failed_on_the_node_are_told() -> None:
    ground = replace(GROUND, failed_lines="line 1 of env_setup")
    assert verdicts(replace(GOOD, ground=ground))["its env_setup"] == "warn"


@pytest.mark.parametrize(
    ("leg", "verdict", "words"),
    [
        (replace(LEG, outcome=Outcome.FAILED, cause="exception", message="a\nKeyError: b"), "fail",
         "KeyError: b"),
        (replace(LEG, outcome=Outcome.FAILED), "fail", "no reason was given"),
        (replace(LEG, outcome=Outcome.INTERRUPTED), "warn", "interrupted"),
        (replace(LEG, metric=None), "warn", "no finite number"),
        (replace(LEG, gpu_use=83.0), "ok", "GPU used 83 %"),
    ],
)  # fmt: skip
def test_how_the_first_epoch_went(leg: Result, verdict: str, words: str) -> None:
    (found,) = [one for one in judge(replace(GOOD, first=leg), WISH) if one.check == "epoch"]
    assert found.verdict == verdict
    assert words in found.found


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"checkpoint_bytes": None, "second": None}, "warn"),
        ({"went_on_at": 1}, "warn"),
        ({"went_on_at": None}, "ok"),
        ({"second": replace(LEG, outcome=Outcome.FAILED, message="x\nbad keys")}, "fail"),
    ],
)
def test_how_the_checkpoint_went(change: dict[str, object], verdict: str) -> None:
    assert verdicts(replace(GOOD, **change))["checkpoint"] == verdict  # type: ignore[arg-type]
