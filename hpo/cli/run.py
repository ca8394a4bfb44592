"""`hpo run`: check everything, open the campaign, manage it, say how it ended.

Puts the parts together; the only place that knows the concrete clusters.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from hpo.cli.clusters import (
    choose_executor,
    job_gone_asker,
    largest_memory_mb,
    make_cluster,
    make_simulated,
    preflight,
)
from hpo.cli.environment import tell_environment
from hpo.cli.notices import notice_problems, notifier_of
from hpo.cli.options.configuration import overrides_of
from hpo.cli.printing import say
from hpo.cli.screen import Screen
from hpo.cli.searchers import make_searcher, searcher_problems
from hpo.cli.signals import LeaveRequest
from hpo.cli.telling import exit_code, report_end, report_leaving, say_hello, what_is_told
from hpo.cluster.protocol import Clock, Cluster
from hpo.decisions.scheduler import STOPPED_BY_USER, Scheduler
from hpo.errors import (
    CampaignFilesError,
    CampaignLockedError,
    ConfigDriftError,
    HpoError,
    PollError,
    SettingsError,
)
from hpo.folder import safety as folder_safety
from hpo.folder import stop as stop_request
from hpo.folder.campaign import Start, stored
from hpo.folder.copies import origin
from hpo.folder.files import Layout
from hpo.folder.journal import Journal
from hpo.folder.patience import is_storage_trouble
from hpo.manager.campaign_clock import CampaignClock
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.lock import ManagerLock
from hpo.manager.loop import Manager, Surroundings
from hpo.manager.opening import Campaign, drift_problems, folder_problems, move_aside, open_campaign
from hpo.manager.page_writer import PageWriter
from hpo.manager.picture_writer import PictureWriter
from hpo.record.state import CampaignState
from hpo.seats.book import JobPhase, SeatBook
from hpo.settings.limits import search_limits, seat_limits
from hpo.settings.reading.loading import Loaded, load
from hpo.settings.spec import CampaignSpec
from hpo.shown import shell_words
from hpo.trial.check import check_objective

log = logging.getLogger(__name__)


def run(arguments: Namespace) -> int:
    """Run or resume a campaign; its exit code.

    Raises:
        HpoError: what a user is to be told; nothing is lost.
    """
    executor = choose_executor(arguments.executor)
    spec = _load_checked(arguments, executor)
    if arguments.show_command:
        from hpo.cli.show_command import first_command  # here, because few runs need it

        say(first_command(spec))
        return 0
    layout = Layout(spec.output_dir)
    try:
        if arguments.fresh:
            _make_room(spec, executor)
        _make_folder(spec, layout)
        return _run_locked(spec, layout, executor, arguments.typed)
    except OSError as err:
        raise CampaignFilesError(
            f"the files of the campaign in {layout.root} cannot be used: {err}. Nothing is lost, "
            "and jobs that run go on; make room, or wait for the file server, and start again"
        ) from err


def _load_checked(arguments: Namespace, executor: str) -> CampaignSpec:
    loaded = load(
        arguments.config, overrides=overrides_of(arguments), output_dir=arguments.output_dir
    )
    if loaded.hpo is not None:
        loaded.problems += notice_problems(loaded.hpo, arguments.overrides)
    return checked(loaded, executor, fresh=arguments.fresh)


def checked(loaded: Loaded, executor: str, *, fresh: bool) -> CampaignSpec:
    """The campaign that was asked for; all that is wrong is told at once, before anything is sent.

    Raises:
        SettingsError: with all problems of the configuration, the objective, the output directory
            and the cluster.
    """
    if executor == "simulated" and loaded.output_dir is not None:
        # In a folder of its own: invented times must not mix with real ones.
        loaded.output_dir = loaded.output_dir.with_name(loaded.output_dir.name + "-simulated")
    problems = loaded.problems
    slurm = loaded.slurm
    if loaded.objective is not None and loaded.space_names is not None:
        problems += check_objective(
            loaded.objective,
            loaded.space_names,
            loaded.pythonpath,
            python=None if slurm is None else slurm.python,
            env_setup=() if slurm is None else slurm.env_setup,
        )
    if loaded.searcher is not None and loaded.space is not None and loaded.hpo is not None:
        problems += searcher_problems(
            loaded.searcher, loaded.space, loaded.hpo.seed, loaded.pythonpath
        )
    if slurm is not None:
        problems += preflight(executor, slurm, loaded.output_dir)
    if loaded.output_dir is not None:
        problems += folder_problems(loaded.output_dir, fresh=fresh)
        sharing = loaded.hpo.sharing if loaded.hpo else folder_safety.PRIVATE
        problems += folder_safety.exposure_problems(loaded.output_dir, sharing, fresh=fresh)
    spec = loaded.spec()
    if not fresh and (drift := drift_problems(spec)):
        raise ConfigDriftError(drift, where=str(spec.source))
    return spec


def _make_room(spec: CampaignSpec, executor: str) -> None:
    """`--fresh`: move the campaign in the output directory aside, never deleted, if there is one.

    Raises:
        CampaignLockedError: its manager or jobs of it live, or the cluster does not say.
    """
    layout = Layout(spec.output_dir)
    if not layout.campaign.exists():
        return
    lock = ManagerLock(layout)
    lock.acquire(job_gone_asker(executor))
    try:
        live = _live_jobs(layout, spec, executor)
    except PollError as err:
        raise CampaignLockedError(
            f"nobody can say whether jobs of the campaign in {layout.root} still run: {err}. "
            "Try again later"
        ) from err
    finally:
        lock.release()
    if live:
        raise CampaignLockedError(
            f"{len(live)} jobs of the campaign in {layout.root} still run or wait "
            f"({', '.join(live[:5])}…); let them finish by starting without --fresh, or cancel "
            "them first"
        )
    target = move_aside(layout, time.time())
    say(f"the old campaign lies in {target} now")  # because no log exists yet


def _live_jobs(layout: Layout, spec: CampaignSpec, executor: str) -> list[str]:
    document = stored(layout)
    if executor == "simulated" or document is None or origin(layout, document):
        return []  # jobs of a campaign that this is a copy of live for the other folder
    cluster = make_cluster(executor, spec, layout, document["campaign"])
    statuses = cluster.poll(())
    return sorted(i for i, status in statuses.items() if status.phase is not JobPhase.ENDED)


def _make_folder(spec: CampaignSpec, layout: Layout) -> None:
    try:
        folder_safety.set_umask(spec.hpo.sharing)
        problems = folder_safety.create(layout, spec.hpo.sharing)
    except OSError as err:  # found only by trying: names too long, servers that refuse
        if is_storage_trouble(err):
            raise
        problem = f"output_dir {layout.root} cannot be made: {err.strerror}; choose another"
        raise SettingsError([problem], where=str(spec.source)) from err
    if problems:
        raise SettingsError(problems, where=str(spec.source))


def _run_locked(spec: CampaignSpec, layout: Layout, executor: str, argv: Sequence[str]) -> int:
    lock = ManagerLock(layout)
    lock.acquire(job_gone_asker(executor))
    try:
        now = time.time()
        if stop_request.read(layout) and not stop_request.obeyed_by_this_start():
            stop_request.withdraw(layout)
        start = Start(executor, socket.gethostname(), _command(argv), str(Path.cwd()))
        campaign = open_campaign(spec, start, now)
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
    campaign: Campaign,
    executor: str,
    lock: ManagerLock,
    screen: Screen,
    argv: Sequence[str],
) -> int:
    leave = LeaveRequest()
    leave.listen()
    say_hello(spec, campaign, executor, screen.log_file)
    if owners := folder_safety.owners_above(campaign.layout.root):
        log.warning("%s and could always replace this campaign", ", ".join(owners))
    if executor != "simulated":
        tell_environment(spec.slurm)
    legs, layout = spec.legs(campaign.ladder), campaign.layout
    journal = Journal(layout.journal, campaign.header, guard=lock.guard)
    cluster: Cluster
    clock: Clock
    if executor == "simulated":
        cluster, clock = make_simulated(spec, layout, journal.latest())
        screen.use_clock(clock.now)
    else:
        name = campaign.header.campaign
        cluster = make_cluster(executor, spec, layout, name, to_manage=True, former=campaign.former)
        clock = CampaignClock(layout, journal.latest(), leave.sleep)
    notifier = notifier_of(spec.hpo, layout, executor)

    def show(state: CampaignState, book: SeatBook) -> None:
        screen.show(state, book)
        notifier.look(state, len(book.queued()), clock.now())

    manager = Manager(
        Surroundings(layout, cluster, clock, leave.is_set, show),
        journal,
        Scheduler(
            make_searcher(spec),
            search_limits(spec, largest_memory_mb(executor, spec.slurm), executor),
            legs,
            spec.space,
        ),
        seat_limits(spec, executor),
        goal=spec.goal,
        told=what_is_told(spec),
        at_end=spec.hpo.at_end,
        checkpoints=CheckpointKeeper(layout, legs, spec.hpo.keep_checkpoints, spec.hpo.n_trials),
        foreign_jobs=campaign.foreign_jobs,
        learns_silence=spec.hpo.hang_after == "auto",
        code=campaign.code,
        page=PageWriter(layout) if spec.hpo.report else None,
    )
    with notifier:
        if ended := manager.run():
            notifier.ended(manager.state)
    if not ended:
        report_leaving(manager, layout, leave.signal_name, _command(argv))
    else:
        pictures = PictureWriter(layout)
        if spec.hpo.report:
            pictures.begin()
        report_end(manager.state, layout, spec)
        pictures.finish(leave.is_set)
        if manager.state.ended == STOPPED_BY_USER:
            log.info("to go on: %s", _command(argv))
    return exit_code(manager.state, ended=ended)


def _command(argv: Sequence[str]) -> str:
    """The command to go on with: the one that was typed, less --fresh."""
    program = Path(sys.argv[0]).name
    words = [word for word in argv if word != "--fresh"]
    if program == "main_hpo.py":
        return shell_words(["python", sys.argv[0], *words[1:]])
    return shell_words(["hpo", *words])
