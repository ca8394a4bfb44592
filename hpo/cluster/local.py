"""Seats as processes of this machine, for a laptop or a workstation with GPUs.

Owns the folder jobs/live/, where each process is recorded with its start time, so that a manager
that comes back finds the ones of the manager before it. Processes live in sessions of their own:
Ctrl-C or the end of the manager does not reach them. GPUs are handed out, never two seats on one
unless `trials_per_gpu` says so.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hpo import offers
from hpo.causes import Cause
from hpo.cluster.slurm_commands import clean_environment
from hpo.errors import PollError, SubmissionError
from hpo.files import Layout, publish_json, read_json
from hpo.seats import JobPhase, JobStatus

log = logging.getLogger(__name__)

START_TOLERANCE_S = 2.0  # start times are computed from the boot time, which clock steps move
STARTING_S = 30.0  # a record without a process is one that was about to be started
LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """What one local seat needs."""

    python: str | None
    gpus: int
    trials_per_gpu: int
    env_setup: tuple[str, ...] = ()


class LocalCluster:
    """This machine; see `hpo.cluster.base.Cluster`."""

    name = "local"
    has_queue = False
    tick_s = 0.2
    poll_s = 0.0
    result_grace_s = 0.0  # files of this machine are visible at once
    vanish_s = 0.0  # and its list of processes is complete

    def __init__(self, layout: Layout, request: LocalRequest) -> None:
        self._layout = layout
        self._request = request
        self._live = layout.jobs / "live"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ends: dict[str, JobStatus] = {}  # of the processes that this manager saw end
        self._gpus = visible_gpus() if request.gpus else []
        self._session = secrets.token_hex(3)
        self._started = 0

    @property
    def capacity(self) -> int | None:
        """Seats that the GPUs have room for; None without GPUs: as many as the user wants."""
        if not self._gpus:
            return None
        return max(1, len(self._gpus) * self._request.trials_per_gpu // self._request.gpus)

    def preflight(self) -> list[str]:
        """More GPUs asked for than there are."""
        return gpu_problems(self._request.gpus)

    def submit(self, count: int, *, at_once: int) -> list[str]:
        """Start `count` processes, or as many as there are free GPUs for now."""
        del at_once  # the manager asks for no more than may run
        self._live.mkdir(exist_ok=True)
        job_ids: list[str] = []
        for _ in range(count):
            gpus = self._free_gpus()
            if gpus is None:
                break  # a process that has written its result may still be ending
            job_ids.append(self._start(gpus))
        return job_ids

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Look at every recorded process; an end once seen is told whenever it is asked for."""
        statuses = {job_id: self._ends[job_id] for job_id in job_ids if job_id in self._ends}
        for path in sorted(self._live.glob("*.json")):
            job_id, record = path.stem, read_json(path)
            child = self._children.get(job_id)
            if child is not None:
                # Of an own child only this tells: one that has just ended may look gone before
                # its exit code is known.
                code = child.poll()
                lives = code is None
            else:
                code, lives = None, isinstance(record, dict) and _is_alive(record)
            if lives:
                statuses[job_id] = JobStatus(JobPhase.RUNNING, node="this machine")
                continue
            statuses[job_id] = self._ends[job_id] = _ended(code)
            self._children.pop(job_id, None)
            path.unlink(missing_ok=True)
        return statuses

    def cancel_queued(self, job_ids: Collection[str]) -> None:
        """Ask processes that have not taken a trial to end."""
        try:
            holders = {leg.job_id for leg in offers.list_legs(self._layout.claims)}
        except OSError as err:
            raise PollError(f"the claims cannot be read: {err}") from err
        for job_id in set(job_ids) - holders:
            record = read_json(self._live / f"{job_id}.json")
            if isinstance(record, dict) and record.get("pid") and _is_alive(record):
                os.kill(int(record["pid"]), signal.SIGTERM)

    def last_words(self, job_id: str) -> str:
        """The end of the process's log."""
        try:
            text = (self._layout.jobs / f"{job_id}.out").read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LAST_LINES:])

    def failed_by_cluster(self, job_id: str) -> bool:
        """This machine has no services that a process could miss."""
        del job_id
        return False

    def is_job_gone(self, job_id: str) -> bool | None:
        """There is no arbiter beside this machine's list of processes."""
        del job_id
        return None

    def _start(self, gpus: list[str]) -> str:
        self._started += 1
        job_id = f"local-{self._session}-{self._started}"
        record = self._live / f"{job_id}.json"
        # Before the process: a manager that dies in between leaves a record, not a stranger.
        publish_json(record, {"submitted": time.time(), "gpus": gpus})
        try:
            with (self._layout.jobs / f"{job_id}.out").open("ab") as output:
                child = subprocess.Popen(
                    self._command(),
                    env=self._environment(job_id, gpus),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as err:
            record.unlink(missing_ok=True)
            raise SubmissionError(f"a local job could not be started: {err}") from err
        self._children[job_id] = child
        start = _start_time(child.pid)
        publish_json(
            record, {"submitted": time.time(), "gpus": gpus, "pid": child.pid, "start": start}
        )
        return job_id

    def _command(self) -> list[str]:
        python = self._request.python or sys.executable
        seat = [python, "-u", "-m", "hpo.worker", str(self._layout.root)]
        if not self._request.env_setup:
            return seat
        # The user's own shell lines; everything else reaches the shell as arguments.
        return ["bash", "-c", "\n".join([*self._request.env_setup, 'exec "$@"']), "seat", *seat]

    def _environment(self, job_id: str, gpus: list[str]) -> dict[str, str]:
        environment = clean_environment(os.environ) | {"HPO_JOB_ID": job_id}
        home = str(Path(__file__).resolve().parents[2])
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{home}{os.pathsep}{known}" if known else home
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        return environment

    def _free_gpus(self) -> list[str] | None:
        """The least used GPUs, as many as one seat needs; None: they are not free yet."""
        if not self._gpus:
            return []
        used: Counter[str] = Counter()
        for path in self._live.glob("*.json"):
            record = read_json(path)
            if isinstance(record, dict) and _is_alive(record):
                used.update(str(gpu) for gpu in record.get("gpus", []))
        free = [gpu for gpu in self._gpus if used[gpu] < self._request.trials_per_gpu]
        wanted = self._request.gpus
        return sorted(free, key=lambda gpu: used[gpu])[:wanted] if len(free) >= wanted else None


def gpu_problems(gpus: int) -> list[str]:
    """What speaks against `gpus` GPUs a trial; without any, trials use the CPU, and it is said."""
    found = len(visible_gpus()) if gpus else 0
    if gpus and not found:
        log.warning("this machine shows no GPU: the trials run on its CPU")
    elif gpus > found:
        return [f"slurm.gpus: a trial asks for {gpus} GPUs and this machine has {found}"]
    return []


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()


def _is_alive(record: Mapping[str, Any]) -> bool:
    """Whether the recorded process still runs; a process id alone may be another's by now."""
    try:
        return _runs(record)
    except (ValueError, TypeError, OverflowError):
        return False  # damaged: nobody can say which process it was


def _runs(record: Mapping[str, Any]) -> bool:
    pid, start = record.get("pid"), record.get("start")
    if pid is None:
        return bool(time.time() < float(record.get("submitted", 0.0)) + STARTING_S)
    try:
        process = psutil.Process(int(pid))
        same = start is None or abs(process.create_time() - float(start)) < START_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _start_time(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _ended(code: int | None) -> JobStatus:
    if code is None:
        return JobStatus(
            JobPhase.ENDED,
            cause=Cause.VANISHED,
            detail="its process is gone, and nobody was there to see how it ended",
        )
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        detail = f"its process was killed by {name}"
    else:
        detail = f"its process ended with exit code {code} and without a result"
    return JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail=detail, ok=code == 0)
