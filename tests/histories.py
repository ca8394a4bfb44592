"""Short histories of campaigns, written as events, and the folders that go with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from hpo.folder import attempts, offers
from hpo.folder.files import Layout, publish_json
from hpo.folder.offers import Leg
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, apply
from hpo.search.searcher import Tried
from hpo.values import canonical

NOW = 1000.0
COMPLETED = Result(Outcome.COMPLETED, 0.25, 9, 12.5)


def config(trial_id: int) -> dict[str, Any]:
    return {"lr": 0.5**trial_id, "max_epochs": 9}


def drawn(trial_id: int) -> ev.TrialDrawn:
    return ev.TrialDrawn(NOW, trial_id, config(trial_id))


def offered(trial_id: int, attempt: int = 0) -> ev.LegOffered:
    return ev.LegOffered(NOW, trial_id, 0, attempt, 9)


def claimed(trial_id: int, job_id: str = "7", attempt: int = 0) -> ev.LegClaimed:
    return ev.LegClaimed(NOW, trial_id, 0, attempt, job_id)


def finished(
    trial_id: int,
    metric: float | None = 0.5,
    *,
    job_id: str = "7",
    attempt: int = 0,
    outcome: str = "completed",
    resource: int = 9,
    **told: Any,
) -> ev.LegFinished:
    result = Result(Outcome(outcome), metric, resource, **({"elapsed": 12.5} | told))
    return ev.LegFinished(NOW, trial_id, 0, attempt, job_id, result)


def failed(trial_id: int, cause: str = "ValueError", **told: Any) -> ev.LegFinished:
    words = {"outcome": "failed", "cause": cause, "message": f"bad {trial_id}"}
    return finished(trial_id, None, **(words | told))


def lost(
    trial_id: int, cause: str = "preempted", *, job_id: str = "7", attempt: int = 0, saved: int = 0
) -> ev.LegLost:
    return ev.LegLost(NOW, trial_id, 0, attempt, job_id, cause, f"its job was {cause}", saved)


def running(*trial_ids: int) -> list[ev.Event]:
    """Events after which each trial runs in the job of the same number."""
    started: list[ev.Event] = [ev.CampaignStarted(NOW)]
    for trial_id in trial_ids:
        started += [drawn(trial_id), offered(trial_id), claimed(trial_id, str(trial_id))]
    return started


def trial_of(event: ev.Event) -> int:
    assert isinstance(event, ev.TrialEvent)
    return event.trial_id


def state_after(events: Iterable[ev.Event], mode: str = "min") -> CampaignState:
    state = CampaignState(Goal("loss", mode))
    for event in events:
        apply(state, event)
    return state


class ListedSearch:
    """Gives the configurations of `config`, up to `size` of them."""

    def __init__(self, size: int = 10**6) -> None:
        self.size = size

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, Any] | None:
        assert len(taken) == len(list(taken)) == trial_id
        assert all(canonical(config(i)) in taken for i in range(trial_id))
        assert canonical(config(trial_id)) not in taken
        return config(trial_id) if trial_id < self.size else None


def make_layout(folder: Path) -> Layout:
    layout = Layout(folder / "campaign")
    layout.create()
    return layout


def offer_files(layout: Layout, *trial_ids: int, rung: int = 0) -> None:
    offers.publish_offers(
        layout,
        ((Leg(i, rung, 0), {"trial_id": i, "config": config(i), "target": 9}) for i in trial_ids),
    )


def take(layout: Layout, job_id: str) -> Leg:
    taken = offers.claim_best(layout, job_id)
    assert taken is not None
    return taken[0]


def result_of(claim: Leg, **changes: Any) -> dict[str, Any]:
    """What a job writes at the end of a leg."""
    reports = [{"epoch": 9, "loss": 0.25, "elapsed": 12.5}]
    return account_of(claim, config(claim.trial_id), reports).to_json() | changes


def account_of(
    claim: Leg,
    configuration: dict[str, Any],
    reports: list[dict[str, Any]],
    result: Result = COMPLETED,
) -> attempts.Account:
    """What a job tells of a leg."""
    info = {"training_time": 12.5, "end_time": NOW}
    return attempts.Account(claim, result, configuration, Goal("loss"), reports, info)


def write_result(layout: Layout, claim: Leg, **changes: Any) -> None:
    """As a job that dies between its own file and the trial's standing result."""
    layout.trial(claim.trial_id).mkdir(parents=True, exist_ok=True)
    publish_json(attempts.files_of(layout, claim).result, result_of(claim, **changes))
