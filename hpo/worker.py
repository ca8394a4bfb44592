"""The entry of a job: take the best leg, run it, write what it came to, end.

Owns the life of one seat. Writes only its claim, its trial's folder and its trial's result. Signals
set a flag and nothing else; the next report saves and leaves. Imports nothing slow before the
user's code: no scipy, pandas, pydantic or torch.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from hpo import folder_safety, offers, stop_request
from hpo.errors import EXIT_FINISHED, EXIT_RESUMABLE, HpoError, SettingsError
from hpo.files import Layout, publish_json, read_json, read_plain
from hpo.full_disk_output import QuietStreamHandler, protect_standard_output
from hpo.job_identity import JobIdentity, this_job
from hpo.leg import LegSettings, Surroundings, finish_leg, run_leg
from hpo.memory_used import used_mb
from hpo.objective import bind, load_objective
from hpo.oom_kills import oom_kills
from hpo.storage import Patience, StorageTrouble, is_of_files

log = logging.getLogger(__name__)

FIRST_LOOK_S = 0.5  # between two looks for an offer, growing up to LAST_LOOK_S
LAST_LOOK_S = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """`run_trial.py DIR`: serve the campaign in DIR as one seat, also from a shell of your own."""
    parser = argparse.ArgumentParser(
        prog="run_trial.py",
        description="Take the best open trial of a campaign, run it here, write its result, end.",
    )
    parser.add_argument("campaign", help="the campaign's output directory")
    arguments = parser.parse_args(argv)
    try:
        return run_seat(arguments.campaign)
    except HpoError as err:
        print(f"run_trial.py: {err}", file=sys.stderr)  # noqa: T201  # because this is a command
        return err.exit_code


def run_slurm_seat(root: str) -> None:
    """`run_seat` for submitit, which knows no exit codes: they reach SLURM through SystemExit.

    It also keeps submitit from writing a result of its own, which nobody reads, and for which
    there may be no room.
    """
    raise SystemExit(run_seat(root))


def run_seat(root: str) -> int:
    """Serve as one seat of the campaign in `root`; the process's exit code.

    That is EXIT_RESUMABLE where the files of the campaign could not be used: no leg failed then,
    and one that was taken is offered again.

    Raises:
        SettingsError: there is no campaign in `root`.
    """
    protect_standard_output()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[QuietStreamHandler(sys.stdout)],
    )
    # submitit prints its lines itself; without this they would stand there twice.
    logging.getLogger("submitit").propagate = False
    try:
        return _serve(Layout(Path(root)))
    except StorageTrouble as err:
        log.error("this job ends, its trial is offered again: %s", err)
    except Exception as err:
        if not is_of_files(err):
            raise
        log.exception("this job ends: the campaign's files cannot be used")
    return EXIT_RESUMABLE


def _serve(layout: Layout) -> int:
    flag = _LeaveFlag()
    flag.listen()
    patience = Patience(leaving=flag.is_set)
    patience.insist("campaign.json", lambda: _require_an_answer(layout))
    settings = read_settings(layout)
    folder_safety.set_umask(settings.sharing)
    job = this_job()
    _register(layout, job)
    if job.restarts:
        what = "what this job held before it was requeued"
        for leg in patience.insist(what, lambda: offers.give_back(layout, job.job_id)):
            log.info("job %s was requeued: trial %d is offered again", job.job_id, leg.trial_id)
    time_s = job.first_leg_s if settings.timed else 0
    taken = _wait_for_claim(layout, job, settings.claim_timeout, flag, time_s=time_s)
    if taken is None:
        if stop_request.stands(layout):
            log.info("the campaign was stopped: this job ends; `hpo run` goes on with it")
        else:
            log.info("no trial to run within %.0f s: this job ends", settings.claim_timeout)
        return EXIT_FINISHED
    claim, offer = taken
    _announce(layout, claim, offer, settings, job)
    here = Surroundings(
        job.job_id,
        job.host,
        time.time,
        flag.is_set,
        _devices() | job.had(),
        oom_kills,
        used_mb,
        patience,
    )
    load = _loader(settings, list(offer["config"]))
    result = run_leg(layout, claim, offer, load, settings, here)
    counts = finish_leg(layout, claim, result, patience)
    log.info(
        "trial %d %s: %s=%s after %.1f s%s",
        claim.trial_id,
        result["status"],
        settings.metric,
        result["error"],
        result["additional_info"]["leg_time"],
        "" if counts else " (void: this attempt was given up meanwhile)",
    )
    return EXIT_FINISHED


def read_settings(layout: Layout) -> LegSettings:
    """The part of campaign.json that a job needs.

    Raises:
        SettingsError: there is no campaign, or its file cannot be read.
    """
    campaign = read_json(layout.campaign)
    try:
        return LegSettings(**campaign["seat"])  # type: ignore[index]  # because errors are caught
    except (TypeError, KeyError) as err:
        raise SettingsError(
            [f"{layout.campaign} cannot be read as a campaign ({err})"], where=str(layout.root)
        ) from err


def _require_an_answer(layout: Layout) -> None:
    """Wait for a file server that is away; what is missing or damaged `read_settings` tells."""
    with contextlib.suppress(FileNotFoundError):
        read_plain(layout.campaign)


def _register(layout: Layout, job: JobIdentity) -> None:
    """Say which process a local job is: its manager may have died right after starting it."""
    record = layout.jobs / "live" / f"{job.job_id}.json"
    known = None if job.on_slurm else read_json(record)
    if isinstance(known, dict) and "pid" not in known:
        try:
            publish_json(record, known | {"pid": os.getpid()})
        except OSError as err:  # no harm while the manager that started it lives, which knows
            log.warning("%s cannot be written: %s", record, err)


class _LeaveFlag:
    """Set by signals; read between epochs."""

    def __init__(self) -> None:
        self._asked = False

    def is_set(self) -> bool:
        return self._asked

    def listen(self) -> None:
        # After submitit's own handlers, which this replaces: a trial never requeues itself.
        for name in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(name, self._ask)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True


def _wait_for_claim(
    layout: Layout, job: JobIdentity, timeout_s: float, flag: _LeaveFlag, *, time_s: int = 0
) -> tuple[offers.Leg, dict[str, Any]] | None:
    """The leg that this job took, or None where there was none.

    Raises:
        StorageTrouble: to the end nobody could tell.
    """
    deadline = time.monotonic() + timeout_s
    pause = FIRST_LOOK_S
    trouble: OSError | None = None
    while not flag.is_set() and not stop_request.stands(layout):
        try:
            taken = offers.claim_best(
                layout,
                job.job_id,
                mem_mb=job.mem_mb,
                time_s=time_s,
                again=trouble is not None,
            )
        except OSError as err:
            taken, trouble = None, err
        else:
            trouble = None
        if taken is not None:
            return taken
        if time.monotonic() >= deadline:
            break
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.5, LAST_LOOK_S)
    if trouble is not None:
        raise StorageTrouble(f"no trial could be taken: {trouble}") from trouble
    return None


def _loader(settings: LegSettings, names: list[str]) -> Callable[[], Callable[..., Any]]:
    def load() -> Callable[..., Any]:
        for folder in reversed(settings.pythonpath):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        function = load_objective(settings.objective, settings.metric_pattern)
        bind(function, names)
        return function

    return load


def _announce(
    layout: Layout,
    claim: offers.Leg,
    offer: dict[str, Any],
    settings: LegSettings,
    job: JobIdentity,
) -> None:
    """Say which trial runs here: in the log, as a link beside the trial, as the job's name."""
    log.info(
        "trial %d, attempt %d, job %s on %s, %d CPUs, GPUs %s: %s",
        claim.trial_id,
        claim.attempt,
        job.job_id,
        job.host,
        _cpus(),
        os.environ.get("CUDA_VISIBLE_DEVICES", "as found"),
        offer["config"],
    )
    folder = layout.trial(claim.trial_id)
    link = folder / f"job_{job.job_id}.out"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(_log_file(layout, job), folder))
    except OSError as err:
        log.warning("the link %s to this log cannot be made: %s", link, err)
    if job.on_slurm:
        _rename_job(job.job_id, f"trial_{claim.trial_id}.{settings.campaign}")


def _log_file(layout: Layout, job: JobIdentity) -> Path:
    # submitit names a log after the job and the task within it
    return layout.jobs / (f"{job.job_id}_0_log.out" if job.on_slurm else f"{job.job_id}.out")


def _rename_job(job_id: str, name: str) -> None:
    """Let squeue show the trial; not waited for, and no harm if it fails."""
    try:
        subprocess.Popen(
            ["scontrol", "update", f"jobid={job_id}", f"name={name}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        log.info("scontrol is not on this node: the job keeps its name")


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _devices() -> dict[str, Any]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"pid": os.getpid(), "cpus": _cpus()} | ({"gpus": visible} if visible else {})


if __name__ == "__main__":
    sys.exit(main())
