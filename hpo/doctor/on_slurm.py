"""A cluster asked about what a campaign wants: nine calls in all, and none is repeated."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from hpo.cluster.slurm import preflight, site
from hpo.cluster.slurm.commands import ask, defaults_of_sbatch
from hpo.cluster.slurm.request import SeatRequest
from hpo.cluster.slurm.time_limit import fit_time
from hpo.cluster.slurm.windows import read_maintenance, read_partitions
from hpo.doctor import limits, partition, request
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.errors import PollError
from hpo.folder import safety
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
    findings += _Cluster(told, settings, wish, campaign).examine()
    return headline, findings + _profile() + _paths(root)


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


class _Cluster:
    """One cluster, asked about one campaign."""

    def __init__(
        self, told: site.Site, settings: SlurmSettings, wish: Wish | None, campaign: str | None
    ) -> None:
        self._told, self._settings = told, settings
        self._wish, self._campaign = wish, campaign
        self._user = safety.login_name()
        self._partitions = _ask("scontrol", "show", "partition", "-o") or ""
        rules = site.read_rules(self._partitions)
        self._rules = rules
        self._used = partition.used_rules(rules, settings.partition)
        self._names = [rule.name for rule in self._used]
        self._association = self._read_association()
        own = None if self._association is None else self._association.qos
        self._qos = settings.qos or own

    def examine(self) -> list[Finding]:
        settings, wish = self._settings, self._wish
        findings = partition.partition(
            self._rules, settings.partition, self._association, self._qos
        )
        is_enforced = bool(self._told.enforced)
        findings.append(limits.account(settings.account, self._association, enforced=is_enforced))
        findings += self._request()
        if self._names:
            findings += self._times()
        if wish is not None:
            findings.append(limits.arrays(self._told.max_array_size, wish))
            findings += self._limits(wish) if is_enforced else self._use(wish)
            findings.append(partition.preemption(self._told, self._used, wish))
        findings.append(partition.requeue(settings.extra))
        findings.append(partition.accounting(self._told, self._sacct_problem()))
        return findings

    def _read_association(self) -> site.Association | None:
        fields = f"format={site.ASSOCIATION_FIELDS}"
        text = _ask("sacctmgr", "-nP", "show", "user", self._user, "withassoc", fields)
        if not text:
            return None
        first = self._names[0] if self._names else None
        return site.read_association(text, self._settings.account, first)

    def _request(self) -> list[Finding]:
        asked = SeatRequest(self._settings)
        resources: list[Finding] = []
        if self._wish is not None and self._names:
            text = _ask("sinfo", "-h", "-o", site.NODES_FORMAT) or ""
            nodes = site.read_nodes(text, self._names)
            resources = request.resources(nodes, self._wish, self._settings.max_mem_mb)
        try:
            tried = preflight.tried(asked.sbatch_options())
        except PollError:
            tried = None
        answer = request.request(tried, asked.describe())
        return resources if request.is_told(answer, resources) else [*resources, answer]

    def _times(self) -> list[Finding]:
        settings = self._settings
        known = [p for p in read_partitions(self._partitions) if p.name in self._names]
        now = time.time()
        without = fit_time(settings.time_min, known, [], now)
        found = [partition.time(settings.longest_time, without, settings.time_min)]
        text = _ask("scontrol", "show", "reservation", "-o")
        if text is None:
            silent = "SLURM does not tell its reservations"
            return [*found, Finding("maintenance", "unknown", silent)]
        limit = fit_time(settings.time_min, known, read_maintenance(text), now)
        return [*found, partition.maintenance(limit, without)]

    def _use(self, wish: Wish, known: Sequence[site.Limit] = ()) -> list[Finding]:
        """What the user has in the queue, against the limits that are known."""
        queue = _ask("squeue", "-h", "-r", "-u", self._user, "-o", site.USE_FORMAT)
        if queue is None:
            return [Finding("jobs", "unknown", "squeue does not tell of your jobs")]
        return limits.jobs(known, site.read_use(queue, self._campaign), wish)

    def _limits(self, wish: Wish) -> list[Finding]:
        named = (self._qos, *(rule.own_qos for rule in self._used))
        names = {name for name in named if name is not None}
        known = list(self._association.limits) if self._association is not None else []
        if names:
            text = _ask("sacctmgr", "-nP", "show", "qos", f"format={site.QOS_FIELDS}") or ""
            known += site.read_qos(text, names)
        return self._use(wish, known) + limits.wall_time(known, self._settings.time_min)

    def _sacct_problem(self) -> str | None:
        """Why sacct does not answer; None: it does."""
        command = ["sacct", "-n", "-X", "-u", self._user, "-S", "now", "-o", "JobID"]
        try:
            ask(command, timeout_s=ASK_TIMEOUT_S)
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
    findings = [
        Finding("shared", "fail", problem, "choose another --output-dir")
        for problem in preflight.path_problems(root)
    ]
    if any(root.is_relative_to(own) for own in ("/tmp", "/var/tmp", "/dev/shm")):
        found = (
            f"{root} is where on most clusters each node has a folder of its own: jobs elsewhere "
            "would not find it"
        )
        advice = "choose another --output-dir, on the cluster's shared filesystem"
        findings.append(Finding("shared", "warn", found, advice))
    return findings


def _ask(*command: str) -> str | None:
    """What a program answers; None: nothing."""
    try:
        return ask(command, timeout_s=ASK_TIMEOUT_S)
    except PollError:
        return None
