"""What a run tells: what it is going to do, how it ended, the best trials, how to go on."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from hpo.decisions.asha import Asha, expected_legs
from hpo.decisions.scheduler import BREAKER, STOPPED_BY_USER
from hpo.errors import EXIT_FINISHED, EXIT_NO_RESULT, EXIT_RESUMABLE
from hpo.folder.copies import Origin
from hpo.folder.files import Layout, read_object
from hpo.manager.loop import Manager
from hpo.manager.opening import Campaign
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.narration import describe
from hpo.report.standing import Told
from hpo.report.status import lost_work
from hpo.report.usage_words import usage_lines
from hpo.settings.spec import CampaignSpec
from hpo.shown import shell_words, without_values

log = logging.getLogger(__name__)

BEST_SHOWN = 5
EXAMPLE_S = 60.0  # nobody knows yet what an epoch takes; the line says what it assumes


def say_hello(spec: CampaignSpec, campaign: Campaign, executor: str, log_file: Path) -> None:
    """What is going to be done."""
    how = "new" if campaign.is_new else "resumed"
    log.info("campaign %s (%s) in %s", campaign.header.campaign, how, campaign.layout.root)
    log.info(
        "%d trials of %s, %s of %s, seed %d, at most %d at once, on %s",
        spec.hpo.n_trials,
        without_values(spec.objective),
        spec.hpo.mode,
        spec.hpo.metric,
        spec.hpo.seed,
        spec.hpo.max_concurrent_jobs,
        {"slurm": "SLURM", "local": "this machine", "simulated": "a simulated cluster"}[executor],
    )
    log.info("log: %s", log_file)
    if constants := spec.space.constants:
        log.info("the same in all trials: %s", describe(constants))
    if (asha := spec.asha()) is not None:
        for line in rung_plan(asha, spec.hpo.n_trials, gpus=spec.slurm.gpus):
            log.info("%s", line)
    if campaign.origin is not None:
        _say_copied(campaign.origin, len(campaign.foreign_jobs), executor)
    for change in campaign.changes:
        log.info("changed since the last start: %s", change)


def what_is_told(spec: CampaignSpec) -> Told:
    """What later lines need not say again."""
    asha = spec.asha()
    told = Told(spec.hpo.n_trials, (), spec.slurm.gpus, spec.space.constants)
    if asha is None:
        return told
    by_shares = not asha.stopping and asha.brackets == 1
    plan = expected_legs(asha, spec.hpo.n_trials) if by_shares else []
    return replace(told, levels=asha.levels, expected=[rung.legs for rung in plan])


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


def rung_plan(asha: Asha, n_trials: int, *, gpus: int) -> list[str]:
    """Rungs, the trials expected at each, and what they cost against random search."""
    plan = expected_legs(asha, n_trials)
    epochs = sum(rung.epochs for rung in plan)
    kind = "stopping" if asha.stopping else "promotion"
    lines = [f"ASHA ({kind}), 1 in {asha.reduction_factor} goes on"]
    if asha.brackets > 1:
        lines[0] += f", {asha.brackets} brackets (the plan is that of the first)"
    lines += [f"  rung {r.resource:>6}: {r.legs:>6} trials, {r.epochs:>8} epochs" for r in plan]
    if plan[-1].legs == 0:
        lines.append(
            f"  few trials: hardly one is expected to get to {asha.max_t}; more trials, a larger "
            "grace_period or a smaller reduction_factor bring more there"
        )
    share = epochs / (n_trials * asha.max_t)
    hours = epochs * EXAMPLE_S * max(1, gpus) / 3600
    what = "GPU-hours" if gpus else "job-hours"
    lines.append(
        f"  in all {epochs} epochs, {share:.0%} of random search to {asha.max_t}; "
        f"at 1 min an epoch {hours:.1f} {what}"
    )
    return lines


def exit_code(state: CampaignState, *, ended: bool) -> int:
    """0 finished, 1 nothing usable or the circuit breaker, 75 left or stopped: to be resumed."""
    if not ended or state.ended == STOPPED_BY_USER:
        return EXIT_RESUMABLE
    if state.best_trial is None or state.ended == BREAKER:
        return EXIT_NO_RESULT
    return EXIT_FINISHED


def report_end(state: CampaignState, layout: Layout, spec: CampaignSpec) -> None:
    """What was used, the table of the best trials, and where the files are."""
    slurm = spec.slurm
    # Of a job that takes leg after leg, a long time is what it is for.
    advise_time = not slurm.learns_time and spec.hpo.legs_per_job == 1
    # Of those that are stopped, most may never have started.
    started = {s: [i for i in state.of(s) if state.trials[i].job_id] for s in TrialStatus}
    counts = [f"{len(found)} {s.value}" for s, found in started.items() if found]
    log.info("%s", ", ".join(counts) or "no trial was started")
    if state.ended == BREAKER:
        _report_breaker(state, layout)
    elif state.best_trial is None:
        _show_failure(state, layout)
    if state.lost.legs:
        log.info("%s", _lost_line(state, slurm.gpus))
    for line in usage_lines(
        state, slurm.gpus, advise_time=advise_time, advise_mem=not slurm.learns_mem
    ):
        log.info("%s", line)
    for line in _best_table(state, spec):
        log.info("%s", line)
    if state.best_trial is not None:
        log.info("best configuration: %s", layout.best_config)
    log.info("all results: %s", layout.final_results)


def _lost_line(state: CampaignState, gpus: int) -> str:
    """What preemptions and faults have cost."""
    lost = lost_work(state, gpus)
    return (
        f"lost to preemptions and faults: {lost['lost_legs']} legs, {lost['lost_hours']:.2f} of "
        f"{lost['hours']:.2f} hours of {lost['hours_of']}, {lost['lost_resource']} epochs to be "
        "trained again"
    )


def _best_table(state: CampaignState, spec: CampaignSpec) -> list[str]:
    """The best trials, one line each, as columns."""
    done = [t for t in state.trials.values() if t.metric is not None]
    done.sort(key=lambda t: (state.goal.key(t.metric), t.trial_id))
    if not done:
        return ["no trial gave a result"]
    metric = state.goal.metric
    width = max(len(metric), 12)
    lines = [f"{'trial':>5}  {metric:>{width}}  configuration"]
    for trial in done[:BEST_SHOWN]:
        config = describe(trial.config, spec.space.constants)
        lines.append(f"{trial.trial_id:>5}  {trial.metric:>{width}.6g}  {config}")
    return lines


def report_leaving(manager: Manager, layout: Layout, why: str | None, command: str) -> None:
    """What goes on without the manager, and how to come back to it."""
    running, waiting = len(manager.book.running()), len(manager.book.queued())
    jobs = f"{running} running and {waiting} waiting jobs"
    log.info("asked to leave (%s): %s go on by themselves", why, jobs)
    log.info("to go on: %s", command)
    if running or waiting:
        log.info("to stop the jobs too: hpo stop %s --kill", shell_words([str(layout.root)]))


def _report_breaker(state: CampaignState, layout: Layout) -> None:
    log.error(
        "stopped: the first %d trials all failed with %s", state.alike_failures, state.alike_cause
    )
    _show_failure(state, layout)
    log.error("mend it and start again with the same command: these trials are run again")


def _show_failure(state: CampaignState, layout: Layout) -> None:
    """The first failed trial's traceback, in full."""
    failed = min(state.of(TrialStatus.FAILED), default=None)
    if failed is not None and (result := read_object(layout.result(failed))):
        log.error("trial %d:\n%s", failed, result.get("traceback") or result.get("message"))
