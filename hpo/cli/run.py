"""`hpo run`: check everything, open the campaign, manage it, say how it ended.

Puts the parts together; the only place that knows the concrete clusters.
"""

from __future__ import annotations

import logging
import shlex
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from hpo.cli.checks import load_checked
from hpo.cli.clusters import choose_executor, job_gone_asker, largest_memory_mb, make_cluster
from hpo.cli.ending import exit_code, report_end, report_leaving
from hpo.cli.environment import tell_environment
from hpo.cli.fresh import make_room
from hpo.cli.rung_plan import rung_plan
from hpo.cli.screen import Screen
from hpo.cli.searchers import make_searcher
from hpo.cli.signals import LeaveRequest
from hpo.decisions.scheduler import STOPPED_BY_USER, Scheduler
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.errors import CampaignFilesError, HpoError, SettingsError
from hpo.folder import safety as folder_safety
from hpo.folder import stop as stop_request
from hpo.folder.campaign import Start
from hpo.folder.copies import Origin
from hpo.folder.files import Layout
from hpo.folder.journal import Journal
from hpo.folder.patience import is_storage_trouble
from hpo.manager import opening as campaigns
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.lock import ManagerLock
from hpo.manager.loop import Manager, Surroundings
from hpo.settings.limits import search_limits, seat_limits
from hpo.settings.spec import CampaignSpec

log = logging.getLogger(__name__)


def run(arguments: Namespace, argv: Sequence[str]) -> int:
    """Run or resume a campaign; its exit code.

    Raises:
        HpoError: what a user is to be told; nothing is lost.
    """
    executor = choose_executor(arguments.executor)
    spec = load_checked(arguments, executor)
    layout = Layout(spec.output_dir)
    try:
        if arguments.fresh:
            make_room(spec, executor)
        _make_folder(spec, layout)
        return _run_locked(spec, layout, executor, argv)
    except OSError as err:
        raise CampaignFilesError(
            f"the files of the campaign in {layout.root} cannot be used: {err}. Nothing is lost, "
            "and jobs that run go on; make room, or wait for the file server, and start again"
        ) from err


def _make_folder(spec: CampaignSpec, layout: Layout) -> None:
    try:
        folder_safety.set_umask(spec.hpo.sharing)
        folder_safety.create(layout, spec.hpo.sharing)
    except OSError as err:  # found only by trying: names too long, servers that refuse
        if is_storage_trouble(err):
            raise
        problem = f"output_dir {layout.root} cannot be made: {err.strerror}; choose another"
        raise SettingsError([problem], where=str(spec.source)) from err


def _run_locked(spec: CampaignSpec, layout: Layout, executor: str, argv: Sequence[str]) -> int:
    lock = ManagerLock(layout)
    lock.acquire(job_gone_asker(executor))
    try:
        now = time.time()
        if stop_request.read(layout) and not stop_request.obeyed_by_this_start():
            stop_request.withdraw(layout)
        start = Start(executor, socket.gethostname(), _command(argv), str(Path.cwd()))
        campaign = campaigns.open_campaign(spec, start, now)
        with Screen(layout.root, spec.hpo.n_trials, now) as screen:
            try:
                return _manage(spec, campaign, executor, lock, screen, argv)
            except HpoError as err:
                log.error("%s", err)  # because a user's mistake has no traceback
                return err.exit_code
    finally:
        lock.release()


def _manage(
    spec: CampaignSpec,
    campaign: campaigns.Campaign,
    executor: str,
    lock: ManagerLock,
    screen: Screen,
    argv: Sequence[str],
) -> int:
    leave = LeaveRequest()
    leave.listen()
    _say_hello(spec, campaign, executor, screen)
    if executor != "simulated":
        tell_environment(spec.slurm)
    cluster, clock = make_cluster(executor, spec, campaign.layout, campaign.header.campaign, leave)
    screen.use_clock(clock.now)
    legs = _leg_policy(spec)
    journal = Journal(campaign.layout.journal, campaign.header, guard=lock.guard)
    manager = Manager(
        Surroundings(campaign.layout, cluster, clock, leave.is_set, screen.show),
        journal,
        Scheduler(
            make_searcher(spec),
            search_limits(spec, largest_memory_mb(executor, spec.slurm), executor),
            legs,
        ),
        seat_limits(spec, executor),
        goal=spec.goal,
        gpus=spec.slurm.gpus,
        at_end=spec.hpo.at_end,
        checkpoints=CheckpointKeeper(
            campaign.layout, legs, spec.hpo.keep_checkpoints, spec.hpo.n_trials
        ),
        foreign_jobs=campaign.foreign_jobs,
    )
    ended = manager.run()
    if not ended:
        report_leaving(manager, campaign.layout, leave.signal_name, _command(argv))
    else:
        report_end(
            manager.state,
            campaign.layout,
            gpus=spec.slurm.gpus,
            # Of a job that takes leg after leg, a long time is what it is for.
            advise_time=not spec.slurm.learns_time and spec.hpo.legs_per_job == 1,
            advise_mem=not spec.slurm.learns_mem,
        )
        if manager.state.ended == STOPPED_BY_USER:
            log.info("to go on: %s", _command(argv))
    return exit_code(manager.state, ended=ended)


def _leg_policy(spec: CampaignSpec) -> LegPolicy:
    asha = spec.asha()
    return WholeTrials(spec.hpo.max_resource_attr) if asha is None else asha


def _say_hello(
    spec: CampaignSpec, campaign: campaigns.Campaign, executor: str, screen: Screen
) -> None:
    how = "new" if campaign.is_new else "resumed"
    log.info("campaign %s (%s) in %s", campaign.header.campaign, how, campaign.layout.root)
    log.info(
        "%d trials of %s, %s of %s, seed %d, at most %d at once, on %s",
        spec.hpo.n_trials,
        spec.objective,
        spec.hpo.mode,
        spec.hpo.metric,
        spec.hpo.seed,
        spec.hpo.max_concurrent_jobs,
        {"slurm": "SLURM", "local": "this machine", "simulated": "a simulated cluster"}[executor],
    )
    log.info("log: %s", screen.log_file)
    if (asha := spec.asha()) is not None:
        for line in rung_plan(asha, spec.hpo.n_trials, gpus=spec.slurm.gpus):
            log.info("%s", line)
    if campaign.origin is not None:
        _say_copied(campaign.origin, len(campaign.foreign_jobs), executor)
    for change in campaign.changes:
        log.info("changed since the last start: %s", change)


def _say_copied(origin: Origin, held: int, executor: str) -> None:
    how = "moved" if origin.is_gone else "copied"
    log.warning(
        "this folder was %s from %s since its last start: it goes on under a new name, and the %d "
        "legs that jobs held there are offered again here",
        how,
        origin.path,
        held,
    )
    if origin.is_gone and executor == "slurm":
        log.warning(
            "jobs that still wait for the old place find nothing there; to cancel them: "
            "squeue --me -h -t PENDING -o '%%A %%j' | grep '[.]%s$' | cut -d' ' -f1 | "
            "xargs -r scancel --state=PENDING",
            origin.campaign,
        )
    elif not origin.is_gone:
        log.warning("the campaign %s there and its jobs are left alone", origin.campaign)


def _command(argv: Sequence[str]) -> str:
    """The command to go on with: the one that was typed, less --fresh."""
    program = Path(sys.argv[0]).name
    words = [word for word in argv if word != "--fresh"]
    if program == "main_hpo.py":
        return shlex.join(["python", sys.argv[0], *words[1:]])
    return shlex.join(["hpo", *words])
