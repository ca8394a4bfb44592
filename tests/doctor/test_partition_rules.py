"""Partitions, times, preemption and accounting, as the cluster tells of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_wish import WISH

from hpo.cluster.slurm.site import Association, Rules, Site
from hpo.cluster.slurm.time_limit import TimeLimit
from hpo.doctor import partition

EMPTY: frozenset[str] = frozenset()
MAIN = Rules("main", True, "UP", "REQUEUE", 0, EMPTY, EMPTY, EMPTY, None)
GPU = replace(MAIN, name="gpu", is_default=False)
SITE = Site("c", "22.05", 1001, True, "REQUEUE", 30, False, True, EMPTY)
LAB = Association("lab", ("lab",))


def test_the_partition_that_is_used_is_named() -> None:
    (found,) = partition.partition([MAIN, GPU], None, LAB, "normal")
    assert (found.verdict, found.found) == (
        "ok",
        "main (the default one; slurm.partition is not set)",
    )
    (found,) = partition.partition([MAIN, GPU], "gpu,main", None, None)
    assert (found.verdict, found.found) == ("ok", "main, gpu")


@pytest.mark.parametrize(
    ("rules", "wanted", "qos", "verdict", "words"),
    [
        ([], None, None, "unknown", "tells of none"),
        ([MAIN, GPU], "gpus", None, "fail", "did you mean gpu?"),
        ([MAIN], "zzz", None, "fail", "has no partition zzz"),
        ([GPU], None, None, "fail", "no default"),
        ([replace(MAIN, state="DRAIN")], None, None, "fail", "is DRAIN"),
        ([replace(MAIN, state="DOWN")], None, None, "warn", "is DOWN"),
        ([replace(MAIN, accounts=frozenset({"own"}))], None, None, "fail", "only of own"),
        ([replace(MAIN, denied=frozenset({"lab"}))], None, None, "fail", "only of all but lab"),
        ([replace(MAIN, qos=frozenset({"own"}))], None, "normal", "fail", "QOS normal, only"),
    ],
)
def test_a_partition_that_takes_no_jobs_is_told(
    rules: list[Rules], wanted: str | None, qos: str | None, verdict: str, words: str
) -> None:
    (found,) = partition.partition(rules, wanted, LAB, qos)
    assert found.verdict == verdict
    assert words in found.found


def test_a_time_that_the_partition_does_not_allow_is_told_with_the_one_that_it_does() -> None:
    assert partition.time("2:00:00", TimeLimit(120, 120), 120).verdict == "ok"
    found = partition.time("5-0", TimeLimit(4320, 4320, "partition main allows no more"), 7200)
    assert found.verdict == "warn"
    assert '"3-00:00:00"' in found.advice


def test_a_maintenance_ahead_is_told() -> None:
    whole = TimeLimit(120, 120)
    assert partition.maintenance(whole, whole).verdict == "ok"
    cut = partition.maintenance(TimeLimit(60, 120, "maintenance m begins at noon"), whole)
    assert (cut.verdict, "1:00:00" in cut.advice) == ("warn", True)
    waits = partition.maintenance(TimeLimit(120, 120, "m: too little is left"), whole)
    assert (waits.verdict, waits.found) == ("warn", "m: too little is left")


def test_a_save_that_has_to_fit_into_the_grace_of_a_preemption_is_told() -> None:
    never = replace(WISH, checkpoint_interval=0)
    found = partition.preemption(SITE, [MAIN], WISH)
    assert found.verdict == "ok"
    assert "main: REQUEUE" in found.found
    brief = replace(SITE, kill_wait_s=5)
    assert partition.preemption(brief, [MAIN], never).verdict == "warn"
    assert partition.preemption(brief, [replace(MAIN, grace_s=60)], never).verdict == "ok"
    unknown = replace(SITE, kill_wait_s=None, warns=True)
    found = partition.preemption(unknown, [replace(MAIN, preempt_mode="")], never)
    assert "the warning signal as well" in found.found
    found = partition.preemption(SITE, [replace(MAIN, preempt_mode="CANCEL")], WISH)
    assert "another is asked for" in found.found


def test_where_nothing_is_preempted_it_is_said() -> None:
    for site, rule in (
        (replace(SITE, preempts=False), MAIN),
        (SITE, replace(MAIN, preempt_mode="OFF")),
    ):
        assert "not preempted" in partition.preemption(site, [rule], WISH).found


def test_jobs_that_shall_not_come_back_are_told() -> None:
    assert partition.requeue({}).verdict == "ok"
    assert partition.requeue({"no-requeue": True}).verdict == "warn"
    assert partition.requeue({"requeue": False}).verdict == "warn"


def test_a_cluster_without_accounting_is_told() -> None:
    assert partition.accounting(SITE, None).verdict == "ok"
    assert "connection refused" in partition.accounting(SITE, "connection refused").found
    assert "keeps none" in partition.accounting(replace(SITE, accounts=False), "x").found
