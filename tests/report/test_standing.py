"""What one line says of a whole campaign."""

from __future__ import annotations

import logging
import time

import pytest
from histories import NOW, drawn, failed, finished, offered, running, state_after

from hpo.decisions.needs import ComingLeg
from hpo.manager.standing_teller import EVERY_S, QUIET_S, StandingTeller
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.standing import NOTHING_TOLD, Told, standing_line
from hpo.seats.book import JobPhase, JobStatus, SeatBook

RUNS = JobStatus(JobPhase.RUNNING)


def waits(why: str, starts_at: float | None = None) -> JobStatus:
    return JobStatus(JobPhase.QUEUED, reason="R", why=why, starts_at=starts_at)


def book(**statuses: JobStatus) -> SeatBook:
    made = SeatBook()
    made.take_poll(statuses, NOW, vanish_s=60.0)
    return made


def some_have_ended() -> CampaignState:
    """Three completed, one failed, one runs, one was interrupted; each leg took 12.5 s."""
    events = running(0, 1, 2, 3, 4, 5)
    for trial_id in range(3):
        events += [finished(trial_id, 0.5, job_id=str(trial_id)), ev.TrialCompleted(NOW, trial_id)]
    events += [failed(3, job_id="3"), ev.TrialFailed(NOW, 3, "ValueError", "bad")]
    events += [finished(5, None, job_id="5", outcome="interrupted", resource=4), offered(5, 1)]
    return state_after([*events, drawn(6), offered(6)])


def test_everything_that_one_wants_to_know_at_night() -> None:
    planned = NOW + 7200.0
    seats = book(a=RUNS, b=waits("other jobs come first", planned), c=waits("no more may run"))
    seats.take_poll(
        {"a": RUNS, "b": waits("x", planned), "c": waits("x"), "d": waits("y")}, NOW, vanish_s=60.0
    )
    line = standing_line(
        some_have_ended(), seats, {ComingLeg(0, None): 3}, NOW + 3600.0, Told(10, (), 1)
    )
    clock = time.strftime("%H:%M", time.localtime(planned))
    assert line == (
        "standing: 10 trials: 3 completed, 1 failed, 1 running, 1 waiting to go on, 4 to come; "
        "best loss=0.5 (trial 0); 1 jobs run, 3 wait (2 as x; 1 as y), the next is planned for "
        f"{clock}; 1.0 GPU-hours; about 62 s to go at this pace"
    )


def test_at_the_beginning_little_is_known() -> None:
    line = standing_line(state_after([ev.CampaignStarted(NOW)]), SeatBook(), {}, NOW, NOTHING_TOLD)
    assert line == "standing: no trial yet; no result yet; 0 jobs run, none waits; 0.0 job-hours"


@pytest.mark.parametrize(
    ("seats", "said"),
    [
        ({"a": waits("other jobs come first")}, "0 jobs run, 1 wait, as other jobs come first"),
        ({"a": JobStatus(JobPhase.QUEUED)}, "0 jobs run, 1 wait"),
        (
            {"a": waits("x", NOW + 86400.0)},
            "the next is planned for "
            + time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW + 86400.0)),
        ),
    ],
)
def test_why_jobs_wait_is_said_in_words(seats: dict[str, JobStatus], said: str) -> None:
    line = standing_line(CampaignState(), book(**seats), {}, NOW, Told(5))
    assert f"; {said};" in line or f", {said};" in line


def test_rungs_are_counted_over_all_brackets() -> None:
    events = [*running(0, 1), finished(0, 0.5, job_id="0"), finished(1, 0.25, job_id="1")]
    line = standing_line(state_after(events), SeatBook(), {}, NOW, Told(9, (1, 3, 9)))
    assert "; rungs: 2 at 1;" in line


def test_the_end_is_foretold_by_legs_of_the_same_rung_and_by_length_where_there_were_none() -> None:
    state = some_have_ended()  # legs of 9 epochs took 12.5 s, and one of 4 as well
    state.trials[4].target = None

    def end(to_come: dict[ComingLeg, int], now: float = NOW) -> str:
        return standing_line(state, SeatBook(), to_come, now, NOTHING_TOLD).rpartition("; ")[2]

    assert end({}) == "about 38 s to go at this pace", "the one that runs, and two offered"
    assert end({}, NOW + 12.5) == "about 25 s to go at this pace"
    assert end({ComingLeg(0, 9): 2}) == "about 62 s to go at this pace"
    assert end({ComingLeg(2, 310): 1}) == "about 9 min to go at this pace"
    assert end({ComingLeg(1, None): 1}) == "about 50 s to go at this pace"


def test_it_is_told_every_few_minutes_and_more_rarely_where_nothing_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    teller, told = StandingTeller(NOTHING_TOLD), []
    for minute in range(180):
        news = minute < 60
        teller.tell(CampaignState(), SeatBook(), {}, 60.0 * minute, news=news)
        told.append(len(caplog.messages))
    assert told[4] == 0
    assert told[59] == 3600 // EVERY_S - 1
    assert told[179] - told[59] == pytest.approx(120 * 60 / QUIET_S, abs=1)


def test_an_extended_campaign_stands_by_what_it_is_to_have_now() -> None:
    state = state_after(running(0, 1))
    told = Told(n_trials=2, levels=(1, 3), constants={"max_epochs": 3}, expected=(2, 0))
    assert told.at(state) is told
    apply(state, ev.PointsEnqueued(NOW, "a", "hal", [{"lr": 7.0}]))
    assert (told.at(state).n_trials, told.at(state).expected) == (3, (2, 0))
    apply(state, ev.CampaignExtended(NOW, "b", "hal", 5, 2, (1, 3, 9), 1, {"max_epochs": 9}))
    assert told.at(state) == Told(6, (1, 3, 9), constants={"max_epochs": 9})
    assert NOTHING_TOLD.at(state).n_trials is None
