"""The entry of a job: take the best leg, run it, write what it came to, end, or go on (`seat`).

Owns the life of one job. Writes only its claim, its trial's folder and its trial's result. Signals
set a flag and nothing else; the next report saves and leaves. Imports nothing slow before the
user's code: no scipy, pandas, pydantic or torch.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hpo.errors import EXIT_FINISHED, EXIT_RESUMABLE, HpoError
from hpo.folder import offers, shrunk_seats
from hpo.folder import safety as folder_safety
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout, publish_json, read_json
from hpo.folder.full_disk_output import log_to_standard_output
from hpo.folder.opening import settled
from hpo.folder.patience import Patience, StorageTrouble, is_of_files
from hpo.job.leave_flag import LeaveFlag
from hpo.job.orders import await_settings, require_safe
from hpo.job.serving import Objective, Place, begin, serve_leg, wait_for_claim
from hpo.job.watcher import watch_over
from hpo.seats.job_identity import JobIdentity, this_job
from hpo.shown import many_lines

log = logging.getLogger("hpo.job.main")  # also where it is run by `python -m`


def main(argv: Sequence[str] | None = None) -> int:
    """`run_trial.py DIR`: serve the campaign in DIR as one seat, also from a shell of your own.

    With `--trial` nothing is served: that trial is run here once more, to look into it.
    """
    import argparse  # here, because SLURM's jobs need none

    parser = argparse.ArgumentParser(
        prog="run_trial.py",
        description="Take the best open trial of a campaign, run it here, write its result, end."
        " With --trial: run that trial here once more, and leave the campaign as it is.",
    )
    parser.add_argument("campaign", help="the campaign's output directory")
    parser.add_argument(
        "--trial",
        type=int,
        metavar="N",
        help="run this one in a copy, from its checkpoint, on this terminal: a debugger works",
    )
    parser.add_argument("--from-start", action="store_true", help="with --trial: from the start")
    arguments = parser.parse_args(argv)
    if arguments.from_start and arguments.trial is None:
        parser.error("--from-start goes with --trial")
    try:
        if arguments.trial is not None:
            from hpo.job.reproduce import reproduce  # here, because no job needs it

            root = settled(Path(arguments.campaign))
            return reproduce(root, arguments.trial, from_start=arguments.from_start)
        return run_seat(str(settled(Path(arguments.campaign))))
    except HpoError as err:
        text = many_lines(err)
        print(f"run_trial.py: {text}", file=sys.stderr)  # noqa: T201  # because this is a command
        return err.exit_code


def run_job(root: str) -> int:
    """The same for a job, whose log is read by people."""
    try:
        return run_seat(root)
    except HpoError as err:
        log.error("this job ends: %s", err)
        return err.exit_code


def run_seat(root: str) -> int:
    """Serve as one seat of the campaign in `root`; the process's exit code.

    That is EXIT_RESUMABLE where the files of the campaign could not be used: no leg failed then,
    and one that was taken is offered again.

    Raises:
        SettingsError: there is no campaign in `root`, or it is not safe to run it.
    """
    log_to_standard_output()
    try:
        return _serve(Layout(settled(Path(root))), root)
    except StorageTrouble as err:
        log.error("this job ends, its trial is offered again: %s", err)
    except Exception as err:
        if not is_of_files(err):
            raise
        log.exception("this job ends: the campaign's files cannot be used")
    return EXIT_RESUMABLE


def _serve(layout: Layout, given: str) -> int:
    job = shrunk_seats.adopt(layout, this_job())
    flag = LeaveFlag(job.time.leave_at, early_s=job.time.early_s)
    flag.listen()
    patience = Patience(leaving=flag.is_set)
    settings = await_settings(layout, patience)
    require_safe(layout, settings, given)
    folder_safety.set_umask(settings.sharing)
    _register(layout, job)
    if job.restarts:
        what = "what this job held before it was requeued"
        for leg in patience.insist(what, lambda: offers.give_back(layout, job.job_id)):
            log.info("job %s was requeued: trial %d is offered again", job.job_id, leg.trial_id)
    place = Place(layout, settings, job, flag, patience)
    time_s = None
    if settings.timed:
        from hpo.seats.stay import first_leg_s  # here, because by default no job needs it

        time_s = first_leg_s(job.time.asked_min)
    taken = wait_for_claim(place, time_s=lambda: time_s)
    if taken is None:
        if stop_request.stands(layout):
            log.info("the campaign was stopped: this job ends; `hpo run` goes on with it")
        elif place.is_over():
            log.info("the campaign is over, and so is this job")
        else:
            log.info("no trial to run within %.0f s: this job ends", settings.claim_timeout)
        if not job.restarts:  # else it may be the log of a trial, too
            _remove_log(layout, job)
    elif settings.trials_per_job == 1:
        watcher = watch_over(place)
        begin(place, taken)
        watcher.begin(taken[0])
        load = Objective(settings, list(taken[1]["config"]))
        serve_leg(place, taken, load, trained=watcher.end)
        watcher.close()
    else:
        from hpo.job.many import seat  # here, because by default no job needs it

        seat.serve(place, flag, taken)
    return EXIT_FINISHED


def _remove_log(layout: Layout, job: JobIdentity) -> None:
    """The log of a job that ran nothing tells nobody anything: quotas count files."""
    path = layout.job_log(job.job_id, on_slurm=job.on_slurm)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(sys.stdout.fileno()), path.lstat()):
            path.unlink()


def _register(layout: Layout, job: JobIdentity) -> None:
    """Say which process a local job is: its manager may have died right after starting it."""
    record = layout.live_job(job.job_id)
    known = None if job.on_slurm else read_json(record)
    if isinstance(known, dict) and "pid" not in known:
        from hpo.job.process_start import began  # here, because SLURM's jobs need none

        me = {"pid": os.getpid(), "began": began(os.getpid())}
        try:
            publish_json(record, known | {name: value for name, value in me.items() if value})
        except OSError as err:  # no harm while the manager that started it lives, which knows
            log.warning("%s cannot be written: %s", record, err)


if __name__ == "__main__":
    sys.exit(main())
