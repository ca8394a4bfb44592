"""`hpo stop DIR`: nothing new starts, waiting jobs are cancelled, what runs finishes or is ended.

Needs no manager and does no harm beside one: the request is a file that jobs and manager look at.
"""

from __future__ import annotations

import os
import socket
import time
from argparse import Namespace
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.cli.clusters import choose_executor, is_alive, jobs_of
from hpo.cli.printing import say
from hpo.cli.stop_trials import stop_trials
from hpo.cluster.protocol import Cluster
from hpo.errors import EXIT_FINISHED, EXIT_RESUMABLE, PollError, SettingsError
from hpo.folder import offers
from hpo.folder import stop as stop_request
from hpo.folder.campaign import last_start, require
from hpo.folder.copies import origin
from hpo.folder.files import Layout, to_json
from hpo.folder.safety import require_own
from hpo.folder.stop import DRAIN, KILL, NOW, StopRequest
from hpo.manager.lock import Holder, holder_of
from hpo.seats.book import JobPhase
from hpo.seats.orders import Cancel
from hpo.shown import shell_words

LATE_S = 3.0  # for jobs that a manager was submitting while the request was written
MEANING = {
    DRAIN: "nothing new starts; what runs may finish",
    NOW: "nothing new starts; what runs saves and leaves at its next report",
    KILL: "nothing new starts; what runs is cancelled",
}


def stop(arguments: Namespace) -> int:
    """Stop a campaign; the exit code.

    Raises:
        SettingsError: there is no campaign, or it cannot be stopped from here.
    """
    if arguments.trials:
        return stop_trials(arguments)
    layout, document = require(Path(arguments.campaign))
    require_own(layout.root, "stop")
    if (other := origin(layout, document)) is not None:
        problem = (
            f"{layout.root} was copied or moved from {other.path} and not started since: its jobs, "
            "if there are any, work for the folder there"
        )
        raise SettingsError([problem], where="the command")
    start = last_start(document)
    executor = start.executor if start else choose_executor("auto")
    how = KILL if arguments.kill else NOW if arguments.now else DRAIN
    cluster = jobs_of(executor, layout, document["campaign"])
    if executor == "local" and start and start.host != socket.gethostname():
        if how == KILL:
            problem = f"the jobs of {layout.root} are processes of {start.host}: type this there"
            raise SettingsError([problem], where="the command")
        cluster = None  # nothing waits in a queue, and this machine sees no process of that one
    request = _publish(layout, how)
    told = Told(arguments.json)
    told.say(f"campaign {document['campaign']} in {layout.root}: {MEANING[request.how]}")
    if request.how != how:
        told.say(f"(because {request.by} asked for more before)")
    unknown = None
    cancelled = set[str]()
    try:
        if cluster:
            cancelled = _cancel(layout, cluster, told, kill=how == KILL)
    except PollError as err:
        unknown = str(err)
        told.say(f"the jobs could not be asked about: {err}")
        told.say(
            "those that wait will end by themselves when they start; to cancel, type this again"
        )
    running = {} if unknown else _say_what_runs(layout, request.how, cancelled, told)
    manager = _manager_line(holder_of(layout), executor)
    command = f"cd {shell_words([start.folder])} && {start.command}" if start else None
    if unknown is None:
        told.say(manager)
        told.say(f"to go on with the campaign later: {command or 'the command that started it'}")
    told.as_json(
        {
            "campaign": document["campaign"],
            "folder": str(layout.root),
            "how": request.how,
            "asked_by": request.by,
            "asked_at": request.time,
            "cancelled_jobs": sorted(cancelled),
            "running": [{"trial_id": i, "job_id": job} for i, job in sorted(running.items())],
            "jobs_unknown": unknown,
            "manager": manager,
            "to_go_on": command,
        }
    )
    return EXIT_FINISHED if unknown is None else EXIT_RESUMABLE


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed: lines for people, or at the end one object for programs."""

    for_programs: bool

    def say(self, line: str) -> None:
        """A line for people."""
        if not self.for_programs:
            say(line)

    def as_json(self, facts: Mapping[str, Any]) -> None:
        """All of it for programs."""
        if self.for_programs:
            print(to_json(facts, indent=2))


def _publish(layout: Layout, how: str) -> StopRequest:
    try:
        by = f"{os.environ.get('USER') or os.getuid()} on {socket.gethostname()}"
        return stop_request.publish(layout, StopRequest(how, time.time(), by))
    except OSError as err:
        problem = f"{layout.stop} cannot be written: {err.strerror}"
        raise SettingsError([problem], where="the command") from err


def _cancel(layout: Layout, cluster: Cluster, told: Told, *, kill: bool) -> set[str]:
    """Cancel what waits, with `kill` also what runs; the jobs that were running."""
    waiting, running = _live(cluster)
    if kill:
        taken: set[str] = set()
        while new := (waiting | running) - taken:
            stop_request.note_cancelled(layout, new)
            cluster.change(Cancel(tuple(sorted(new)), running=True))
            taken |= new
            told.say(
                f"cancelled {len(new & running)} running and {len(new & waiting)} waiting jobs"
            )
            time.sleep(LATE_S)
            waiting, running = _live(cluster)
        return taken
    cluster.change(Cancel(tuple(sorted(waiting))))
    if waiting:
        told.say(f"cancelled {len(waiting)} waiting jobs")
    return set()


def _live(cluster: Cluster) -> tuple[set[str], set[str]]:
    statuses = cluster.poll(())
    phases = {phase: {i for i, s in statuses.items() if s.phase is phase} for phase in JobPhase}
    return phases[JobPhase.QUEUED], phases[JobPhase.RUNNING]


def _say_what_runs(
    layout: Layout, how: str, cancelled: Collection[str], told: Told
) -> dict[int, str | None]:
    """What becomes of what runs; the jobs by their trials."""
    held = [leg for leg in offers.list_legs(layout.claims) if not leg.done]
    for leg in held:
        if leg.job_id in cancelled:
            then = "cancelled; it goes on from its last checkpoint"
        elif how == DRAIN:
            then = "may finish"
        else:
            then = "saves and leaves at its next report"
        told.say(f"trial {leg.trial_id}, job {leg.job_id}: {then}")
    if not held:
        told.say("no trial is running")
    return {leg.trial_id: leg.job_id for leg in held}


def _manager_line(holder: Holder | None, executor: str) -> str:
    if holder is None:
        return "no manager runs: nothing else has to be done"
    alive = is_alive(holder, executor)
    if alive is False:
        return f"its manager is dead ({holder}): nothing else has to be done"
    doubt = "" if alive else ", if it lives,"
    return f"the manager ({holder}){doubt} ends the campaign when nothing runs any more"
