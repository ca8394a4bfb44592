"""A cluster asked about what a campaign wants: nine calls in all, and none is repeated."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

from hpo.cluster.slurm import preflight, site
from hpo.cluster.slurm.commands import ask, defaults_of_sbatch
from hpo.cluster.slurm.request import SeatRequest
from hpo.cluster.slurm.time_limit import TimeLimit, fit_time
from hpo.cluster.slurm.windows import Maintenance, Partition, read_maintenance, read_partitions
from hpo.doctor import limits, partition, request
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.errors import PollError
from hpo.settings.search import SlurmSettings

ASK_TIMEOUT_S = 30.0


def examine_slurm(
    settings: SlurmSettings, wish: Wish | None, root: Path | None, campaign: str | None
) -> tuple[str, list[Finding]]:
    """Which cluster it is, for a headline, and what can be said of it.

    Jobs of `campaign`, which is in the folder already, are no other jobs of the user.
    """
    try:
        config = ask(["scontrol", "show", "config"], timeout_s=ASK_TIMEOUT_S)
    except PollError as err:
        return "SLURM", [_silent(err)]
    told = site.read_site(config)
    headline = f"SLURM {told.version} (cluster {told.name})"
    findings = [Finding("slurm", "ok", f"the controller of {told.name} answers")]
    return headline, findings + _examine(told, settings, wish, campaign) + _paths(root)


def _silent(err: PollError) -> Finding:
    words = " ".join(str(err).split())
    conf = os.environ.get("SLURM_CONF")
    where = f"; SLURM_CONF is {conf}" if conf else ""
    return Finding(
        "slurm",
        "fail",
        f"no controller answers: {words[:300]}{where}",
        "try `scontrol ping`; go to a login node, correct SLURM_CONF, or wait. To run on this "
        "machine instead: --executor local",
    )


def _examine(
    told: site.Site, settings: SlurmSettings, wish: Wish | None, campaign: str | None
) -> list[Finding]:
    user = pwd.getpwuid(os.geteuid()).pw_name
    partitions_text = _ask("scontrol", "show", "partition", "-o")
    rules = site.read_rules(partitions_text or "")
    used = partition.used_rules(rules, settings.partition)
    names = [rule.name for rule in used]
    association = _association(user, settings, names)
    qos = settings.qos or (None if association is None else association.qos)
    findings = partition.partition(rules, settings.partition, association, qos)
    findings.append(limits.account(settings.account, association))
    asked = SeatRequest(settings)
    options = asked.sbatch_options()
    resources: list[Finding] = []
    if wish is not None and names:
        nodes = site.read_nodes(_ask("sinfo", "-h", "-o", site.NODES_FORMAT) or "", names)
        resources = request.resources(nodes, wish, settings.max_mem_mb)
    answer = request.request(_tried(options), asked.describe())
    findings += [*resources, *([] if request.is_told(answer, resources) else [answer])]
    if names:
        findings += _times(settings, names, partitions_text or "")
    if wish is not None:
        findings += _limits(told, wish, association, qos, used, user, settings, campaign)
        findings.append(partition.preemption(told, used, wish))
    findings.append(partition.requeue(settings.extra))
    findings.append(partition.accounting(told, _sacct_problem(user)))
    return findings + _profile()


def _association(user: str, settings: SlurmSettings, names: list[str]) -> site.Association | None:
    fields = f"format={site.ASSOCIATION_FIELDS}"
    text = _ask("sacctmgr", "-nP", "show", "user", user, "withassoc", fields)
    if not text:
        return None
    return site.read_association(text, settings.account, names[0] if names else None)


def _tried(options: list[str]) -> preflight.Tried | None:
    try:
        return preflight.tried(options)
    except PollError:
        return None


def _times(settings: SlurmSettings, names: list[str], partitions_text: str) -> list[Finding]:
    known = [p for p in read_partitions(partitions_text) if p.name in names]
    reservations = _ask("scontrol", "show", "reservation", "-o")
    without = _limit(settings, known, [])
    found = [partition.time(settings.longest_time, without, settings.time_min)]
    if reservations is None:
        return [*found, Finding("maintenance", "unknown", "SLURM does not tell its reservations")]
    limit = _limit(settings, known, read_maintenance(reservations))
    return [*found, partition.maintenance(limit, without)]


def _limit(settings: SlurmSettings, known: list[Partition], ahead: list[Maintenance]) -> TimeLimit:
    return fit_time(settings.time_min, known, ahead, time.time())


def _limits(
    told: site.Site,
    wish: Wish,
    association: site.Association | None,
    qos: str | None,
    used: list[site.Rules],
    user: str,
    settings: SlurmSettings,
    campaign: str | None,
) -> list[Finding]:
    queue = _ask("squeue", "-h", "-r", "-u", user, "-o", site.USE_FORMAT)
    findings = [limits.arrays(told.max_array_size, wish)]
    if queue is None:
        return [*findings, Finding("jobs", "unknown", "squeue does not tell of your jobs")]
    names = {name for name in (qos, *(rule.own_qos for rule in used)) if name is not None}
    known = list(association.limits) if association is not None else []
    if names:
        text = _ask("sacctmgr", "-nP", "show", "qos", f"format={site.QOS_FIELDS}") or ""
        known += site.read_qos(text, names)
    findings += limits.jobs(known, site.read_use(queue, campaign), wish)
    return findings + limits.wall_time(known, settings.time_min)


def _sacct_problem(user: str) -> str | None:
    try:
        ask(["sacct", "-n", "-X", "-u", user, "-S", "now", "-o", "JobID"], timeout_s=ASK_TIMEOUT_S)
    except PollError as err:
        return " ".join(str(err).split())[:200]
    return None


def _profile() -> list[Finding]:
    """What a profile says to sbatch, which would win over the settings."""
    return [
        Finding(
            "environment",
            "warn",
            f"your environment has {told.partition(' (')[0].partition('=')[0]}, which jobs of a "
            "campaign are asked for without",
            told.partition(" (")[2].removesuffix(")") + " in the configuration, where you need it",
        )
        for told in defaults_of_sbatch(os.environ)
    ]


def _paths(root: Path | None) -> list[Finding]:
    if root is None:
        return []
    problems = preflight.path_problems(root)
    if any(root.is_relative_to(own) for own in ("/tmp", "/var/tmp", "/dev/shm")):
        return [
            Finding(
                "shared",
                "warn",
                f"{root} is where on most clusters each node has a folder of its own: jobs "
                "elsewhere would not find it",
                "choose another --output-dir, on the cluster's shared filesystem",
            )
        ]
    return [Finding("shared", "fail", text, "choose another --output-dir") for text in problems]


def _ask(*command: str) -> str | None:
    """What a program answers; None: nothing."""
    try:
        return ask(command, timeout_s=ASK_TIMEOUT_S)
    except PollError:
        return None
