"""Seats as SLURM jobs: submitted through submitit as arrays, watched by one squeue for all.

Owns every call to SLURM. submitit writes the scripts and submits; watching is done here, because
the truth about a trial is in its files and SLURM is asked once for all jobs, not once per job.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpo.cluster.protocol import ClusterTraits
from hpo.cluster.slurm import status as slurm_status
from hpo.cluster.slurm.commands import ask, defaults_of_sbatch, refusal, scrubbed_environ
from hpo.cluster.slurm.edits import Edits, asked, edits, keep
from hpo.cluster.slurm.memory import with_memory_kills
from hpo.cluster.slurm.preflight import max_array_size
from hpo.cluster.slurm.request import SeatRequest
from hpo.cluster.slurm.task_ids import in_words
from hpo.cluster.slurm.times import JobTimes
from hpo.errors import PollError, SubmissionError, SubmissionUncertainError
from hpo.folder import shrunk_seats, starts
from hpo.folder.files import Layout, read_tail
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import (
    Avoid,
    Cancel,
    Change,
    LimitArray,
    Raise,
    Renew,
    Shrink,
    Submit,
    array_of,
)
from hpo.seats.start_script import batch_command
from hpo.units.sizes import Size

log = logging.getLogger(__name__)

# After a job that squeue calls PREEMPTED or NODE_FAIL has shown that for so long, it does not come
# back; a requeue takes seconds.
COMING_BACK_S = 45.0
LAST_LINES = 20
TICK_S = 2.0
VERDICT_S = 60.0  # a job that has ended is still COMPLETING for some seconds
VANISH_S = 600.0  # both lists empty for so long, e.g. over an outage of slurmdbd
# What scontrol says of tasks that wait no more, and, after such a one, of those that do.
_OF_TRIAL = re.compile(r"trial_\d+\.")
_TOO_LATE = re.compile(
    r"no longer pending execution|already finished|Invalid job id specified|: No error$"
)


class SlurmCluster:
    """The SLURM that this process can reach; see `hpo.cluster.protocol.Cluster`."""

    def __init__(
        self,
        layout: Layout,
        campaign: str,
        request: SeatRequest,
        *,
        poll_s: float,
        result_grace_s: float,
    ) -> None:
        self._layout = layout
        self._campaign = campaign
        self._suffix = f".{campaign}"
        self._request = request
        self._times = JobTimes(request.settings)
        self.traits = ClusterTraits(
            has_queue=True,
            tick_s=TICK_S,
            poll_s=poll_s,
            result_grace_s=result_grace_s,
            vanish_s=VANISH_S,
            verdict_s=VERDICT_S,
        )
        self._edits = Edits()
        self._plain: set[str] = set()  # jobs that ask for what the settings say, when last polled
        self.others = 0
        self._max_array: int | None = None
        self._odd_since: dict[str, float] = {}
        self._former: dict[str, JobStatus | None] = {}  # of jobs that wait again; None: unknown
        self._accounting_warned = False

    def take_over(self, former: Mapping[str, Any] | None = None) -> None:
        """Let the jobs of this campaign start as the settings say, those that wait, too.

        What SLURM itself has to change of them is left to a `Renew`; `former` are the settings of
        the last start.

        Raises:
            OSError: the files cannot be written.
        """
        starts.publish_start(self._layout, self._request.start(self._layout).text())
        settings = self._request.settings
        self._edits = edits(asked(self._layout, former, settings), settings)
        if not self._edits:
            keep(self._layout, settings)
        self.traits = replace(self.traits, edited=bool(self._edits))

    def submit(self, order: Submit) -> list[str]:
        """One sbatch for all seats."""
        # Here, because it costs 0.1 s that nothing else needs to pay.
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        from hpo.cluster.slurm.executor import SeatExecutor

        if self._max_array is None:
            self._max_array = max_array_size()
            if not self._layout.start_script.exists():
                self.take_over()
            if unused := defaults_of_sbatch(os.environ):
                log.warning(
                    "not used for these jobs: %s; what they are to ask for stands in the"
                    " configuration's SLURM settings (there is `extra` for any option of sbatch)",
                    ", ".join(unused),
                )
        count = min(order.count, self._max_array)
        parameters = self._request.submitit_parameters(
            name=self._request.job_name(self._campaign, order.size),
            at_once=order.at_once,
            size=order.size,
            minutes=self._times.of_new_jobs(order.size.time_min),
            avoid=order.avoid,
        )
        with scrubbed_environ():
            try:
                executor = SeatExecutor(folder=self._layout.jobs)
                executor.update_parameters(**parameters)
                return executor.submit_seats(batch_command(str(self._layout.jobs)), count)
            except FailedJobError as err:
                raise refusal(str(err), self._request.describe(order.size.mem_mb)) from err
            except FailedSubmissionError as err:
                raise SubmissionUncertainError("sbatch told no job id") from err
            except OSError as err:
                raise SubmissionUncertainError(f"sbatch could not be called: {err}") from err

    def change(self, order: Change) -> None:
        """One scontrol or scancel; `Avoid` takes one for each array."""
        match order:
            case Raise():
                # Of a task, too: the limit of its array goes on to hold for it.
                name = self._request.job_name(self._campaign, Size(order.mem_mb))
                memory = f"MinMemoryNode={order.mem_mb}"
                jobs = f"jobid={in_words(order.job_ids)}"
                ask(["scontrol", "update", jobs, memory, f"name={name}"])
            case Shrink():
                self._shrink(order)
            case Renew():
                self._renew(order)
            case LimitArray():
                _update_waiting(order.array, f"ArrayTaskThrottle={order.at_once}")
            case Avoid():
                excluded = self._request.excluded(order.nodes)
                # Tasks that run already are left alone.
                for array in sorted({array_of(job_id) for job_id in order.job_ids}):
                    _update_waiting(array, f"ExcNodeList={excluded}")
            case Cancel():
                self._cancel(order)

    def _shrink(self, order: Shrink) -> None:
        """The jobs learn it from a file: few SLURMs tell a job its end."""
        size = order.size
        change = [] if size.mem_mb is None else [f"MinMemoryNode={size.mem_mb}"]
        if size.time_min is not None:
            try:
                shrunk_seats.note(self._layout, order.job_ids, size.time_min)
            except OSError as err:
                raise PollError(f"the jobs cannot be told: {err}") from err
            change.append(f"TimeLimit={self._times.of_new_jobs(size.time_min)}")
        name = self._request.job_name(self._campaign, size)
        _update_waiting(in_words(order.job_ids), *change, f"name={name}")

    def _renew(self, order: Renew) -> None:
        """At most three calls; done once, for all that waits."""
        edited, settings = self._edits, self._request.settings
        if order.job_ids and edited.anew:
            raise SubmissionError(f"{', '.join(edited.anew)} cannot be changed of jobs that wait")
        try:
            if order.job_ids and edited.words:
                _update_waiting(in_words(order.job_ids), *edited.words)
            plain = tuple(job_id for job_id in order.job_ids if job_id in self._plain)
            if plain and (edited.sizes or edited.time_min is not None):
                self._resize(plain, edited)
        except PollError as err:
            if isinstance(refusal(str(err), ""), SubmissionError):
                raise SubmissionError(str(err)) from err
            raise
        try:
            keep(self._layout, settings)
        except OSError as err:
            raise PollError(f"it cannot be written down: {err}") from err

    def _resize(self, job_ids: tuple[str, ...], edited: Edits) -> None:
        """A job that starts in between counts on the shorter one of its two time limits."""
        words, minutes = list(edited.sizes), edited.time_min
        try:
            if minutes is not None:
                limit = self._times.of_new_jobs(minutes)
                words.append(f"TimeLimit={limit}")
                if not edited.is_longer:
                    shrunk_seats.note(self._layout, job_ids, minutes)
            _update_waiting(in_words(job_ids), *words)
            if minutes is not None and edited.is_longer:
                shrunk_seats.note(self._layout, job_ids, limit)
        except OSError as err:
            raise PollError(f"the jobs cannot be told: {err}") from err

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """One squeue; one sacct if jobs are over or missing."""
        command = ["squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid())]
        rows = slurm_status.read_squeue(ask([*command, "-o", slurm_status.SQUEUE_FORMAT]))
        expected = set(job_ids)
        ours = [r for r in rows if r.job_id in expected or r.name.endswith(self._suffix)]
        plain = self._request.job_name(self._campaign, Size())
        self._plain = {row.job_id for row in ours if row.name == plain}
        living = slurm_status.QUEUED | slurm_status.RUNNING
        self.others = sum(r.word in living for r in rows) - sum(r.word in living for r in ours)
        self._name_requeued(ours)
        found: dict[str, JobStatus] = {}
        for row in ours:
            status = slurm_status.status_of(
                row, self._usual_min(row.word), tells_memory=self._request.settings.learns_mem
            )
            if status is not None:
                found[row.job_id] = status
            elif row.word not in slurm_status.COMING_BACK:
                log.warning("job %s: SLURM says %s, which is no known state", row.job_id, row.word)
        unclear = self._unclear(ours, found)
        over = {i for i in expected if i not in found or found[i].phase is JobPhase.ENDED}
        ended = self._ask_accounting(sorted(over - unclear))
        told = found | {i: status for i, status in ended.items() if i in expected}
        return with_memory_kills(self._with_failed_nodes(told), self._log)

    def _with_failed_nodes(self, told: dict[str, JobStatus]) -> dict[str, JobStatus]:
        """Jobs that wait again after their node failed, marked so: squeue does not tell it apart.

        One sacct for those that were requeued since the last look.
        """
        self._former = {i: former for i, former in self._former.items() if _waits_again(told, i)}
        new = [i for i in told if _waits_again(told, i) and i not in self._former]
        if new:
            lives = self._former_lives(new)
            self._former |= {i: lives.get(i) for i in new}
        return told | {
            i: replace(told[i], cause=end.cause, detail=end.detail, node=end.node)
            for i, end in self._former.items()
            if end is not None and end.cause is Cause.NODE_FAILED
        }

    def _former_lives(self, job_ids: list[str]) -> dict[str, JobStatus]:
        arrays = sorted({array_of(job_id) for job_id in job_ids})
        command = ["sacct", "-X", "-D", "-n", "-P", "-j", ",".join(arrays)]
        try:
            return slurm_status.read_former_lives(ask([*command, "-o", slurm_status.SACCT_FORMAT]))
        except PollError:
            return {}  # then they were preempted, as far as anybody knows

    def _name_requeued(self, rows: Collection[slurm_status.QueueRow]) -> None:
        """Take the name of the trial that it ran from a seat that waits again, for any trial."""
        waiting = [r for r in rows if r.word in slurm_status.QUEUED]
        named = [r.job_id for r in waiting if _OF_TRIAL.match(r.name)]
        if named:
            with contextlib.suppress(PollError):  # only people are misled, and it is tried again
                name = self._request.job_name(self._campaign, Size())
                _update_waiting(in_words(named), f"name={name}")

    def _cancel(self, order: Cancel) -> None:
        if not order.job_ids:
            return  # without ids, scancel would take every pending job of the user
        which = [] if order.running else ["--state=PENDING"]
        try:
            ask(["scancel", "--quiet", *which, *sorted(order.job_ids)])
        except PollError as err:
            # What it says, silently, when one of them has ended by itself; the others are gone.
            if str(err) != "scancel: exit code 1":
                raise

    def last_words(self, job_id: str) -> str:
        """The end of the job's log."""
        try:
            lines = read_tail(self._log(job_id))
        except OSError:
            return ""
        return "\n".join(lines[-LAST_LINES:])

    def _log(self, job_id: str) -> Path:
        return self._layout.job_log(job_id, on_slurm=True)

    def _usual_min(self, text: str) -> Collection[int]:
        """The time limits that jobs have which are not cut short, where that tells anything."""
        return self._times.usual() if "TIMEOUT" in text else ()

    def _unclear(self, rows: list[slurm_status.QueueRow], found: dict[str, JobStatus]) -> set[str]:
        """Jobs that may be on their way back into the queue; no longer after some time."""
        now = time.monotonic()
        odd = {r.job_id for r in rows if r.job_id not in found}
        self._odd_since = {i: self._odd_since.get(i, now) for i in odd}
        return {i for i in odd if now < self._odd_since[i] + COMING_BACK_S}

    def _ask_accounting(self, job_ids: list[str]) -> dict[str, JobStatus]:
        if not job_ids:
            return {}
        # By whole arrays: sacct does not know a task by itself that was cancelled as it waited.
        arrays = sorted({array_of(job_id) for job_id in job_ids})
        command = ["sacct", "-X", "-n", "-P", "-j", ",".join(arrays)]
        try:
            text = ask([*command, "-o", slurm_status.SACCT_FORMAT])
        except PollError as err:
            if not self._accounting_warned:
                log.warning("sacct does not answer; going by squeue alone: %s", err)
            self._accounting_warned = True
            return {}
        self._accounting_warned = False
        ended = slurm_status.read_sacct(text, self._usual_min(text))
        # The tasks that waited when their array was cancelled task by task lie under its own id.
        told = {i: ended.get(i) or ended.get(array_of(i)) for i in job_ids}
        return {i: status for i, status in told.items() if status is not None}


