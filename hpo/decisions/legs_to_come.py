"""Which legs to expect beyond those that are offered; only an estimate.

So that seats wait in the queue before there is an offer for them. Pure: from the state and the
rungs to numbers; decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hpo.decisions.limits import Limits
from hpo.decisions.needs import ComingLeg, outlasts
from hpo.decisions.whole_trials import LegPolicy
from hpo.record.state import CampaignState, TrialStatus


def legs_to_come(state: CampaignState, limits: Limits, legs: LegPolicy) -> Mapping[ComingLeg, int]:
    """How many legs of each kind are still to come: of new trials, and of those promoted.

    Each leg that runs counts as one that may be followed by another, however unlikely that is:
    near the end that one would have to wait in the queue, and the whole campaign for it.
    """
    undrawn = 0 if state.exhausted else max(0, limits.n_trials - len(state.trials))
    coming = Counter(legs.promotions_to_come(state, undrawn)) | _followers(state, limits)
    coming[0] += undrawn
    return {ComingLeg(rung, legs.length(rung)): n for rung, n in coming.items() if n}


def _followers(state: CampaignState, limits: Limits) -> Counter[int]:
    """By rung, what may follow the legs that run: the next ones, and the rest of a long one."""
    running = [state.trials[trial_id] for trial_id in state.of(TrialStatus.CLAIMED)]
    next_rungs = Counter(trial.rung + 1 for trial in running if not trial.final)
    return next_rungs | Counter(t.rung for t in running if outlasts(t, state, limits))
