"""From files to facts and from the state to files, with late, lost and damaged ones among them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from histories import (
    NOW,
    claimed,
    config,
    drawn,
    failed,
    finished,
    lost,
    make_layout,
    offer_files,
    offered,
    result_of,
    state_after,
    take,
    write_result,
)

from hpo import checkpoint, offers, reconcile, result_file
from hpo import events as ev
from hpo.causes import Cause
from hpo.files import Layout, publish_json, read_json
from hpo.invariants import check
from hpo.observe import Observer
from hpo.offers import Leg
from hpo.report_lines import write_line
from hpo.seats import JobPhase, JobStatus, SeatBook
from hpo.state import CampaignState, TrialStatus, apply
from hpo.summary import lost_work

GRACE_S = 10.0


@dataclass
class Desk:
    """A campaign's files, what is known of them, and who looks at them."""

    layout: Layout
    state: CampaignState
    observer: Observer

    def look(self, now: float = NOW) -> list[ev.Event]:
        """Look once, and take in what was seen."""
        seen = self.observer.look()
        facts = self.observer.facts(self.state, seen, now)
        for fact in facts:
            apply(self.state, fact)
        return facts

    def tidy(self) -> None:
        reconcile.tidy(self.layout, self.state, self.observer.look())

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.layout.root / folder).iterdir())

    def fence(self, now: float) -> None:
        book = self.observer.book
        reconcile.fence_lost(
            self.layout, self.state, self.observer, book, now=now, grace_s=GRACE_S, vanish_s=60.0
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two trials are offered, in the journal and as files."""
    layout = make_layout(tmp_path)
    offer_files(layout, 0, 1)
    events: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), drawn(1), offered(0), offered(1)]
    return Desk(layout, state_after(events), Observer(layout, SeatBook(), GRACE_S))


@pytest.fixture
def claim(desk: Desk) -> Leg:
    """Trial 0 runs in job 7, and the journal knows."""
    taken = take(desk.layout, "7")
    assert desk.look() == [claimed(0)]
    return taken


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
        assert (fact.outcome, fact.metric, fact.cause, fact.message) == (
            "failed",
            None,
            "KeyError",
            "'lr'",
        )

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
            result_file.attempt_path(desk.layout, claim).write_text(text)
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
        assert desk.look(NOW + 100) == [ev.LegFinished(NOW + 100, *finished_fields())]


def finished_fields() -> tuple[Any, ...]:
    fact = finished(0, 0.25)
    return (0, 0, 0, "7", fact.outcome, fact.metric, fact.resource, fact.elapsed, None, None)


class TestLostJobs:
    def lose(self, desk: Desk) -> None:
        preempted = JobStatus(JobPhase.ENDED, cause=Cause.PREEMPTED, detail="SLURM says PREEMPTED")
        book = desk.observer.book
        book.claimed("7", 0, NOW)
        book.take_poll({"7": preempted}, NOW, vanish_s=60.0)

    def test_a_claim_is_fenced_after_a_grace_and_told_with_its_cause(
        self, desk: Desk, claim: Leg
    ) -> None:
        self.lose(desk)
        checkpoint.save(
            desk.layout.trial(0), resource=4, trial_id=0, attempt=0, objects={"x": {"a": 1}}
        )
        desk.fence(NOW + 9.9)
        assert desk.look(NOW + 9.9) == []
        desk.fence(NOW + 10)
        (fact,) = desk.look(NOW + 10)
        assert fact == ev.LegLost(
            NOW + 10, 0, 0, 0, "7", "preempted", "SLURM says PREEMPTED", resource=4
        )  # at once: nothing is lost
        desk.tidy()
        assert desk.files("revoked") == []

    @pytest.mark.parametrize(
        ("saved", "lost_s", "lost_resource"),
        [([], 100.0, 3), ([(1, 0)], 80.0, 2), ([(1, 0), (3, 0)], 40.0, 0), ([(2, 7)], 100.0, 3)],
    )
    def test_a_loss_tells_what_was_not_saved_since_the_last_checkpoint(
        self,
        desk: Desk,
        claim: Leg,
        saved: list[tuple[int, int]],
        lost_s: float,
        lost_resource: int,
    ) -> None:
        folder = desk.layout.trial(0)
        for epoch in (1, 2, 3):
            report = {"epoch": epoch, "loss": 1.0, "elapsed": 20.0 * epoch, "time": NOW}
            write_line(folder, 0, report)
        for resource, attempt in saved:  # one of another attempt keeps nothing of this one
            checkpoint.save(folder, resource=resource, trial_id=0, attempt=attempt, objects={})
        ended = JobStatus(JobPhase.ENDED, cause=Cause.NODE_FAILED, ended_at=NOW + 100.0)
        desk.observer.book.claimed("7", 0, NOW)
        desk.observer.book.take_poll({"7": ended}, NOW + 130.0, vanish_s=60.0)
        desk.fence(NOW + 130.0)
        (fact,) = desk.look(NOW + 130.0)
        assert isinstance(fact, ev.LegLost)
        assert (fact.lost_s, fact.lost_resource) == (lost_s, lost_resource)
        told = lost_work(desk.state, gpus=2)
        assert told["lost_legs"] == 1
        assert told["lost_hours"] == pytest.approx(2 * lost_s / 3600, abs=1e-4)
        assert told["lost_resource"] == lost_resource
        assert told["hours_of"] == "GPUs"

    def test_a_leg_given_back_tells_what_its_reports_show(self, desk: Desk, claim: Leg) -> None:
        for epoch in (1, 2, 3):
            report = {"epoch": epoch, "loss": 1.0, "elapsed": 20.0 * epoch, "time": NOW}
            write_line(desk.layout.trial(0), 0, report)
        checkpoint.save(desk.layout.trial(0), resource=2, trial_id=0, attempt=0, objects={})
        offers.give_back(desk.layout, "7")
        assert desk.look() == [ev.LegReturned(NOW, 0, 0, 1, lost_s=20.0, lost_resource=1)]

    def test_a_job_that_finished_within_the_grace_has_lost_nothing(
        self, desk: Desk, claim: Leg
    ) -> None:
        self.lose(desk)
        write_result(desk.layout, claim)
        offers.finish(desk.layout, claim)
        desk.fence(NOW + 10)
        (fact,) = desk.look(NOW + 10)
        assert isinstance(fact, ev.LegFinished)
        assert desk.look(NOW + 11) == []

    def test_a_manager_that_died_after_fencing_tells_the_loss_all_the_same(
        self, desk: Desk, claim: Leg
    ) -> None:
        offers.fence(desk.layout, claim)
        (fact,) = desk.look()
        assert isinstance(fact, ev.LegLost)
        assert fact.cause == "vanished"
        assert "job 7 was gone" in fact.message

    def test_it_asks_the_cluster_again_for_the_cause(self, desk: Desk, claim: Leg) -> None:
        offers.fence(desk.layout, claim)
        self.lose(desk)
        (fact,) = desk.look()
        assert isinstance(fact, ev.LegLost)
        assert (fact.cause, fact.message) == ("preempted", "SLURM says PREEMPTED")

    def test_an_old_fenced_claim_tells_nothing_about_a_newer_attempt(
        self, desk: Desk, claim: Leg
    ) -> None:
        offers.fence(desk.layout, claim)
        for event in (lost(0), offered(0, 1)):
            apply(desk.state, event)
        assert desk.look() == []
        apply(desk.state, claimed(0, "8", 1))
        publish_json(desk.layout.claims / Leg(0, 0, 1, "8").name, {})
        assert desk.look() == []

    def test_a_stranger_among_the_fenced_claims_tells_nothing(self, desk: Desk, claim: Leg) -> None:
        publish_json(desk.layout.revoked / claim.claimed_by("8").name, {})
        assert desk.look() == []
        desk.tidy()
        assert desk.files("revoked") == []

    def test_only_the_claims_of_lost_jobs_are_fenced(self, desk: Desk, claim: Leg) -> None:
        desk.fence(NOW + 1000)
        assert desk.files("claims") == [claim.name]


class TestFilesRemovedByHand:
    def test_a_missing_claim_is_a_loss_only_after_a_while(self, desk: Desk, claim: Leg) -> None:
        (desk.layout.claims / claim.name).unlink()
        assert desk.look(NOW) == []
        assert desk.look(NOW + 9) == []
        (fact,) = desk.look(NOW + 10)
        assert isinstance(fact, ev.LegLost)
        assert (fact.cause, fact.message) == ("vanished", "its claim file is gone")

    def test_a_claim_that_one_listing_missed_starts_a_new_wait(
        self, desk: Desk, claim: Leg
    ) -> None:
        path, aside = desk.layout.claims / claim.name, desk.layout.root / "aside"
        path.rename(aside)
        assert desk.look(NOW) == []
        aside.rename(path)
        assert desk.look(NOW + 60) == []
        path.rename(aside)
        assert desk.look(NOW + 600) == []


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
        reconcile.revoke_offers(desk.layout, desk.state)
        assert desk.look() == [ev.OfferRevoked(NOW, 1, 0, 0)]
        assert desk.state.trials[1].status is TrialStatus.WAITING
        apply(desk.state, ev.TrialStopped(NOW, 1, "time is up"))
        desk.tidy()
        assert desk.files("revoked") == desk.files("offers") == []
        reconcile.revoke_offers(desk.layout, desk.state)
        assert offers.is_held(desk.layout, claim)

    def test_a_leg_claimed_and_given_back_unseen_is_taken_back_too(self, desk: Desk) -> None:
        take(desk.layout, "7")
        offers.give_back(desk.layout, "7")
        reconcile.revoke_offers(desk.layout, desk.state)
        facts = desk.look()
        assert ev.LegReturned(NOW, 0, 0, 1) in facts
        assert desk.state.of(TrialStatus.WAITING) == {0, 1}
        for trial_id in (0, 1):
            apply(desk.state, ev.TrialStopped(NOW, trial_id, "time is up"))
        desk.tidy()
        assert desk.files("revoked") == []


def standing(desk: Desk, trial_id: int = 0) -> Any:
    return read_json(desk.layout.result(trial_id))


class TestStandingResults:
    def publish(self, desk: Desk, *events: ev.Event) -> None:
        for event in events:
            apply(desk.state, event)
        reconcile.publish_results(desk.layout, desk.state, events, metric="loss")

    def test_the_result_of_a_job_that_died_before_publishing_it_is_published(
        self, desk: Desk, claim: Leg
    ) -> None:
        write_result(desk.layout, claim)
        self.publish(desk, finished(0, 0.25), ev.TrialCompleted(NOW, 0))
        assert standing(desk) == result_of(claim)

    def test_the_result_that_a_job_published_is_left_alone(self, desk: Desk, claim: Leg) -> None:
        write_result(desk.layout, claim)
        result_file.publish_standing(desk.layout, result_of(claim, note="the job's own"))
        self.publish(desk, finished(0, 0.25))
        assert standing(desk)["note"] == "the job's own"

    def test_the_result_of_an_earlier_attempt_is_replaced(self, desk: Desk, claim: Leg) -> None:
        result_file.publish_standing(desk.layout, result_of(claim, attempt=-1))
        write_result(desk.layout, claim)
        self.publish(desk, finished(0, 0.25))
        assert standing(desk)["attempt"] == 0

    def test_a_trial_given_up_without_a_word_of_its_job_still_has_a_result(
        self, desk: Desk, claim: Leg
    ) -> None:
        folder = desk.layout.trial(0)
        folder.mkdir()
        lines = ['{"epoch": 1, "loss": 0.5, "elapsed": 3.5}', '{"epoch": 2, "lo']
        (folder / "reports-a0.jsonl").write_text("\n".join(lines))
        self.publish(
            desk, lost(0, "out_of_memory"), ev.TrialFailed(NOW, 0, "out_of_memory", "raise mem")
        )
        found = standing(desk)
        assert (found["status"], found["cause"]) == ("failed", "out_of_memory")
        assert found["message"] == "raise mem"
        assert found["reports"] == [{"epoch": 1, "loss": 0.5, "elapsed": 3.5}]
        assert found["additional_info"]["training_time"] == 3.5
        assert found["config"] == config(0)

    def test_a_stopped_trial_that_ran_has_a_result_and_one_that_never_ran_has_none(
        self, desk: Desk, claim: Leg
    ) -> None:
        self.publish(desk, lost(0, "cancelled"), ev.TrialStopped(NOW, 0, "you cancelled it"))
        self.publish(desk, ev.OfferRevoked(NOW, 1, 0, 0), ev.TrialStopped(NOW, 1, "time is up"))
        assert standing(desk)["status"] == "stopped"
        assert standing(desk, 1) is None

    def test_the_jobs_own_failure_with_its_traceback_is_not_overwritten(
        self, desk: Desk, claim: Leg
    ) -> None:
        told = result_of(claim, status="failed", traceback="Traceback …")
        result_file.publish_standing(desk.layout, told)
        self.publish(desk, failed(0), ev.TrialFailed(NOW, 0, "ValueError", "bad"))
        assert standing(desk)["traceback"] == "Traceback …"

    @pytest.mark.parametrize(
        ("events", "status"),
        [
            ([finished(0, 0.25), ev.TrialCompleted(NOW, 0)], "completed"),
            ([lost(0), ev.TrialFailed(NOW, 0, "lost_too_often", "m")], "failed"),
            ([lost(0, "cancelled"), ev.TrialStopped(NOW, 0, "cancelled")], "stopped"),
        ],
    )
    def test_results_that_a_dead_manager_owed_are_published_by_the_next(
        self, desk: Desk, claim: Leg, events: list[ev.Event], status: str
    ) -> None:
        write_result(desk.layout, claim)
        for event in events:
            apply(desk.state, event)
        owed = reconcile.unpublished(desk.layout, desk.state)
        reconcile.publish_results(desk.layout, desk.state, owed, metric="loss")
        assert standing(desk)["status"] == status
        assert reconcile.unpublished(desk.layout, desk.state) == []

    def test_at_the_end_no_number_below_a_trial_that_ran_lacks_a_result(
        self, desk: Desk, claim: Leg
    ) -> None:
        apply(desk.state, drawn(2))
        apply(desk.state, offered(2))
        apply(desk.state, claimed(2, "8"))
        for event in (ev.OfferRevoked(NOW, 1, 0, 0), ev.TrialStopped(NOW, 1, "time is up")):
            apply(desk.state, event)
        reconcile.publish_never_started(desk.layout, desk.state, metric="loss")
        assert desk.files("results") == ["trial_1.json"]
        assert (standing(desk, 1)["status"], standing(desk, 1)["cause"]) == (
            "stopped",
            "time is up",
        )

    def test_a_trial_that_never_ran_owes_no_result(self, desk: Desk) -> None:
        for event in (ev.OfferRevoked(NOW, 1, 0, 0), ev.TrialStopped(NOW, 1, "x")):
            apply(desk.state, event)
        assert reconcile.unpublished(desk.layout, desk.state) == []


class TestJobsThatGoOn:
    def desk(self, folder: Path) -> Desk:
        """Trial 5 runs in job 7 according to the journal."""
        layout = make_layout(folder)
        events = [ev.CampaignStarted(NOW), *(drawn(i) for i in range(6)), *map(offered, range(6))]
        state = state_after([*events, claimed(5)])
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
        assert [(type(fact), fact.trial_id) for fact in told] == [(ev.LegFinished, 5)]  # type: ignore[union-attr]
        assert told[0].goes_on  # type: ignore[union-attr]
        assert [(type(fact), fact.trial_id) for fact in desk.look()] == [(ev.LegClaimed, 1)]  # type: ignore[union-attr]
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
        assert [fact.trial_id for _ in range(2) for fact in desk.look()] == [5, 1]  # type: ignore[union-attr]

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
        assert [fact.trial_id for fact in desk.look()] == [4, 4]  # type: ignore[union-attr]
        assert [fact.trial_id for fact in desk.look()] == [2]  # type: ignore[union-attr]
