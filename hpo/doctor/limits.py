"""Whether the user's limits leave room for what a campaign wants. Pure: it judges what was read."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.cluster.slurm.site import Association, Limit, Use
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.units.duration import in_words


def account(asked: str | None, told: Association | None, *, enforced: bool) -> Finding:
    """Whether the user may charge the account; `enforced`: whether SLURM looks at that."""
    name = "account"
    if not enforced:
        return Finding(name, "ok", "the cluster takes jobs of any account, and limits none")
    if told is None:
        return Finding(name, "unknown", "sacctmgr does not tell which accounts you have")
    if asked is not None and asked not in told.accounts:
        yours = ", ".join(told.accounts) or "none"
        return Finding(
            name, "fail", f"you have no account {asked}", f"set slurm.account; yours: {yours}"
        )
    if told.account is None:
        return Finding(name, "unknown", "you have no default account that sacctmgr knows of")
    by_default = "" if asked else " (your default one)"
    return Finding(name, "ok", f"{told.account}{by_default}")


def jobs(limits: Sequence[Limit], use: Use, wish: Wish) -> list[Finding]:
    """Whether enough jobs may run, and wait, beside those that the user has there."""
    here = f"you have {use.running} running and {use.waiting} waiting"
    found = []
    for limit in limits:
        found += [*_running(limit, use, wish), *_submitted(limit, use, wish)]
        found += _gpus(limit, use, wish)
    if found:
        return found
    wanted = f"up to {wish.at_once} at once, {wish.queued} in the queue"
    told = "no limit of yours is below that" if limits else "no limit of yours is known"
    return [Finding("jobs", "ok", f"{wanted}; {told}; {here}")]


def _of(limit: Limit) -> str:
    return f"{limit.whose} (all its users together)" if limit.shared else limit.whose


def _running(limit: Limit, use: Use, wish: Wish) -> list[Finding]:
    if limit.jobs == 0:
        return [_none(f"{_of(limit)} lets no job run")]
    if limit.jobs is None or limit.jobs >= wish.at_once + use.running:
        return []
    return [
        Finding(
            "jobs",
            "warn",
            f"{_of(limit)} lets {limit.jobs} jobs run at once; the campaign wants {wish.at_once}, "
            f"and {use.running} of yours run now. The others wait, nothing fails",
            f"set hpo.max_concurrent_jobs to {max(1, limit.jobs - use.running)}, so that what is "
            "planned is what runs",
        )
    ]


def _submitted(limit: Limit, use: Use, wish: Wish) -> list[Finding]:
    if limit.submitted == 0:
        return [_none(f"{_of(limit)} accepts no job")]
    if limit.submitted is None:
        return []
    there = use.running + use.waiting
    left = limit.submitted - there
    if left <= 0:
        return [
            Finding(
                "jobs",
                "warn",
                f"{_of(limit)} accepts {limit.submitted} jobs in the queue, and you have {there} "
                "there: the campaign would wait until some of them end",
                "wait, cancel some, or use another slurm.account or slurm.qos",
            )
        ]
    # Where it is not set, the other jobs of the user count for it as well.
    if wish.queued + (there if wish.says_queued else 0) <= limit.submitted:
        return []
    return [
        Finding(
            "jobs",
            "warn",
            f"{_of(limit)} accepts {limit.submitted} jobs in the queue, {there} of yours are "
            f"there, and the campaign would keep up to {wish.queued}: sbatch will be refused now "
            "and then, which costs waiting",
            f"set hpo.max_queued_jobs to {left}",
        )
    ]


def _gpus(limit: Limit, use: Use, wish: Wish) -> list[Finding]:
    found = []
    if limit.gpus_a_job is not None and wish.gpus > limit.gpus_a_job:
        found.append(
            Finding(
                "gpu limit",
                "fail",
                f"{_of(limit)} allows a job {limit.gpus_a_job} GPUs, and {wish.gpus} are asked for",
                f"set slurm.gpus to {limit.gpus_a_job} or less",
            )
        )
    if limit.gpus is None or wish.gpus == 0:
        return found
    if wish.gpus > limit.gpus:
        found.append(
            Finding(
                "gpu limit",
                "fail",
                f"{_of(limit)} allows {limit.gpus} GPUs in all, and one job asks for {wish.gpus}",
                f"set slurm.gpus to {limit.gpus} or less, or use another slurm.qos",
            )
        )
    elif wish.gpus * wish.at_once + use.gpus > limit.gpus:
        fitting = max(1, (limit.gpus - use.gpus) // wish.gpus)
        found.append(
            Finding(
                "gpu limit",
                "warn",
                f"{_of(limit)} allows {limit.gpus} GPUs at once; the campaign wants "
                f"{wish.gpus * wish.at_once}, and {use.gpus} are in use by you. The others wait",
                f"set hpo.max_concurrent_jobs to {fitting}, so that what is planned is what runs",
            )
        )
    return found


def _none(what: str) -> Finding:
    return Finding("jobs", "fail", what, "use another slurm.account or slurm.qos")


def wall_time(limits: Sequence[Limit], asked_min: int) -> list[Finding]:
    """Whether the time that jobs ask for is within that of the account and the QOS."""
    return [
        Finding(
            "time",
            "fail",
            f"{one.whose} allows {in_words(60 * one.wall_min)} a job, and "
            f"{in_words(60 * asked_min)} are asked for: such jobs never start",
            f"set slurm.time to {one.wall_min} (minutes) or less",
        )
        for one in limits
        if one.wall_min is not None and asked_min > one.wall_min
    ]


def arrays(max_array_size: int | None, wish: Wish) -> Finding:
    """Whether an array holds all jobs that the campaign would ask for at once."""
    name = "array size"
    if max_array_size is None:
        return Finding(name, "unknown", "SLURM does not tell MaxArraySize")
    if max_array_size == 0:
        return Finding(
            name,
            "warn",
            "this cluster has no job arrays: one sbatch for each job, four a second",
            "set hpo.trials_per_job to auto, so that few jobs do",
        )
    wanted = min(wish.queued, max(wish.legs, wish.at_once))
    if wanted > max_array_size:
        return Finding(
            name,
            "warn",
            f"an array holds {max_array_size} jobs at most, and the campaign would ask for "
            f"{wanted}: it asks in {-(-wanted // max_array_size)} arrays",
            f"nothing needs to be done; for one array set hpo.max_queued_jobs to {max_array_size}",
        )
    return Finding(name, "ok", f"one array holds {max_array_size}, {wanted} are asked for at most")
