"""Which cluster a campaign runs on, built from its settings; and whether its manager lives."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.cluster.protocol import Clock, Cluster
from hpo.folder.files import Layout
from hpo.job import process_start
from hpo.manager.lock import Holder

if TYPE_CHECKING:  # because commands that only look on must not pay for pydantic
    from hpo.cluster.local.cluster import LocalCluster
    from hpo.settings.search import SlurmSettings
    from hpo.settings.spec import CampaignSpec


def choose_executor(wanted: str) -> str:
    """`auto` is SLURM where one answers, else this machine."""
    if wanted != "auto":
        return wanted
    from hpo.cluster.slurm import cluster as slurm  # because other executors do not need it

    return "slurm" if slurm.answers() else "local"


def job_gone_asker(executor: str) -> Callable[[str], bool | None]:
    """Who can say that the job of another manager is over."""
    if executor != "slurm":
        return lambda _job_id: None
    from hpo.cluster.slurm.cluster import is_job_gone

    return is_job_gone


def is_alive(holder: Holder, executor: str) -> bool | None:
    """Whether the holder of a campaign's lock lives; None: nobody here can say."""
    if holder.host == socket.gethostname():
        if holder.began:
            return process_start.began(holder.pid) == holder.began
        import psutil  # because it is known without it in most cases

        return 0 < holder.pid < 2**31 and bool(psutil.pid_exists(holder.pid))
    if holder.job_id is None:
        return None
    gone = job_gone_asker(executor)(holder.job_id)
    return None if gone is None else not gone


def describe_manager(holder: Holder | None, executor: str) -> str:
    """A sentence for people."""
    if holder is None:
        return "no manager runs"
    alive = is_alive(holder, executor)
    if alive is None:
        return f"the manager is {holder}; whether it lives cannot be seen from here"
    return f"the manager lives ({holder})" if alive else f"the manager is dead ({holder})"


def preflight(executor: str, settings: SlurmSettings, output_dir: Path | None) -> list[str]:
    """What the cluster has against the settings; submits nothing."""
    if executor == "slurm":
        from hpo.cluster.slurm.preflight import path_problems, problems
        from hpo.cluster.slurm.request import SeatRequest

        in_path = [] if output_dir is None else path_problems(output_dir)
        return in_path + problems(SeatRequest(settings))
    if executor == "local":
        from hpo.cluster.local.gpus import gpu_problems

        return gpu_problems(settings.gpus)
    return []


def largest_memory_mb(executor: str, settings: SlurmSettings) -> int:
    """To how much a trial's memory may be raised."""
    if executor != "slurm":
        return settings.max_mem_mb
    from hpo.cluster.slurm.preflight import largest_memory_mb
    from hpo.cluster.slurm.request import SeatRequest

    return largest_memory_mb(SeatRequest(settings))


def make_cluster(
    executor: str,
    spec: CampaignSpec,
    layout: Layout,
    campaign: str,
    *,
    to_manage: bool = False,
    former: Mapping[str, Any] | None = None,
) -> Cluster:
    """The cluster in real time for the campaign named `campaign`.

    `to_manage`: jobs start as `spec` says from now on, also those that wait already and were asked
    for with the `former` settings.

    Raises:
        OSError: they cannot be told.
    """
    if executor == "slurm":
        from hpo.cluster.slurm.cluster import SlurmCluster
        from hpo.cluster.slurm.request import SeatRequest

        cluster = SlurmCluster(
            layout,
            campaign,
            SeatRequest(spec.slurm),
            poll_s=spec.hpo.poll_interval,
            result_grace_s=spec.hpo.result_grace,
        )
        if to_manage:
            cluster.take_over(former)
        return cluster
    return _local(spec)


def jobs_of(executor: str, layout: Layout, campaign: str) -> Cluster | None:
    """The cluster to ask about the jobs of a campaign and to cancel them, never to submit any.

    None for a simulated one, whose jobs live in its manager alone.
    """
    if executor == "slurm":
        from hpo.cluster.slurm.cluster import SlurmCluster
        from hpo.cluster.slurm.request import SeatRequest
        from hpo.settings.search import SlurmSettings

        request = SeatRequest(SlurmSettings())
        return SlurmCluster(layout, campaign, request, poll_s=0.0, result_grace_s=0.0)
    if executor == "local":
        from hpo.cluster.local.cluster import LocalCluster, LocalRequest

        nothing = LocalRequest(python=None, gpus=0, trials_per_gpu=1)
        return LocalCluster(layout, nothing, is_manager=False)
    return None


def _local(spec: CampaignSpec) -> LocalCluster:
    from hpo.cluster.local.cluster import LocalCluster, LocalRequest

    request = LocalRequest(
        python=spec.slurm.python,
        gpus=spec.slurm.gpus,
        trials_per_gpu=spec.hpo.trials_per_gpu,
        env_setup=tuple(spec.slurm.env_setup),
    )
    return LocalCluster(Layout(spec.output_dir), request)


def make_simulated(
    spec: CampaignSpec, layout: Layout, latest: float | None
) -> tuple[Cluster, Clock]:
    """A cluster in virtual time, and its clock, which goes on from `latest` (s, Unix)."""
    import sys
    import time

    from hpo.cluster.simulated.clock import SimulatedClock
    from hpo.cluster.simulated.cluster import SimulatedCluster
    from hpo.cluster.simulated.model import ClusterModel
    from hpo.job.orders import read_settings
    from hpo.trial.objective import load_objective

    sys.path[:0] = list(spec.pythonpath)
    clock = SimulatedClock(time.time() if latest is None else latest)
    model = ClusterModel(
        seats=spec.hpo.max_concurrent_jobs, mem_mb=spec.slurm.mem_mb, seed=spec.hpo.seed
    )
    settings = read_settings(layout)
    cluster = SimulatedCluster(
        layout,
        clock,
        model,
        settings,
        lambda: load_objective(
            spec.objective,
            settings.metric_pattern,
            settings.command_line,
            settings.max_resource_attr,
        ),
    )
    return cluster, clock
