"""How often the status is written, by the number of trials."""

from __future__ import annotations

from pathlib import Path

from hpo.folder.files import Layout, read_json
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.chronicle import Chronicle
from hpo.report.status import Seen
from hpo.report.summary import Summary
from hpo.seats.book import SeatBook


def running(count: int) -> CampaignState:
    state = CampaignState()
    apply(state, ev.CampaignStarted(0.0))
    for trial_id in range(count):
        apply(state, ev.TrialDrawn(0.0, trial_id, {"x": trial_id}))
        apply(state, ev.LegOffered(0.0, trial_id, 0, 0, 1))
        apply(state, ev.LegClaimed(0.0, trial_id, 0, 0, f"1_{trial_id}"))
    return state


def written(tmp_path: Path, state: CampaignState) -> list[int]:
    """At which seconds the status is written, with news in every second."""
    layout = Layout(tmp_path)
    layout.create()
    summary, told = Summary(layout), []
    for second in range(100):
        if summary.is_due(state, float(second), news=True):
            summary.write(state, SeatBook(), Chronicle(), Seen(float(second)))
            status = read_json(layout.status)
            assert status is not None
            told.append(status["updated"])
    return told


def test_few_trials_are_told_in_every_tick(tmp_path: Path) -> None:
    assert written(tmp_path, running(8)) == list(range(100))


def test_thousands_are_told_now_and_then(tmp_path: Path) -> None:
    assert written(tmp_path, running(2000)) == list(range(0, 100, 10))
    assert written(tmp_path, running(9000)) == [0, 30, 60, 90]


def test_without_news_a_sign_of_life(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    summary, state = Summary(layout), running(1)
    assert summary.is_due(state, 0.0, news=False)
    summary.write(state, SeatBook(), Chronicle(), Seen(0.0))
    due = [s for s in range(61) if summary.is_due(state, float(s), news=False)]
    assert due == list(range(30, 61))
