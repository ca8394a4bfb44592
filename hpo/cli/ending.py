"""The last lines of a run: how it ended, the best trials, how to go on."""

from __future__ import annotations

import logging
import shlex

from hpo.decisions.scheduler import BREAKER, STOPPED_BY_USER
from hpo.errors import EXIT_FINISHED, EXIT_NO_RESULT, EXIT_RESUMABLE
from hpo.folder.files import Layout, read_json
from hpo.manager.loop import Manager
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.narration import describe
from hpo.report.summary import lost_work
from hpo.report.usage_words import usage_lines

log = logging.getLogger(__name__)

BEST_SHOWN = 5


def exit_code(state: CampaignState, *, ended: bool) -> int:
    """0 finished, 1 nothing usable or the circuit breaker, 75 left or stopped: to be resumed."""
    if not ended or state.ended == STOPPED_BY_USER:
        return EXIT_RESUMABLE
    if state.best_trial is None or state.ended == BREAKER:
        return EXIT_NO_RESULT
    return EXIT_FINISHED


def report_end(
    state: CampaignState,
    layout: Layout,
    *,
    gpus: int = 0,
    advise_time: bool = False,
    advise_mem: bool = False,
) -> None:
    """What was used, the table of the best trials, and where the files are."""
    counts = [f"{len(state.of(s))} {s.value}" for s in TrialStatus if state.of(s)]
    log.info("%s", ", ".join(counts))
    if state.ended == BREAKER:
        _report_breaker(state, layout)
    elif state.best_trial is None:
        _show_failure(state, layout)
    if state.lost.legs:
        log.info("%s", lost_line(state, gpus))
    for line in usage_lines(state, gpus, advise_time=advise_time, advise_mem=advise_mem):
        log.info("%s", line)
    for line in best_table(state):
        log.info("%s", line)
    if state.best_trial is not None:
        log.info("best configuration: %s", layout.best_config)
    log.info("all results: %s", layout.final_results)


def lost_line(state: CampaignState, gpus: int) -> str:
    """What preemptions and faults have cost."""
    lost = lost_work(state, gpus)
    return (
        f"lost to preemptions and faults: {lost['lost_legs']} legs, {lost['lost_hours']:.2f} of "
        f"{lost['hours']:.2f} hours of {lost['hours_of']}, {lost['lost_resource']} epochs to be "
        "trained again"
    )


def best_table(state: CampaignState) -> list[str]:
    """The best trials, one line each, as columns."""
    done = [t for t in state.trials.values() if t.metric is not None]
    done.sort(key=lambda t: (state.goal.key(t.metric), t.trial_id))
    if not done:
        return ["no trial gave a result"]
    metric = state.goal.metric
    width = max(len(metric), 12)
    lines = [f"{'trial':>5}  {metric:>{width}}  configuration"]
    for trial in done[:BEST_SHOWN]:
        lines.append(f"{trial.trial_id:>5}  {trial.metric:>{width}.6g}  {describe(trial.config)}")
    return lines


def report_leaving(manager: Manager, layout: Layout, why: str | None, command: str) -> None:
    """What goes on without the manager, and how to come back to it."""
    running, waiting = len(manager.book.running()), len(manager.book.queued())
    log.info(
        "asked to leave (%s): %d running and %d waiting jobs go on by themselves",
        why,
        running,
        waiting,
    )
    log.info("to go on: %s", command)
    if running or waiting:
        log.info("to stop the jobs too: hpo stop %s --kill", shlex.quote(str(layout.root)))


def _report_breaker(state: CampaignState, layout: Layout) -> None:
    log.error(
        "stopped: the first %d trials all failed with %s", state.alike_failures, state.alike_cause
    )
    _show_failure(state, layout)
    log.error("mend it and start again with the same command: these trials are run again")


def _show_failure(state: CampaignState, layout: Layout) -> None:
    """The first failed trial's traceback, in full."""
    failed = min(state.of(TrialStatus.FAILED), default=None)
    if failed is None:
        return
    result = read_json(layout.result(failed))
    if isinstance(result, dict):
        trace = result.get("traceback") or result.get("message")
        log.error("trial %d:\n%s", failed, trace)
