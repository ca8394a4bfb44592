"""Why SLURM says a job waits: one decision for each word, made here and nowhere else.

Owns what squeue's reasons mean to a person; see squeue(1), JOB REASON CODES. Most are the normal
life of a queue and nobody is bothered with them. Pure: no calls, no clock. A word that is not
known is shown as it is and means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Wait(Enum):
    """What it takes for a waiting job to start."""

    TURN = "turn"  # its turn, by itself
    MAINTENANCE = "maintenance"  # the end of a maintenance, by itself
    PERSON = "person"  # somebody has to do something
    NEVER = "never"  # as it stands, it will not


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, decided about; `advice` says what it means and what to do."""

    wait: Wait
    advice: str = ""


_AGAIN = "then `scancel` the waiting jobs: new ones are asked for"
_RELEASE = "`scontrol release JOBID` lets them go"
_TURN = Reason(Wait.TURN)
_MAINTENANCE = Reason(
    Wait.MAINTENANCE,
    "they do not fit in before a maintenance and start after it; to use the time before, `scancel` "
    "the waiting jobs: new ones are asked for with a shorter time",
)


def _never(meaning: str, setting: str) -> Reason:
    return Reason(Wait.NEVER, f"they never start: {meaning}; change {setting}, {_AGAIN}")


def _person(meaning: str, action: str) -> Reason:
    return Reason(Wait.PERSON, f"{meaning}; {action}")


_WORDS: dict[str, Reason] = {
    **dict.fromkeys(
        (
            "None",
            "Priority",
            "Resources",
            "Dependency",
            "BeginTime",
            "JobArrayTaskLimit",
            "Licenses",
            "Prolog",
            "Cleaning",
            "Reservation",
            "NodeDown",
            "FrontEndDown",
            "ReqNodeNotAvail",
            "BurstBufferResources",
            "BurstBufferStageIn",
            "Fed_Job_Lock",
            "FedJobLock",
            "MaxPoweredUpNodes",
            "MPI_Ports_Busy",
            "QOSUsageThreshold",
            "QOSJobLimit",
            "QOSResourceLimit",
            "AssociationJobLimit",
            "AssociationResourceLimit",
            "MaxJobsPerAccount",
            "MaxCpuPerAccount",
        ),
        _TURN,
    ),
    "JobHeldUser": _person("somebody holds them under your name", _RELEASE),
    "JobHeldAdmin": _person("the cluster's staff holds them", "ask them why"),
    "JobHoldMaxRequeue": _person("they failed to start too often", _RELEASE),
    "PartitionDown": _person(
        "the partition is down", f"wait for the cluster's staff, or change `partition`, {_AGAIN}"
    ),
    "PartitionInactive": _person(
        "the partition is inactive",
        f"wait for the cluster's staff, or change `partition`, {_AGAIN}",
    ),
    "ReservationDeleted": _never("their reservation is gone", "`reservation` in `extra`"),
    "PartitionTimeLimit": _never("`time` is more than the partition allows", "`time`"),
    "TimeLimit": _never("`time` is more than is allowed", "`time`"),
    "QOSTimeLimit": _never("`time` is more than is left to the QOS", "`time` or `qos`"),
    "AssociationTimeLimit": _never(
        "`time` is more than is left to the account", "`time` or `account`"
    ),
    "PartitionNodeLimit": _never(
        "the partition does not give so much to one job", "what a job asks for, or `partition`"
    ),
    "PartitionConfig": _never("the partition has no such nodes", "`partition` or `constraint`"),
    "AccountingPolicy": _never("a policy of the cluster forbids them", "what a job asks for"),
    "AccountNotAllowed": _never(
        "the account may not use the partition", "`account` or `partition`"
    ),
    "QOSNotAllowed": _never("the QOS may not use the partition", "`qos` or `partition`"),
    "InvalidAccount": _never("there is no such account", "`account`"),
    "InvalidQOS": _never("there is no such QOS", "`qos`"),
    "BadConstraints": _never(
        "no node has what is asked for", "`constraint`, `gpus`, `gpu_type`, `mem` or cpus_per_task"
    ),
    "DependencyNeverSatisfied": _never("what they wait for has failed", "`dependency` in `extra`"),
    "DeadLine": _never("their deadline has passed", "`deadline` in `extra`"),
}
# Families of words, in the order in which they are tried.
_PATTERNS: tuple[tuple[re.Pattern[str], Reason], ...] = (
    (re.compile(r"ReqNodeNotAvail.*[Rr]eserved for maintenance"), _MAINTENANCE),
    (
        re.compile(r".*requeued[ _](?:in[ _])?held"),
        _person("a start failed", _RELEASE),
    ),
    (
        re.compile(r"(?:QOS|Assoc)Max\w*(?:Wall|Time)\w*"),
        _never("`time` is more than one job may have", "`time` or `qos`"),
    ),
    (
        re.compile(r"(?:QOS|Assoc)(?:Max\w+Per(?:Job|Node)\w*|Min\w+)"),
        _never("one job may not have as much (or as little)", "what a job asks for, or `qos`"),
    ),
    (re.compile(r"(?:QOS|Assoc)(?:Grp|Max)\w+"), _TURN),
    (re.compile(r"Nodes required for job are DOWN, DRAINED.*"), _TURN),
)


def decide(reason: str) -> Reason | None:
    """What a reason of squeue means; None for a word that nobody has decided about."""
    for pattern, found in _PATTERNS:
        if pattern.match(reason):
            return found
    return _WORDS.get(reason) or _WORDS.get(reason.partition(",")[0])


def is_limit_of_user(reason: str) -> bool:
    """Whether more of the user's jobs would run if fewer were asked for at once."""
    return _LIMIT_OF_USER.fullmatch(reason) is not None


_LIMIT_OF_USER = re.compile(r"(?:QOS|Assoc)Max\w+PerUser\w*|AssocMaxJobsLimit")


def in_words(reason: str) -> str:
    """The reason as what follows "they wait, as …"; a word without others here as it is."""
    for pattern, words in _IN_WORDS:
        if pattern.match(reason):
            return words
    return reason


_IN_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in {
        r"None$": "SLURM has not looked at them yet",
        r"Priority$": "other jobs come first",
        r"Resources$": "nothing is free that fits",
        r"JobArrayTaskLimit$": "no more are to run at once",
        r"BeginTime$": "they may not start yet",
        r"Dependency$": "they wait for another job",
        r"Licenses$": "no licence is free",
        r"Reservation$": "their reservation has not begun",
        r"ReqNodeNotAvail.*[Rr]eserved for maintenance": "a maintenance comes first",
        r"(?:ReqNodeNotAvail|NodeDown|Nodes required for job are)": "nodes that they need are away",
        r"Partition(?:Down|Inactive)$": "the partition is down",
        r"JobHeld": "somebody holds them",
        r"(?:JobHoldMaxRequeue$|.*requeued[ _](?:in[ _])?held)": "they failed to start",
        r"QOS(?:Grp|Max|Job|Resource|Usage)": "the QOS is at a limit",
        r"Assoc(?:iation)?(?:Grp|Max|Job|Resource)": "the account is at a limit",
        r"Max\w+PerAccount": "the account is at a limit",
    }.items()
)


def advice(reason: str) -> str:
    """What a person should know of jobs that wait for this; empty where nothing is to be done."""
    found = decide(reason)
    return "" if found is None else found.advice
