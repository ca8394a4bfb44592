"""The result that stands for a trial, also where its job died before it wrote one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk import Desk, claimed_by_7, two_offered
from histories import (
    NOW,
    claimed,
    config,
    drawn,
    failed,
    finished,
    lost,
    offered,
    result_of,
    write_result,
)

from hpo.folder import attempts
from hpo.folder.files import read_json
from hpo.folder.offers import Leg
from hpo.manager import reconcile
from hpo.record import events as ev
from hpo.record.state import apply


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return two_offered(tmp_path)


@pytest.fixture
def claim(desk: Desk) -> Leg:
    return claimed_by_7(desk)


def standing(desk: Desk, trial_id: int = 0) -> Any:
    return read_json(desk.layout.result(trial_id))


class TestStandingResults:
    def publish(self, desk: Desk, *events: ev.Event) -> None:
        for event in events:
            apply(desk.state, event)
        reconcile.publish_results(desk.layout, desk.state, events)

    def test_the_result_of_a_job_that_died_before_publishing_it_is_published(
        self, desk: Desk, claim: Leg
    ) -> None:
        write_result(desk.layout, claim)
        self.publish(desk, finished(0, 0.25), ev.TrialCompleted(NOW, 0))
        assert standing(desk) == result_of(claim)

    def test_the_result_that_a_job_published_is_left_alone(self, desk: Desk, claim: Leg) -> None:
        write_result(desk.layout, claim)
        attempts.publish_standing(desk.layout, result_of(claim, note="the job's own"))
        self.publish(desk, finished(0, 0.25))
        assert standing(desk)["note"] == "the job's own"

    def test_the_result_of_an_earlier_attempt_is_replaced(self, desk: Desk, claim: Leg) -> None:
        attempts.publish_standing(desk.layout, result_of(claim, attempt=-1))
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
        attempts.publish_standing(desk.layout, told)
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
        reconcile.publish_results(desk.layout, desk.state, owed)
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
        reconcile.publish_never_started(desk.layout, desk.state)
        assert desk.files("results") == ["trial_1.json"]
        assert (standing(desk, 1)["status"], standing(desk, 1)["cause"]) == (
            "stopped",
            "time is up",
        )

    def test_a_trial_that_never_ran_owes_no_result(self, desk: Desk) -> None:
        for event in (ev.OfferRevoked(NOW, 1, 0, 0), ev.TrialStopped(NOW, 1, "x")):
            apply(desk.state, event)
        assert reconcile.unpublished(desk.layout, desk.state) == []
