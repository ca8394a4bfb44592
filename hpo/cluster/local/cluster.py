"""Seats as processes of this machine, for a laptop or a workstation with GPUs.

Owns the folder jobs/live/, where each process is recorded with its start, so that a manager that
comes back finds the ones of the manager before it. Which process that is, and whether it may be
signalled, `processes` says. Processes live in sessions of their own: Ctrl-C or the end of the
manager does not reach them. GPUs are handed out, never two seats on one
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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hpo
from hpo.cluster.local import processes
from hpo.cluster.local.gpus import visible_gpus
from hpo.cluster.protocol import ClusterTraits
from hpo.cluster.slurm.commands import clean_environment
from hpo.errors import EXIT_RESUMABLE, PollError, SubmissionError
from hpo.folder import offers, opening
from hpo.folder.files import Layout, publish_json, read_json, read_plain, read_tail
from hpo.job import start
from hpo.record.causes import Cause
from hpo.seats import environment
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Cancel, Change, Submit

log = logging.getLogger(__name__)

LAST_LINES = 20
STARTING_S = 30.0  # a record without a process is one that was about to be started


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """What one local seat needs."""

    python: Sequence[str] | None
    gpus: int
    trials_per_gpu: int
    env_setup: tuple[str, ...] = ()


class LocalCluster:
    """This machine; see `hpo.cluster.protocol.Cluster`."""

    def __init__(self, layout: Layout, request: LocalRequest, *, is_manager: bool = True) -> None:
        """Only the manager clears away records: of its own processes it learns more than others.

        Others see only the processes that show themselves what they are.
        """
        self._layout = layout
        self._request = request
        self._is_manager = is_manager
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ends: dict[str, JobStatus] = {}  # of the processes that this manager saw end
        self._gpus = visible_gpus() if request.gpus else []
        self._processless: dict[str, float] = {}  # records: when they were seen first (monotonic)
        self._strange: set[str] = set()  # jobs whose recorded process does not show that it is they
        # Files of this machine are visible at once, and its list of processes is complete.
        self.traits = ClusterTraits(
            has_queue=False, tick_s=0.2, poll_s=0.0, capacity=self._capacity()
        )
        self.others = 0
        self._session = secrets.token_hex(3)
        self._started = 0

    def _capacity(self) -> int | None:
        """Seats that the GPUs have room for; None without GPUs: as many as the user wants."""
        if not self._gpus:
            return None
        return max(1, len(self._gpus) * self._request.trials_per_gpu // self._request.gpus)

    def submit(self, order: Submit) -> list[str]:
        """Start processes, or as many as there are free GPUs for now.

        The manager asks for no more than may run; memory is not shared out; nothing ends a process
        for its time; there is one node.
        """
        opening.make_folder(self._layout.live)
        job_ids: list[str] = []
        for _ in range(order.count):
            gpus = self._free_gpus()
            if gpus is None:
                break  # a process that has written its result may still be ending
            job_ids.append(self._start(gpus))
        return job_ids

    def change(self, order: Change) -> None:
        """Nothing ever waits, so there is nothing to change but what has not taken a trial yet."""
        if not isinstance(order, Cancel):
            return
        for job_id in order.job_ids if order.running else self._idle(order.job_ids):
            child = self._children.get(job_id)
            if order.running and child is not None and child.poll() is None:
                # Also where its record is gone, with the folder.
                processes.end({"pid": child.pid}, job_id, self._layout.root, is_own=True)
                continue
            record = read_json(self._layout.live_job(job_id))
            if not isinstance(record, dict) or not record.get("pid"):
                continue
            child = self._children.get(job_id)
            is_own = child is not None and child.poll() is None and child.pid == record["pid"]
            act = processes.end if order.running else processes.ask_to_leave
            done = act(record, job_id, self._layout.root, is_own=is_own)
            if not done and self._lives(job_id, record):
                self._tell_strange(job_id, record)

    def _tell_strange(self, job_id: str, record: Mapping[str, Any]) -> None:
        """Once, that the process of a record is left alone."""
        if job_id not in self._strange:
            log.warning(
                "%s names process %s, which does not show that it is that job: it is left alone",
                self._layout.live_job(job_id),
                record.get("pid"),
            )
        self._strange.add(job_id)

    def _idle(self, job_ids: Collection[str]) -> set[str]:
        try:
            holders = {leg.job_id for leg in offers.list_legs(self._layout.claims)}
        except OSError as err:
            raise PollError(f"the claims cannot be read: {err}") from err
        return set(job_ids) - holders

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Look at every recorded process; an end once seen is told whenever it is asked for."""
        statuses = {job_id: self._ends[job_id] for job_id in job_ids if job_id in self._ends}
        # An own child lives also where somebody has removed its record.
        recorded = {path.stem for path in self._layout.live.glob("*.json")}
        for job_id in sorted(recorded | self._children.keys()):
            path = self._layout.live_job(job_id)
            record = _read_record(path)
            child = self._children.get(job_id)
            if child is not None:
                # Of an own child only this tells: one that has just ended may look gone before
                # its exit code is known.
                code = child.poll()
                lives = code is None
            else:
                code, lives = None, self._lives(job_id, record)
            if lives and not (self._is_manager or self._is_shown(job_id, record)):
                self._tell_strange(job_id, record)
                continue
            if lives:
                statuses[job_id] = JobStatus(JobPhase.RUNNING, node="this machine")
                continue
            statuses[job_id] = self._ends[job_id] = _ended(code)
            self._children.pop(job_id, None)
            if self._is_manager:
                path.unlink(missing_ok=True)
        return statuses

    def _lives(self, job_id: str, record: Any) -> bool:
        """Whether the process of a record lives, or may still be on its way."""
        if not isinstance(record, dict):
            return False
        if record.get("pid") is not None:
            return processes.is_alive(record, job_id, self._layout.root)
        # By this process's own time: the clock may have been set since it was written.
        since = self._processless.setdefault(job_id, time.monotonic())
        return time.monotonic() < since + STARTING_S

    def _is_shown(self, job_id: str, record: Mapping[str, Any]) -> bool:
        return record.get("pid") is None or processes.is_shown(record, job_id, self._layout.root)

    def last_words(self, job_id: str) -> str:
        """The end of the process's log."""
        try:
            lines = read_tail(self._layout.job_log(job_id, on_slurm=False))
        except OSError:
            return ""
        return "\n".join(lines[-LAST_LINES:])

    def _start(self, gpus: list[str]) -> str:
        self._started += 1
        job_id = f"local-{self._session}-{self._started}"
        record = self._layout.live_job(job_id)
        # Before the process: a manager that dies in between leaves a record, not a stranger.
        publish_json(record, {"submitted": time.time(), "gpus": gpus})
        try:
            log_file = self._layout.job_log(job_id, on_slurm=False)
            with os.fdopen(opening.open_to_append(log_file), "ab") as output:
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
        known = {"submitted": time.time(), "gpus": gpus, "pid": child.pid}
        publish_json(record, known | processes.identity(child.pid))
        return job_id

    def _command(self) -> list[str]:
        seat = ["-u", start.__file__, "seat", str(self._layout.root)]
        request = self._request
        return environment.command(request.env_setup, request.python, sys.executable, seat)

    def _environment(self, job_id: str, gpus: list[str]) -> dict[str, str]:
        variables = clean_environment(os.environ) | {processes.JOB_ID: job_id}
        home = str(Path(hpo.__file__).resolve().parents[1])
        known = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = f"{home}{os.pathsep}{known}" if known else home
        if self._gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        return variables

    def _free_gpus(self) -> list[str] | None:
        """The least used GPUs, as many as one seat needs; None: they are not free yet."""
        if not self._gpus:
            return []
        used: Counter[str] = Counter()
        for path in self._layout.live.glob("*.json"):
            record = read_json(path)
            if isinstance(record, dict) and self._lives(path.stem, record):
                used.update(str(gpu) for gpu in record.get("gpus", []))
        free = [gpu for gpu in self._gpus if used[gpu] < self._request.trials_per_gpu]
        wanted = self._request.gpus
        return sorted(free, key=lambda gpu: used[gpu])[:wanted] if len(free) >= wanted else None


def _read_record(path: Path) -> Any:
    """The record of a process; None where it is damaged.

    Raises:
        PollError: it cannot be read now, which says nothing about its process.
    """
    try:
        read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise PollError(f"{path} cannot be read: {err}") from err
    return read_json(path)


def _ended(code: int | None) -> JobStatus:
    if code is None:
        return JobStatus(
            JobPhase.ENDED,
            cause=Cause.VANISHED,
            detail="its process is gone, and nobody was there to see how it ended",
        )
    if code == EXIT_RESUMABLE:
        detail = "its job could not use the campaign's files; its log says more"
        return JobStatus(JobPhase.ENDED, cause=Cause.STORAGE, detail=detail)
    if code in (-signal.SIGTERM, -signal.SIGUSR2):
        # The seat itself takes them; users' code had put the default in its place.
        detail = f"its process was asked to leave, and ended by {signal.Signals(-code).name}"
        return JobStatus(JobPhase.ENDED, cause=Cause.PREEMPTED, detail=detail)
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        detail = f"its process was killed by {name}"
    else:
        detail = f"its process ended with exit code {code} and without a result"
    return JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail=detail, ok=code == 0)
