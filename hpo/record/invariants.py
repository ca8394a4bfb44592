"""What must hold of every state: checked after each replay and in tests, never during a tick.

Pure, and linear in the number of trials.
"""

from __future__ import annotations

from hpo.record import events as ev
from hpo.record.result import Outcome
from hpo.record.state import CampaignState, TrialStatus


def check(state: CampaignState) -> list[str]:
    """All broken invariants, as sentences; empty when the state is sound."""
    broken: list[str] = []
    for status, ids in state.by_status.items():
        wrong = [i for i in ids if state.trials[i].status is not status]
        broken += [f"trial {i} is listed as {status.value} and is not" for i in wrong]
    listed = sum(len(ids) for ids in state.by_status.values())
    if listed != len(state.trials):
        broken.append(f"{len(state.trials)} trials, {listed} listed by status")
    if sorted(state.trials) != list(range(len(state.trials))):
        broken.append("trials are not numbered 0, 1, 2 …")
    jobs: dict[str, int] = {}
    for trial_id in sorted(state.of(TrialStatus.CLAIMED)):
        trial = state.trials[trial_id]
        if trial.job_id is None:
            broken.append(f"trial {trial_id} is claimed by no job")
        elif trial.job_id in jobs:
            broken.append(f"job {trial.job_id} holds trials {jobs[trial.job_id]} and {trial_id}")
        else:
            jobs[trial.job_id] = trial_id
    for trial in state.trials.values():
        if trial.status is TrialStatus.COMPLETED and not (
            isinstance(trial.ended_leg, ev.LegFinished)
            and trial.ended_leg.result.outcome is Outcome.COMPLETED
        ):
            broken.append(f"trial {trial.trial_id} is completed without a result")
        if trial.status in (TrialStatus.FAILED, TrialStatus.STOPPED) and not trial.cause:
            broken.append(f"trial {trial.trial_id} is {trial.status.value} without a cause")
    if state.ended is not None and state.open_trials:
        broken.append(f"the campaign has ended with {state.open_trials} open trials")
    return broken
