"""Whether a partition takes the jobs, how long they run there, and whether they are pushed off.

Pure: it judges what was read.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from hpo.cluster.slurm.site import Association, Rules, Site
from hpo.cluster.slurm.time_limit import TimeLimit
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.units.duration import in_words
from hpo.units.slurm import time_text

SHORT_GRACE_S = 30


def used_rules(rules: Sequence[Rules], wanted: str | None) -> list[Rules]:
    """Those of the partitions that jobs may go to; empty where one is not there."""
    if wanted is None:
        return [rule for rule in rules if rule.is_default]
    names = wanted.split(",")
    found = [rule for rule in rules if rule.name in names]
    return found if len(found) == len(set(names)) else []


def partition(
    rules: Sequence[Rules], wanted: str | None, told: Association | None, qos: str | None
) -> list[Finding]:
    """Whether the partitions are there, take jobs, and take them from this account and QOS."""
    name = "partition"
    if not rules:
        return [Finding(name, "unknown", "SLURM tells of none")]
    known = [rule.name for rule in rules]
    used = used_rules(rules, wanted)
    if not used and wanted is None:
        return [_no_default(known)]
    if not used:
        missing = next(one for one in str(wanted).split(",") if one not in known)
        near = difflib.get_close_matches(missing, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return [
            Finding(
                name,
                "fail",
                f"SLURM has no partition {missing}{hint}",
                f"set slurm.partition to one of {', '.join(sorted(known))}",
            )
        ]
    found = [one for rule in used for one in _admission(rule, told, qos)]
    if found:
        return found
    by_default = " (the default one; slurm.partition is not set)" if wanted is None else ""
    return [Finding(name, "ok", f"{', '.join(rule.name for rule in used)}{by_default}")]


def _no_default(known: Sequence[str]) -> Finding:
    return Finding(
        "partition",
        "fail",
        "slurm.partition is not set, and SLURM has no default",
        f"set it to one of {', '.join(sorted(known))}",
    )


def _admission(rule: Rules, told: Association | None, qos: str | None) -> list[Finding]:
    """What keeps jobs out of one partition."""
    found = []
    if rule.state != "UP":
        found.append(
            Finding(
                "partition",
                "warn" if rule.state == "DOWN" else "fail",  # the others take none
                f"{rule.name} is {rule.state}: no job starts there now",
                "choose another slurm.partition, or wait until it is up",
            )
        )
    account = None if told is None else told.account
    if account is not None and (
        account in rule.denied or (rule.accounts and account not in rule.accounts)
    ):
        those = ", ".join(sorted(rule.accounts)) or f"all but {', '.join(sorted(rule.denied))}"
        found.append(
            Finding(
                "partition",
                "fail",
                f"{rule.name} takes no jobs of account {account}, only of {those}",
                "set slurm.account, or choose another slurm.partition",
            )
        )
    if qos is not None and rule.qos and qos not in rule.qos:
        found.append(
            Finding(
                "partition",
                "fail",
                f"{rule.name} takes no jobs of QOS {qos}, only of {', '.join(sorted(rule.qos))}",
                "set slurm.qos, or choose another slurm.partition",
            )
        )
    return found


def time(asked: str, without_maintenance: TimeLimit, asked_min: int) -> Finding:
    """Whether the partition allows the time that is asked for."""
    if without_maintenance.usual < asked_min:
        most = in_words(60 * without_maintenance.usual)
        return Finding(
            "time",
            "warn",
            f"{without_maintenance.why}, {asked} is asked for: jobs will ask for {most}",
            f'set slurm.time to "{time_text(without_maintenance.usual)}" or less',
        )
    return Finding("time", "ok", f"{in_words(60 * asked_min)} a job, which the partition allows")


def maintenance(limit: TimeLimit, without: TimeLimit) -> Finding:
    """Whether a maintenance cuts the time of jobs, or keeps them waiting."""
    if limit.why == without.why:
        return Finding("maintenance", "ok", "none before a job that starts now would end")
    if limit.minutes < limit.usual:
        return Finding(
            "maintenance",
            "warn",
            f"{limit.why}: jobs ask for {in_words(60 * limit.minutes)} until then, and go on from "
            "their checkpoints afterwards",
            f'to fit whole legs before it: --set slurm.time="{time_text(limit.minutes)}" and '
            "checkpoints often enough",
        )
    return Finding(
        "maintenance",
        "warn",
        limit.why,
        "start the campaign all the same, or with a shorter slurm.time; see the cluster's notices",
    )


def preemption(site: Site, rules: Sequence[Rules], wish: Wish) -> Finding:
    """What happens to jobs that owners or better QOSs push off."""
    name = "preemption"
    hit = [rule for rule in rules if site.preempts and _mode(site, rule) != "OFF"]
    if not hit:
        return Finding(name, "ok", "jobs are not preempted in this partition")
    grace_s = min(rule.grace_s for rule in hit)
    kill_s = site.kill_wait_s or 0
    modes = ", ".join(sorted({f"{rule.name}: {_mode(site, rule)}" for rule in hit}))
    told = "and the warning signal as well" if site.warns else "no warning signal before"
    back = "" if any(_mode(site, rule) == "REQUEUE" for rule in hit) else "; another is asked for"
    found = (
        f"jobs may be preempted ({modes}), with {grace_s} s of grace and {kill_s} s from SIGTERM "
        f"to SIGKILL, {told}{back}; trials go on from their last checkpoint"
    )
    if wish.checkpoint_interval == 0 and grace_s + kill_s < SHORT_GRACE_S:
        return Finding(
            name,
            "warn",
            f"{found}; with checkpoint_interval 0 a save has to fit into {grace_s + kill_s} s",
            "set hpo.checkpoint_interval to 1 or more, so that little is lost",
        )
    return Finding(name, "ok", found)


def _mode(site: Site, rule: Rules) -> str:
    return (rule.preempt_mode or site.preempt_mode).split(",")[0]


def requeue(extra: Mapping[str, object]) -> Finding:
    """Whether preempted jobs come back by themselves."""
    if "no-requeue" in extra or extra.get("requeue") is False:
        return Finding(
            "requeue",
            "warn",
            "slurm.extra says that jobs do not return to the queue",
            "remove it: a preempted job would give up its place",
        )
    return Finding("requeue", "ok", "jobs are asked for with --requeue, whatever JobRequeue says")


def accounting(site: Site, answer: str | None) -> Finding:
    """Whether sacct tells how jobs ended; `answer` is why it does not, None where it does."""
    name = "accounting"
    if site.accounts and answer is None:
        return Finding(name, "ok", "sacct answers")
    why = answer if site.accounts else "the cluster keeps none"
    return Finding(
        name,
        "warn",
        f"sacct does not tell how jobs ended: {why}",
        "nothing needs to be done: results count from files; but a job that vanishes is taken for "
        "preempted, whatever ended it, and `time: auto` and `mem: auto` learn less",
    )
