"""The user's limits against what a campaign wants."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_wish import WISH

from hpo.cluster.slurm.site import Association, Limit, Use
from hpo.doctor import limits

QOS = Limit("QOS normal")


def test_without_limits_all_is_well_and_what_the_user_has_there_is_told() -> None:
    (found,) = limits.jobs([], Use(3, 5, 3), WISH)
    assert found.verdict == "ok"
    assert "3 running and 5 waiting" in found.found
    roomy = replace(QOS, jobs=100, submitted=500, gpus=64, gpus_a_job=4)
    assert [f.verdict for f in limits.jobs([roomy], Use(), WISH)] == ["ok"]


@pytest.mark.parametrize(
    ("limit", "use", "verdict", "advice"),
    [
        (replace(QOS, jobs=0), Use(), "fail", "slurm.account or slurm.qos"),
        (replace(QOS, submitted=0), Use(), "fail", "slurm.account or slurm.qos"),
        (replace(QOS, jobs=6), Use(running=2), "warn", "max_concurrent_jobs to 4"),
        (replace(QOS, jobs=2), Use(running=5), "warn", "max_concurrent_jobs to 1"),
        (replace(QOS, submitted=50), Use(1, 49), "warn", "wait, cancel some"),
        (replace(QOS, submitted=120), Use(1, 49), "warn", "max_queued_jobs to 70"),
        (replace(QOS, gpus=6), Use(1, 0, 2), "warn", "max_concurrent_jobs to 4"),
        (replace(QOS, gpus=0), Use(), "fail", "slurm.gpus to 0"),
        (replace(QOS, gpus_a_job=0), Use(), "fail", "slurm.gpus to 0"),
    ],
)
def test_a_limit_that_is_too_small_is_told_with_the_setting_to_change(
    limit: Limit, use: Use, verdict: str, advice: str
) -> None:
    (found,) = limits.jobs([limit], use, WISH)
    assert found.verdict == verdict
    assert limit.whose in found.found
    assert advice in found.advice


def test_where_the_user_did_not_say_how_many_to_queue_their_other_jobs_count_already() -> None:
    use, limit = Use(1, 49), replace(QOS, submitted=120)
    assert limits.jobs([limit], use, WISH)[0].verdict == "warn"
    assert limits.jobs([limit], use, replace(WISH, says_queued=False))[0].verdict == "ok"


def test_no_gpu_limit_matters_to_a_campaign_without_gpus() -> None:
    (found,) = limits.jobs([replace(QOS, gpus=0)], Use(), replace(WISH, gpus=0))
    assert found.verdict == "ok"


def test_a_limit_of_all_users_of_an_account_says_so() -> None:
    (found,) = limits.jobs([Limit("account lab", jobs=2, shared=True)], Use(), WISH)
    assert "account lab (all its users together)" in found.found


def test_a_time_beyond_that_of_the_qos_never_starts() -> None:
    assert limits.wall_time([QOS, replace(QOS, wall_min=120)], 120) == []
    (found,) = limits.wall_time([replace(QOS, wall_min=60)], 120)
    assert (found.verdict, found.check) == ("fail", "time")
    assert "set slurm.time to 60" in found.advice


@pytest.mark.parametrize(
    ("size", "verdict"), [(None, "unknown"), (0, "warn"), (99, "warn"), (100, "ok")]
)
def test_arrays_that_hold_fewer_than_wanted_are_told(size: int | None, verdict: str) -> None:
    assert limits.arrays(size, WISH).verdict == verdict


@pytest.mark.parametrize(
    ("asked", "told", "verdict"),
    [
        (None, None, "unknown"),
        (None, Association(None), "unknown"),
        (None, Association("lab", ("lab",)), "ok"),
        ("lab", Association("lab", ("lab",)), "ok"),
        ("nope", Association("nope", ("lab", "other")), "fail"),
        ("nope", Association("nope"), "fail"),
    ],
)
def test_an_account_that_the_user_does_not_have_is_named_with_those_they_have(
    asked: str | None, told: Association | None, verdict: str
) -> None:
    assert limits.account(asked, told, enforced=False).verdict == "ok"
    found = limits.account(asked, told, enforced=True)
    assert found.verdict == verdict
    if verdict == "fail":
        assert "yours: " in found.advice
