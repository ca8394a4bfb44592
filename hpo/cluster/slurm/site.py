"""What a cluster allows and how it is set up, as `scontrol show` and `sacctmgr show` tell.

Owns the parsing of `scontrol show config`, of the rules in `scontrol show partition -o`, and of the
limits in `sacctmgr -nP show user` and `show qos`. Pure: no calls, no clock. What a cluster does not
say is None.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from hpo.units.slurm import parse_time_min

ASSOCIATION_FIELDS = "DefaultAccount,Account,Partition,QOS,DefaultQOS,MaxJobs,MaxSubmit,MaxWall,\
MaxTRES,GrpJobs,GrpSubmit,GrpTRES"
QOS_FIELDS = "Name,MaxJobsPU,MaxSubmitPU,MaxWall,MaxTRES,MaxTRESPU,GrpJobs,GrpSubmit,GrpTRES"

_SETTING = re.compile(r"(?m)^(\w+)[ \t]*=[ \t]*(.*?)[ \t]*$")
_FIELD = re.compile(r"(\w+)=(\S*)")
_GPUS = re.compile(r"gres/gpu=(\d+)")
NONE = ("", "(null)", "N/A", "none", "None")


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of a cluster that campaigns depend on.

    Attributes:
        name: the cluster's.
        version: SLURM's.
        max_array_size: one more than the largest index of an array; 0: no arrays; None: not told.
        preempts: whether jobs may be preempted at all.
        preempt_mode: what happens to those, where their partition says nothing else.
        kill_wait_s: from SIGTERM to SIGKILL (s); None: not told.
        warns: whether a job gets its own warning signal when it is preempted, too.
        accounts: whether ended jobs are kept in a database.
        enforced: what of associations is enforced, such as `limits`.
    """

    name: str
    version: str
    max_array_size: int | None
    preempts: bool
    preempt_mode: str
    kill_wait_s: int | None
    warns: bool
    accounts: bool
    enforced: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may use a partition, and what happens to jobs there.

    `accounts` and `qos` are those that may; empty: all. `grace_s` is the time that a preempted job
    has before it gets SIGTERM (s).
    """

    name: str
    is_default: bool
    state: str
    preempt_mode: str
    grace_s: int
    accounts: frozenset[str]
    denied: frozenset[str]
    qos: frozenset[str]
    own_qos: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """What one association or QOS allows; None: it sets no limit.

    Attributes:
        whose: for people, such as "QOS normal".
        jobs: that run at once.
        submitted: that run or wait.
        wall_min: time limit of a job (min).
        gpus: of all jobs that run.
        gpus_a_job: of one job.
        shared: whether others count too.
    """

    whose: str
    jobs: int | None = None
    submitted: int | None = None
    wall_min: int | None = None
    gpus: int | None = None
    gpus_a_job: int | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Association:
    """What a user's jobs are charged to; `account` None: no default is known.

    `accounts` are all that the user has, `qos` is that of jobs that name none, None: not told.
    """

    account: str | None
    accounts: tuple[str, ...] = ()
    qos: str | None = None
    limits: tuple[Limit, ...] = ()


def read_site(text: str) -> Site:
    """What `scontrol show config` says."""
    told = dict(_SETTING.findall(text))
    mode = told.get("PreemptMode", "OFF")
    parameters = told.get("PreemptParameters", "") + told.get("SlurmctldParameters", "")
    storage = told.get("AccountingStorageType", "accounting_storage/none")
    return Site(
        name=told.get("ClusterName", "?"),
        version=told.get("SLURM_VERSION", "?"),
        max_array_size=_count(told.get("MaxArraySize", "")),
        preempts=told.get("PreemptType", "none").rpartition("/")[2] not in NONE,
        preempt_mode=mode.split(",")[0],
        kill_wait_s=_count(told.get("KillWait", "").split(" ")[0]),
        warns="send_user_signal" in parameters,
        accounts=not storage.endswith("/none"),
        enforced=frozenset(told.get("AccountingStorageEnforce", "").split(",")) - set(NONE),
    )


def read_rules(text: str) -> list[Rules]:
    """The partitions that `scontrol show partition -o` lists."""
    found = []
    for line in text.splitlines():
        fields = dict(_FIELD.findall(line))
        if "PartitionName" not in fields:
            continue
        own_qos = fields.get("QoS", "")
        found.append(
            Rules(
                name=fields["PartitionName"],
                is_default=fields.get("Default") == "YES",
                state=fields.get("State", "UP"),
                preempt_mode=fields.get("PreemptMode", ""),
                grace_s=_count(fields.get("GraceTime", "")) or 0,
                accounts=_names(fields.get("AllowAccounts", "")),
                denied=_names(fields.get("DenyAccounts", "")),
                qos=_names(fields.get("AllowQos", "")),
                own_qos=None if own_qos in NONE else own_qos,
            )
        )
    return found


def _names(text: str) -> frozenset[str]:
    return frozenset() if text in (*NONE, "ALL") else frozenset(text.split(","))


def read_association(text: str, account: str | None, partition: str | None) -> Association:
    """What a user's jobs are charged to, of the lines of `sacctmgr -nP show user NAME withassoc`.

    Args:
        text: what it printed, with `format=ASSOCIATION_FIELDS`.
        account: the one that is asked for; None: the user's default one.
        partition: the one that is asked for; None: the default one.
    """
    rows = [line.split("|") for line in text.splitlines()]
    rows = [row for row in rows if len(row) == len(ASSOCIATION_FIELDS.split(","))]
    accounts = tuple(sorted({row[1] for row in rows}))
    wanted = account or next((row[0] for row in rows if row[0]), None)
    fitting = [row for row in rows if row[1] == wanted and row[2] in ("", partition or "")]
    if not fitting:
        return Association(wanted, accounts)
    row = max(fitting, key=lambda row: len(row[2]))  # that of the partition before that of all
    qos = row[3].split(",")
    default = row[4] or (qos[0] if len(qos) == 1 and qos[0] else None)
    limits = _limits(f"account {wanted}", [*row[5:9], "", *row[9:]])
    return Association(wanted, accounts, default, tuple(limits))


def read_qos(text: str, names: Collection[str]) -> list[Limit]:
    """What the QOSs of these names allow, of the lines of `sacctmgr -nP show qos`.

    With `format=QOS_FIELDS`.
    """
    found: list[Limit] = []
    for line in text.splitlines():
        row = line.split("|")
        if len(row) == len(QOS_FIELDS.split(",")) and row[0] in names:
            found += _limits(f"QOS {row[0]}", row[1:])
    return found


def _limits(whose: str, row: list[str]) -> list[Limit]:
    """Of the columns MaxJobs, MaxSubmit, MaxWall, MaxTRES, MaxTRESPU, GrpJobs, GrpSubmit, GrpTRES.

    The user's own, and those that are shared; only what limits something.
    """
    jobs, submitted, wall, of_job, of_user, all_jobs, all_submitted, of_all = row
    try:
        wall_min = parse_time_min(wall)
    except ValueError:
        wall_min = None
    own = Limit(whose, _count(jobs), _count(submitted), wall_min, _gpus(of_user), _gpus(of_job))
    group = Limit(whose, _count(all_jobs), _count(all_submitted), None, _gpus(of_all), shared=True)
    return [limit for limit in (own, group) if limit != Limit(whose, shared=limit.shared)]


def _gpus(text: str) -> int | None:
    match = _GPUS.search(text)
    return int(match[1]) if match else None


def _count(text: str) -> int | None:
    return int(text) if text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Use:
    """Jobs of a user that run and that wait, and the GPUs of those that run."""

    running: int = 0
    waiting: int = 0
    gpus: int = 0


USE_FORMAT = "%T|%b|%j"


def read_use(text: str, campaign: str | None = None) -> Use:
    """How many jobs a user has, of the lines of `squeue -h -r -o USE_FORMAT`.

    Those of `campaign` do not count: it is looked at whether there is room for them.
    """
    running = waiting = gpus = 0
    for line in text.splitlines():
        state, _, rest = line.strip().partition("|")
        gres, _, name = rest.partition("|")
        if campaign is not None and name.endswith(f".{campaign}"):
            continue
        if state == "PENDING":
            waiting += 1
        elif state:
            running += 1
            match = re.search(r"gpu(?::[A-Za-z][\w.-]*)?(?:[:=](\d+))?$", gres)
            gpus += int(match[1] or 1) if match else 0
    return Use(running, waiting, gpus)


NODES_FORMAT = "%P|%c|%m|%G|%f"


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes of one kind: `gpus` by type, where an empty type is any; memory in MB."""

    cpus: int
    mem_mb: int
    gpus: dict[str, int]
    features: frozenset[str]


def read_nodes(text: str, partitions: Collection[str]) -> list[Nodes]:
    """The kinds of nodes in the partitions, of the lines of `sinfo -h -o NODES_FORMAT`."""
    found = []
    for line in text.splitlines():
        row = [part.strip() for part in line.split("|")]
        if len(row) != 5 or row[0].rstrip("*") not in partitions:
            continue
        gpus: dict[str, int] = {}
        for match in re.finditer(r"gpu:(?:([A-Za-z][\w.-]*):)?(\d+)", row[3]):
            gpus[match[1] or ""] = gpus.get(match[1] or "", 0) + int(match[2])
        # A plus: the least of several nodes.
        cpus, mem_mb = (_count(part.rstrip("+")) or 0 for part in row[1:3])
        found.append(Nodes(cpus, mem_mb, gpus, _names(row[4])))
    return found