def _waits_again(told: Mapping[str, JobStatus], job_id: str) -> bool:
    """Whether the job was requeued lately: SLURM lets it wait for two minutes then."""
    status = told.get(job_id)
    return status is not None and status.phase is JobPhase.QUEUED and status.reason == "BeginTime"


def _update_waiting(jobs: str, *changes: str) -> None:
    """Change jobs that wait, those of them that still do.

    Raises:
        PollError: SLURM refused it, or did not answer.
    """
    try:
        ask(["scontrol", "update", f"jobid={jobs}", *changes])
    except PollError as err:
        if not all(_TOO_LATE.search(line) for line in str(err).splitlines()):
            raise


def is_job_gone(job_id: str) -> bool | None:
    """Whether the job is over for good; None: SLURM did not answer."""
    try:
        text = ask(["squeue", "-h", "-t", "all", "-j", job_id, "-o", slurm_status.SQUEUE_FORMAT])
    except PollError as err:
        if "Invalid job id" not in str(err):
            return None
        return True  # slurmctld answered, and keeps every job that could still come back
    rows = slurm_status.read_squeue(text)
    return all(
        r.word in slurm_status.ENDED and r.word not in slurm_status.COMING_BACK for r in rows
    )


def answers() -> bool:
    """Whether a SLURM controller answers here."""
    try:
        return "UP" in ask(["scontrol", "ping"], timeout_s=15.0)
    except PollError:
        return False
