"""From files to facts: claims, results, unreadable ones, and what a job took next."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import GRACE_S, Desk, claimed_by_7, two_offered
from histories import (
    NOW,
    claimed,
    drawn,
    finished,
    make_layout,
    offer_files,
    offered,
    result_of,
    state_after,
    take,
    trial_of,
    write_result,
)

from hpo.folder import attempts, offers
from hpo.folder import stop as stop_request
from hpo.folder.files import publish_json
from hpo.folder.offers import Leg
from hpo.manager.observe import Observer
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.result import Outcome
from hpo.record.state import TrialStatus, apply, check
from hpo.seats.book import JobPhase, JobStatus, SeatBook


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return two_offered(tmp_path)


@pytest.fixture
def claim(desk: Desk) -> Leg:
    return claimed_by_7(desk)


class TestClaims:
    def test_nothing_new_is_no_fact(self, desk: Desk, claim: Leg) -> None:
        assert desk.look() == []
        assert offers.is_held(desk.layout, claim)

    def test_a_leg_that_was_claimed_and_finished_between_two_looks_is_told_in_order(
        self, desk: Desk
    ) -> None:
        taken = take(desk.layout, "7")
        write_result(desk.layout, taken)
        offers.finish(desk.layout, taken)
        facts = desk.look()
        assert [type(fact) for fact in facts] == [ev.LegClaimed, ev.LegFinished]
        assert facts[1] == finished(0, 0.25)

    def test_the_failure_of_a_leg_is_told_with_cause_and_message(
        self, desk: Desk, claim: Leg
    ) -> None:
        words: dict[str, Any] = {"status": "failed", "cause": "KeyError", "message": "'lr'"}
        write_result(desk.layout, claim, error=None, **words)
        offers.finish(desk.layout, claim)
        (fact,) = desk.look()
        assert isinstance(fact, ev.LegFinished)
        told = fact.result
        assert (told.outcome, told.metric) == (Outcome.FAILED, None)
        assert (told.cause, told.message) == ("KeyError", "'lr'")

    def test_a_leg_given_back_and_taken_by_another_job_is_told_as_both(
        self, desk: Desk, claim: Leg
    ) -> None:
        offers.give_back(desk.layout, "7")
        take(desk.layout, "8")
        assert desk.look() == [ev.LegReturned(NOW, 0, 0, 1), claimed(0, "8", 1)]

    def test_a_leg_given_back_that_nobody_has_taken_yet_is_offered_again(
        self, desk: Desk, claim: Leg
    ) -> None:
        offers.give_back(desk.layout, "7")
        assert desk.look() == [ev.LegReturned(NOW, 0, 0, 1)]
        assert desk.state.trials[0].status is TrialStatus.OFFERED

    def test_claims_of_trials_that_the_journal_does_not_know_are_left_alone(
        self, desk: Desk
    ) -> None:
        publish_json(desk.layout.claims / Leg(9, 0, 0, "7").name, {})
        publish_json(desk.layout.revoked / Leg(9, 0, 0).name, {})
        assert desk.look() == []
        desk.tidy()
        assert desk.files("claims") == [Leg(9, 0, 0, "7").name]
        assert desk.files("revoked") == [Leg(9, 0, 0).name]

    def test_a_folder_that_cannot_be_listed_is_no_news(self, desk: Desk) -> None:
        desk.layout.claims.rmdir()
        with pytest.raises(OSError, match="claims"):
            desk.look()


class TestUnreadableResults:
    @pytest.mark.parametrize(
        "text",
        [
            None,
            "",
            "{",
            "[]",
            "5",
            json.dumps({"status": "completed"}),
            json.dumps(result_of(Leg(0, 0, 1, "7"))),
            json.dumps(result_of(Leg(0, 0, 0, "8"))),
            json.dumps(result_of(Leg(0, 0, 0, "7"), status="resting")),
            json.dumps(result_of(Leg(0, 0, 0, "7"), error="0.5")),
            json.dumps(result_of(Leg(0, 0, 0, "7"), error=float("nan"))),
            json.dumps(result_of(Leg(0, 0, 0, "7"), error=10**400)),
            json.dumps(result_of(Leg(0, 0, 0, "7"), resource=1.5)),
            json.dumps(result_of(Leg(0, 0, 0, "7"), message=["x"])),
            json.dumps(result_of(Leg(0, 0, 0, "7"), additional_info=None)),
            json.dumps(result_of(Leg(0, 0, 0, "7"), additional_info={"leg_time": True})),
        ],
        ids=range(16),
    )
    def test_a_done_leg_whose_result_stays_unreadable_is_run_again(
        self, desk: Desk, claim: Leg, text: str | None
    ) -> None:
        desk.layout.trial(0).mkdir()
        if text is not None:
            attempts.files_of(desk.layout, claim).result.write_text(text)
        offers.finish(desk.layout, claim)
        wait, cause = (600, Cause.STORAGE) if text is None else (10, Cause.VANISHED)
        assert desk.look(NOW) == []
        assert desk.look(NOW + wait - 0.1) == []
        (fact,) = desk.look(NOW + wait)
        assert isinstance(fact, ev.LegLost)
        assert fact.cause == cause
        assert "its result cannot be used" in fact.message
        apply(desk.state, offered(0, 1))
        desk.tidy()
        assert desk.files("claims") == []

    def test_a_result_that_becomes_visible_late_counts(self, desk: Desk, claim: Leg) -> None:
        offers.finish(desk.layout, claim)
        assert desk.look(NOW) == []
        write_result(desk.layout, claim)
        assert desk.look(NOW + 100) == [replace(finished(0, 0.25), time=NOW + 100)]


class TestJobsThatGoOn:
    def desk(self, folder: Path) -> Desk:
        """Trial 5 runs in job 7 according to the journal."""
        layout = make_layout(folder)
        before: list[ev.Event] = [*map(drawn, range(6)), *map(offered, range(6))]
        state = state_after([ev.CampaignStarted(NOW), *before, claimed(5)])
        return Desk(layout, state, Observer(layout, SeatBook(), GRACE_S))

    def test_the_end_of_a_leg_is_told_before_what_its_job_took_next(self, tmp_path: Path) -> None:
        desk = self.desk(tmp_path)
        offer_files(desk.layout, 5)
        first = take(desk.layout, "7")
        write_result(desk.layout, first, goes_on=True)
        assert offers.finish(desk.layout, first)
        offer_files(desk.layout, 1)
        take(desk.layout, "7")
        told = desk.look()
        assert [(type(fact), trial_of(fact)) for fact in told] == [(ev.LegFinished, 5)]
        assert isinstance(told[0], ev.LegFinished)
        assert told[0].result.goes_on
        assert [(type(fact), trial_of(fact)) for fact in desk.look()] == [(ev.LegClaimed, 1)]
        assert check(desk.state) == []

    def test_while_that_result_is_late_the_next_leg_is_not_told(self, tmp_path: Path) -> None:
        desk = self.desk(tmp_path)
        offer_files(desk.layout, 5)
        first = take(desk.layout, "7")
        assert offers.finish(desk.layout, first)
        offer_files(desk.layout, 1)
        take(desk.layout, "7")
        assert desk.look() == []
        write_result(desk.layout, first)
        assert [trial_of(fact) for _ in range(2) for fact in desk.look()] == [5, 1]

    def test_of_two_legs_that_are_both_new_the_finished_one_is_told_alone(
        self, tmp_path: Path
    ) -> None:
        desk = self.desk(tmp_path)
        offer_files(desk.layout, 4)
        first = take(desk.layout, "8")
        write_result(desk.layout, first)
        assert offers.finish(desk.layout, first)
        offer_files(desk.layout, 2)
        take(desk.layout, "8")
        assert [trial_of(fact) for fact in desk.look()] == [4, 4]
        assert [trial_of(fact) for fact in desk.look()] == [2]


class TestAskedToLeave:
    """A job that saved and left: the cluster says why it was asked to."""

    @pytest.fixture
    def left(self, desk: Desk, claim: Leg) -> Desk:
        desk.observer.verdict_s = 60.0
        write_result(desk.layout, claim, status="interrupted", resource=4)
        offers.finish(desk.layout, claim)
        desk.observer.book.claimed("7", 0, NOW)
        return desk

    def said(self, desk: Desk, phase: JobPhase, cause: Cause) -> ev.LegFinished:
        told = JobStatus(phase, cause=cause, detail=f"SLURM says {cause}")
        desk.observer.book.take_poll({"7": told}, NOW + 1.0, vanish_s=60.0)
        (fact,) = desk.look(NOW + 1.0)
        assert isinstance(fact, ev.LegFinished)
        assert not desk.observer.awaits_verdict
        assert (fact.result.outcome, fact.result.resource) == (Outcome.INTERRUPTED, 4)
        return fact

    def test_that_is_waited_for_but_not_for_ever(self, left: Desk) -> None:
        assert left.look() == left.look(NOW + 59.0) == []
        assert left.observer.awaits_verdict
        (fact,) = left.look(NOW + 60.0)
        assert isinstance(fact, ev.LegFinished)
        assert fact.result.cause is None
        assert not left.observer.awaits_verdict

    def test_one_that_seems_to_run_says_nothing_yet(self, left: Desk) -> None:
        running = {"7": JobStatus(JobPhase.RUNNING)}
        left.observer.book.take_poll(running, NOW + 1.0, vanish_s=60.0)
        assert left.look(NOW + 1.0) == []

    def test_cancelled_by_hand(self, left: Desk) -> None:
        fact = self.said(left, JobPhase.ENDED, Cause.CANCELLED)
        assert fact.result.cause == "cancelled"
        assert fact.result.message == "its job 7 was cancelled: SLURM says cancelled"

    def test_cancelled_by_hpo_stop(self, left: Desk) -> None:
        stop_request.note_cancelled(left.layout, {"7"})
        assert self.said(left, JobPhase.ENDED, Cause.CANCELLED).result.cause is None

    @pytest.mark.parametrize("phase", [JobPhase.ENDED, JobPhase.QUEUED])
    def test_preempted(self, left: Desk, phase: JobPhase) -> None:
        assert self.said(left, phase, Cause.PREEMPTED).result.cause is None

    def test_back_in_the_queue_whatever_the_word_for_it(self, left: Desk) -> None:
        assert self.said(left, JobPhase.QUEUED, Cause.CANCELLED).result.cause is None

    @pytest.mark.parametrize("phase", [JobPhase.ENDED, JobPhase.QUEUED])
    def test_its_node_failed(self, left: Desk, phase: JobPhase) -> None:
        fact = self.said(left, phase, Cause.NODE_FAILED)
        assert (fact.result.cause, fact.result.message) == ("node_failed", "SLURM says node_failed")

    def test_where_no_cluster_tells_nothing_is_waited_for(self, left: Desk) -> None:
        left.observer.verdict_s = 0.0
        assert len(left.look()) == 1
