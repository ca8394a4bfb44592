"""What status.json holds, and that it stays small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, claimed, config, drawn, failed, finished, offered, running
from user_project import strict_json

from hpo.decisions.needs import ComingLeg
from hpo.folder.files import Layout
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.chronicle import Chronicle, Line
from hpo.report.standing import Told
from hpo.report.status import MOST_BYTES, MOST_RUNNING, Reported, Seen, status, text_of
from hpo.report.status_document import Status
from hpo.seats.book import JobPhase, JobStatus, SeatBook

HOSTILE = "</script>\x1b[2J\u202e\ud800[bold]" + "语" * 5000


class Campaign:
    """A state and what belongs to it, from events."""

    def __init__(self, *events: ev.Event) -> None:
        self.state, self.book, self.chronicle = CampaignState(), SeatBook(), Chronicle()
        self.follow(*events)

    def follow(self, *events: ev.Event) -> None:
        for event in events:
            apply(self.state, event)
            self.chronicle.follow(event, self.state)

    def text(self, **seen: Any) -> str:
        at = Seen(seen.pop("now", NOW + 60.0), "mlp_asha", **seen)
        return text_of(status(self.state, self.book, self.chronicle, at))

    def read(self, **seen: Any) -> Status:
        return Status.of(strict_json(self.text(**seen)))


def some() -> Campaign:
    """Of six trials two have ended, one failed, three run."""
    campaign = Campaign(*running(0, 1, 2, 3, 4, 5))
    for trial_id in (0, 1):
        done = (finished(trial_id, 0.5 - 0.25 * trial_id, job_id=str(trial_id), elapsed=36.0),)
        campaign.follow(*done, ev.TrialPaused(NOW, trial_id))
    campaign.follow(failed(2, job_id="2"), ev.TrialFailed(NOW, 2, "ValueError", "bad lr"))
    return campaign


def test_what_a_person_wants_to_know() -> None:
    campaign = some()
    campaign.chronicle.told(Line(NOW, 30, "trial 2 failed"))
    told = Told(9, (9, 27), 2, {}, (9, 3))
    beat = {"job_id": "812", "host": "hal48", "pid": 4711, "beat": 1764000000.0}
    found = campaign.read(
        told=told, manager=beat, reported={3: Reported(4, 0.75)}, to_come={ComingLeg(0, 9): 3}
    )
    assert (found.campaign, found.updated, found.started) == ("mlp_asha", NOW + 60.0, NOW)
    assert (found.beat.job_id, found.beat.host, found.beat.at) == ("812", "hal48", 1764000000.0)
    assert (found.n_trials, found.trials["running"], found.trials["paused"]) == (9, 3, 2)
    first, second = found.rungs
    assert (first.level, first.results, first.of, first.running) == (9, 2, 9, 3)
    assert (second.level, second.results, second.of, second.promoted) == (27, 0, 3, 0)
    assert (found.best_trial_id, found.best_error, found.best_resource) == (1, 0.25, 9)
    assert found.best_config == config(1)
    assert [(step.trial_id, step.error, step.hours) for step in found.incumbent] == [
        (0, 0.5, 0.02),
        (1, 0.25, 0.04),
    ]
    assert [(seats.running, seats.waiting) for seats in found.seats] == [(3, None)]
    (kind,) = found.failures
    assert (kind.cause, kind.count, kind.trial_id, kind.message) == ("ValueError", 1, 2, "bad lr")
    assert kind.config == config(2)
    assert found.hours == pytest.approx(0.0469, abs=1e-4)
    assert found.hours_of == "GPUs"
    assert found.forecast is None, "two legs are not enough"
    assert [(trial.trial_id, trial.resource, trial.error) for trial in found.running] == [
        (3, 4, 0.75),
        (4, None, None),
        (5, None, None),
    ]
    assert (found.events[0].text, found.events[0].level) == ("trial 2 failed", "warning")
    assert strict_json(campaign.text())["updated_iso"].startswith("1970-01-01T")


def test_the_end_is_foretold_with_a_band() -> None:
    campaign = some()
    campaign.follow(finished(3, 0.5, job_id="3", elapsed=72.0), ev.TrialCompleted(NOW, 3))
    found = campaign.read(now=NOW, to_come={ComingLeg(0, 9): 3}).forecast
    assert found is not None
    assert NOW < found.earliest < found.end < found.latest
    assert found.hours_low is not None
    assert found.hours is not None
    assert found.hours_high is not None
    assert 0 < found.hours_low < found.hours < found.hours_high


def test_why_jobs_wait_and_what_keeps_them() -> None:
    campaign = some()
    turn = JobStatus(JobPhase.QUEUED, reason="Priority", why="other jobs come first")
    limit = JobStatus(JobPhase.QUEUED, reason="QOSMaxGRESPerUser", why="limit", at_limit=True)
    runs = JobStatus(JobPhase.RUNNING, node="hal7")
    jobs = {"a": turn, "b": turn, "c": limit, "3": runs}
    campaign.book.take_poll(jobs, NOW, vanish_s=60.0)
    found = campaign.read()
    reasons = [(why.reason, why.count, why.text, why.setting) for why in found.jobs.reasons]
    assert reasons == [
        ("Priority", 2, "other jobs come first", None),
        ("QOSMaxGRESPerUser", 1, "limit", "max_concurrent_jobs: 1"),
    ]
    assert (found.jobs.queued, found.jobs.running) == (3, 1)
    assert found.running[0].node == "hal7"


def test_a_rung_may_promote_more_than_its_share() -> None:
    campaign = some()
    assert campaign.read(told=Told(2, (9, 27), expected=(2, 0))).rungs[0].of == 5
    assert campaign.read(told=Told(2, (9, 27))).rungs[0].of is None
    assert campaign.read().rungs == ()


def hostile_config(trial_id: int) -> dict[str, Any]:
    names = {f"{HOSTILE[:60]}{number}": HOSTILE for number in range(30)}
    return names | {"lr": 0.1 + trial_id, "nested": {"a": {"b": [HOSTILE] * 9}}}


@pytest.fixture(scope="module")
def large() -> Campaign:
    """10,000 trials, of which 1,000 run, with hostile names wherever somebody chooses them."""
    campaign = Campaign(ev.CampaignStarted(0.0))
    mean = hostile_config(0)
    for number in range(10_000):
        values = mean if number < 40 else {"lr": number}
        campaign.follow(ev.TrialDrawn(number, number, values), offered(number))
        job = f"12345678_{number}"
        campaign.follow(claimed(number, job))
        if number >= 9000:
            continue
        if number % 9 == 0 and number < 900:
            cause = f"{HOSTILE}{number % 81}"
            result = failed(number, cause, job_id=job).result
            campaign.follow(ev.LegFinished(number, number, 0, 0, job, result))
            campaign.follow(ev.TrialFailed(number, number, cause, HOSTILE))
        else:
            result = finished(number, 1.0 - number / 7e5, job_id=job).result
            campaign.follow(ev.LegFinished(number, number, 0, 0, job, result))
            campaign.follow(ev.TrialPaused(number, number))
    waits = {
        f"9_{n}": JobStatus(JobPhase.QUEUED, reason=f"{HOSTILE}{n % 40}", why=HOSTILE)
        for n in range(400)
    }
    campaign.book.take_poll(waits, NOW, vanish_s=60.0)
    for number in range(20):
        campaign.chronicle.told(Line(NOW + number, 20, HOSTILE))
    return campaign


def test_it_stays_small_whatever_the_campaign_is(large: Campaign, tmp_path: Path) -> None:
    best_is_mean = large.state.best_trial
    assert best_is_mean is not None
    large.state.trials[best_is_mean].config = hostile_config(1)
    reported = {n: Reported(123456789, 0.12345678901234567) for n in range(9000, 10_000)}
    text = large.text(reported=reported, told=Told(10_000, (9,), 4))
    assert len(text.encode()) < MOST_BYTES
    Layout(tmp_path).status.write_text(text, encoding="utf-8")
    found = Status.read(Layout(tmp_path))
    assert found is not None
    assert found.trials["running"] == 1000 == len(found.running) + found.running_left_out
    assert len(found.running) >= 30
    assert found.incumbent[-1].trial_id == found.best_trial_id
    assert found.best_config
    assert found.events[-1].time == NOW + 19
    assert found.failures
    assert found.jobs.queued == 400


def test_plain_names_leave_room_for_all_of_it(large: Campaign) -> None:
    plain = Campaign()
    plain.state, plain.chronicle.seats = large.state, large.chronicle.seats
    plain.chronicle.incumbents = large.chronicle.incumbents
    plain.state.trials[plain.state.best_trial or 0].config = {"lr": 0.1}
    found = plain.read(told=Told(10_000, (9,), 4))
    assert len(found.running) == MOST_RUNNING
    assert len(found.incumbent) >= 100
    assert len(found.seats) >= 100


def test_a_cut_configuration_names_what_it_leaves_out() -> None:
    campaign = Campaign()
    campaign.follow(ev.TrialDrawn(NOW, 0, {f"n{i}": "x" * 500 for i in range(99)}))
    campaign.follow(offered(0), claimed(0), finished(0), ev.TrialPaused(NOW, 0), drawn(1))
    best = campaign.read().best_config
    assert best["n0"].endswith("…")
    assert best["…"].endswith(" more")
    assert len(json.dumps(best)) < 6000
