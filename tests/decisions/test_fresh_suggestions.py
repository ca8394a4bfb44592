"""The next new trial of a searcher that learns is suggested anew when results have come."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from histories import NOW, claimed, config, drawn, finished, lost, offered, running, state_after

from hpo.decisions.limits import Limits
from hpo.decisions.scheduler import Scheduler
from hpo.errors import TransitionError
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.search.searcher import Tried
from hpo.values import canonical


class Counts:
    """Suggests how many results it has seen, beside the trial's number."""

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, Any] | None:
        found = {"number": trial_id, "seen": len(list(results))}
        assert canonical(found) not in taken
        return found if trial_id < 90 else None


def scheduler(**limits: Any) -> Scheduler:
    return Scheduler(
        Counts(), Limits(**{"n_trials": 99, "offers_ahead": 2, "fresh": True} | limits)
    )


def decided(state: CampaignState, deciding: Scheduler) -> list[ev.Event]:
    found = []
    while decisions := deciding.decide(state, NOW):
        for event in decisions:
            apply(state, event)
        found += decisions
    return found


def begun(deciding: Scheduler) -> CampaignState:
    """One trial runs, two are offered."""
    state = CampaignState()
    decided(state, deciding)
    apply(state, claimed(0))
    decided(state, deciding)
    return state


def revoke(state: CampaignState, trial_id: int) -> None:
    trial = state.trials[trial_id]
    apply(state, ev.OfferRevoked(NOW, trial_id, trial.rung, trial.attempt))


def test_the_trial_that_is_taken_next_is_withdrawn_and_drawn_anew_once() -> None:
    deciding = scheduler()
    state = begun(deciding)
    assert deciding.outdated_offers(state) == set()
    apply(state, finished(0))
    decided(state, deciding)
    assert deciding.outdated_offers(state) == {1}  # the other stays for whoever looks for work
    revoke(state, 1)
    anew = {"number": 1, "seen": 1}
    found = decided(state, deciding)
    assert found[0] == ev.TrialRedrawn(NOW, 1, anew)
    assert isinstance(found[1], ev.LegOffered)
    assert len(found) == 2
    assert state.trials[1].config == anew
    assert canonical(anew) in state.taken
    assert canonical({"number": 1, "seen": 0}) not in state.taken
    assert deciding.outdated_offers(state) == set()


def test_what_a_job_took_keeps_its_configuration_whatever_becomes_of_the_job() -> None:
    deciding = scheduler()
    state = begun(deciding)
    apply(state, claimed(1, "8"))
    apply(state, finished(0))
    apply(state, lost(1, job_id="8"))
    decided(state, deciding)
    assert deciding.outdated_offers(state) == {2}
    revoke(state, 1)
    assert not any(isinstance(event, ev.TrialRedrawn) for event in decided(state, deciding))


def test_one_that_came_back_from_a_job_that_nobody_saw_keeps_it_too() -> None:
    deciding = scheduler()
    state = begun(deciding)
    apply(state, ev.LegReturned(NOW, 1, 0, 1))
    apply(state, finished(0))
    decided(state, deciding)
    assert deciding.outdated_offers(state) == {2}
    revoke(state, 1)
    with pytest.raises(TransitionError, match="a job had taken it"):
        apply(state, ev.TrialRedrawn(NOW, 1, {"number": 7}))


def test_the_same_suggestion_is_offered_again_and_not_withdrawn_again() -> None:
    deciding = scheduler()
    state = begun(deciding)
    apply(state, finished(0, None))  # it diverged, so that no more is seen
    decided(state, deciding)
    revoke(state, 1)
    assert [type(event) for event in decided(state, deciding)] == [ev.LegOffered]
    assert deciding.outdated_offers(state) == set()


def test_at_the_end_of_the_space_the_old_suggestion_stays() -> None:
    deciding = scheduler()
    state = state_after([ev.CampaignStarted(NOW)])
    for trial_id in range(90):
        apply(state, drawn(trial_id))
        apply(state, offered(trial_id))
        apply(state, claimed(trial_id, str(trial_id)))
    apply(state, drawn(90))
    apply(state, offered(90))
    apply(state, finished(0, job_id="0"))
    revoke(state, 90)
    found = decided(state, deciding)
    assert not any(isinstance(event, ev.TrialRedrawn) for event in found)
    assert state.trials[90].config == config(90)


def test_what_somebody_enqueued_stays() -> None:
    deciding = scheduler()
    state = state_after([*running(0), ev.PointsEnqueued(NOW, "a", "me", [{"number": 5}])])
    decided(state, deciding)
    apply(state, finished(0, job_id="0"))
    decided(state, deciding)
    assert state.trials[1].config == {"number": 5}
    assert deciding.outdated_offers(state) == {2}
    revoke(state, 2)
    # The points took no number from the searcher.
    assert decided(state, deciding)[0] == ev.TrialRedrawn(NOW, 2, {"number": 1, "seen": 1})


def test_nothing_is_withdrawn_for_searchers_that_are_asked_once() -> None:
    deciding = scheduler(fresh=False)
    state = begun(deciding)
    apply(state, finished(0))
    decided(state, deciding)
    assert deciding.outdated_offers(state) == set()
    revoke(state, 1)
    assert [type(event) for event in decided(state, deciding)] == [ev.LegOffered]
