"""What is told of a leg whose job died, and of one whose claim somebody removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, claimed_by_7, two_offered
from histories import NOW, claimed, lost, offered, write_result

from hpo import checkpoint
from hpo.folder import offers
from hpo.folder.files import publish_json
from hpo.folder.offers import Leg
from hpo.folder.report_lines import write_line
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import apply
from hpo.report.status import lost_work
from hpo.seats.book import JobPhase, JobStatus


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return two_offered(tmp_path)


@pytest.fixture
def claim(desk: Desk) -> Leg:
    return claimed_by_7(desk)


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
        assert desk.look() == [ev.LegReturned(NOW, 0, 0, 1, 20.0, 1, resource=3)]

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
