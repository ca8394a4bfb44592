"""From the state to files: late writers are fenced, offers written and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, claimed_by_7, two_offered
from histories import NOW, config, failed, lost, offered, take, write_result

from hpo.folder import offers
from hpo.folder.files import publish_json, read_json
from hpo.folder.offers import Leg
from hpo.manager import reconcile
from hpo.record import events as ev
from hpo.record.state import TrialStatus, apply


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return two_offered(tmp_path)


@pytest.fixture
def claim(desk: Desk) -> Leg:
    return claimed_by_7(desk)


class TestLateWriters:
    def test_a_claim_of_an_older_attempt_is_fenced_and_its_result_is_void(
        self, desk: Desk, claim: Leg
    ) -> None:
        for event in (lost(0), offered(0, 1)):
            apply(desk.state, event)
        assert desk.look() == []
        desk.tidy()
        assert not offers.finish(desk.layout, claim)
        assert desk.files("claims") == desk.files("revoked") == []
        assert desk.state.trials[0].status is TrialStatus.OFFERED

    def test_an_older_attempt_that_says_it_is_done_is_no_fact(self, desk: Desk, claim: Leg) -> None:
        for event in (lost(0), offered(0, 1)):
            apply(desk.state, event)
        write_result(desk.layout, claim)
        offers.finish(desk.layout, claim)
        assert desk.look() == []
        desk.tidy()
        assert desk.files("claims") == []

    def test_a_second_claim_of_the_same_attempt_is_fenced(self, desk: Desk, claim: Leg) -> None:
        intruder = claim.claimed_by("8")
        publish_json(desk.layout.claims / intruder.name, {})
        assert desk.look() == []
        desk.tidy()
        assert not offers.is_held(desk.layout, intruder)
        assert offers.is_held(desk.layout, claim)

    def test_a_claim_of_an_ended_trial_is_fenced(self, desk: Desk, claim: Leg) -> None:
        for event in (failed(0), ev.TrialFailed(NOW, 0, "E", "")):
            apply(desk.state, event)
        assert desk.look() == []
        desk.tidy()
        assert desk.files("claims") == []

    def test_what_the_journal_still_waits_for_is_kept(self, desk: Desk, claim: Leg) -> None:
        offers.revoke_offer(desk.layout, Leg(1, 0, 0))
        newer = Leg(1, 0, 5, "9")
        publish_json(desk.layout.claims / newer.name, {})
        desk.tidy()
        assert desk.files("claims") == [claim.name, newer.name]
        assert desk.files("revoked") == [Leg(1, 0, 0).name]


class TestOffers:
    def test_offers_are_written_only_for_trials_that_are_still_offered(
        self, desk: Desk, claim: Leg
    ) -> None:
        offers.discard(desk.layout.offers, Leg(1, 0, 0))
        reconcile.write_offers(desk.layout, desk.state, [1, 0])
        assert desk.files("offers") == [Leg(1, 0, 0).name]
        assert read_json(desk.layout.offers / Leg(1, 0, 0).name) == {
            "trial_id": 1,
            "rung": 0,
            "attempt": 0,
            "target": 9,
            "final": True,
            "start": 0,
            "config": config(1),
        }

    def test_an_offer_that_lies_nowhere_is_found(self, desk: Desk) -> None:
        assert reconcile.find_unwritten(desk.layout, desk.state) == set()
        offers.discard(desk.layout.offers, Leg(1, 0, 0))
        assert reconcile.find_unwritten(desk.layout, desk.state) == {1}
        take(desk.layout, "7")
        assert reconcile.find_unwritten(desk.layout, desk.state) == {1}

    def test_at_the_end_what_nobody_claimed_is_taken_back(self, desk: Desk, claim: Leg) -> None:
        reconcile.revoke_offers(desk.layout, desk.state.of(TrialStatus.OFFERED))
        assert desk.look() == [ev.OfferRevoked(NOW, 1, 0, 0)]
        assert desk.state.trials[1].status is TrialStatus.WAITING
        apply(desk.state, ev.TrialStopped(NOW, 1, "time is up"))
        desk.tidy()
        assert desk.files("revoked") == desk.files("offers") == []
        reconcile.revoke_offers(desk.layout, desk.state.of(TrialStatus.OFFERED))
        assert offers.is_held(desk.layout, claim)

    def test_a_leg_claimed_and_given_back_unseen_is_taken_back_too(self, desk: Desk) -> None:
        take(desk.layout, "7")
        offers.give_back(desk.layout, "7")
        reconcile.revoke_offers(desk.layout, desk.state.of(TrialStatus.OFFERED))
        facts = desk.look()
        assert ev.LegReturned(NOW, 0, 0, 1) in facts
        assert desk.state.of(TrialStatus.WAITING) == {0, 1}
        for trial_id in (0, 1):
            apply(desk.state, ev.TrialStopped(NOW, trial_id, "time is up"))
        desk.tidy()
        assert desk.files("revoked") == []
