"""When somebody is told of a campaign, and what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from histories import NOW, claimed, drawn, failed, finished, offered, running

from hpo.decisions.scheduler import BREAKER
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, apply
from hpo.report.notices import AGAIN_S, Occasions

HOUR = 3600.0


class Watched:
    """A campaign that goes on event by event, looked at now and then."""

    def __init__(self, events: Sequence[ev.Event] = (), mode: str = "min") -> None:
        self.state = CampaignState(Goal("loss", mode))
        self.now = NOW
        self.occasions = Occasions("mlp", "/x/mlp", stuck_after=HOUR, better_every=600.0)
        self.go_on(events)

    def go_on(self, events: Sequence[ev.Event]) -> None:
        for event in events:
            apply(self.state, event)

    def look(self, after_s: float = 1.0) -> list[str]:
        self.now += after_s
        return [n.subject for n in self.occasions.look(self.state, 7, self.now)]


def result(trial_id: int, metric: float) -> list[ev.Event]:
    return [finished(trial_id, metric, job_id=str(trial_id)), ev.TrialCompleted(NOW, trial_id)]


def test_a_better_one_is_told_now_and_then() -> None:
    watched = Watched(running(0, 1, 2, 3, 4))
    assert watched.look() == []
    watched.go_on(result(0, 0.5))
    assert watched.look() == ["hpo: mlp has found a better one"]
    watched.go_on(result(1, 0.75))
    assert watched.look(601.0) == []
    watched.go_on(result(2, 0.25))
    assert watched.look() == ["hpo: mlp has found a better one"]
    watched.go_on(result(3, 0.125))
    assert watched.look() == []
    watched.go_on(result(4, 0.0625))
    assert watched.look() == []
    (last,) = watched.occasions.look(watched.state, 0, watched.now + 601.0)
    assert "best loss=0.0625 (trial 4, epoch 9)" in last.text
    assert last.facts["best_error"] == 0.0625
    assert last.text.endswith("folder: /x/mlp")


def test_what_was_the_best_before_the_start_is_no_news() -> None:
    watched = Watched([*running(0, 1), *result(0, 0.5)], mode="max")
    assert watched.look() == []
    watched.go_on(result(1, 0.75))
    assert watched.look() == ["hpo: mlp has found a better one"]


def test_it_is_stuck_when_work_waits_and_nothing_runs() -> None:
    watched = Watched([ev.CampaignStarted(NOW), drawn(0), offered(0)])
    assert watched.look() == []
    assert watched.look(HOUR - 2) == []
    assert watched.look(2) == ["hpo: mlp is stuck: nothing has run for 1 h, and 7 jobs wait"]
    assert watched.look(HOUR) == []
    assert len(watched.look(AGAIN_S)) == 1
    watched.go_on([claimed(0, "1")])
    assert watched.look() == []
    assert watched.look(10 * HOUR) == []  # a long leg runs
    watched.go_on([ev.LegLost(NOW, 0, 0, 0, "1", "preempted", "gone"), offered(0, 1)])
    assert watched.look(HOUR / 2) == []
    assert len(watched.look(HOUR)) == 1


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="nothing waits"),
        pytest.param([drawn(0), offered(0), ev.CampaignEnding(NOW, "target")], id="ending"),
    ],
)
def test_it_is_not_stuck_where_nothing_is_to_come(events: list[ev.Event]) -> None:
    watched = Watched([ev.CampaignStarted(NOW), *events])
    assert watched.look() == []
    assert watched.look(10 * HOUR) == []


def test_the_end() -> None:
    watched = Watched([*running(0), *result(0, 0.5)])
    watched.look()
    watched.go_on([ev.CampaignEnded(NOW, "all trials ended")])
    (told,) = watched.occasions.ended(watched.state)
    assert (told.kind, told.subject) == ("end", "hpo: mlp has ended: all trials ended")
    assert "1 trials: 1 completed" in told.text


def test_one_that_had_ended_before_is_no_news() -> None:
    watched = Watched([*running(0), *result(0, 0.5), ev.CampaignEnded(NOW, "all trials ended")])
    assert watched.occasions.ended(watched.state) == []


def test_the_circuit_breaker_is_a_break() -> None:
    watched = Watched(running(0))
    watched.look()
    watched.go_on(
        [
            failed(0, job_id="0"),
            ev.TrialFailed(NOW, 0, "ValueError", "bad"),
            ev.CampaignEnded(NOW, BREAKER),
        ]
    )
    (told,) = watched.occasions.ended(watched.state)
    assert told.kind == "broken"
    assert "the first 1 trials all failed alike (ValueError)" in told.subject
    assert "no result" in told.text


def test_what_a_manager_cannot_say_itself() -> None:
    occasions = Watched().occasions
    assert occasions.broken("sbatch: \x1b[31minvalid").subject == (
        "hpo: mlp cannot go on: sbatch: \\x1b[31minvalid"
    )
    held_up = occasions.held_up(1200.0)
    assert held_up.kind == "stuck"
    assert "held up for 20 min" in held_up.text


def test_a_campaign_without_a_trial() -> None:
    watched = Watched([ev.CampaignStarted(NOW)])
    watched.look()
    watched.go_on([ev.CampaignEnded(NOW, "all trials ended")])
    assert "0 trials: none" in watched.occasions.ended(watched.state)[0].text
