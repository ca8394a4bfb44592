"""What the page is made of, read from a campaign's files: nothing is locked or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo.folder.files import Layout, read_object
from hpo.folder.journal import read_through
from hpo.folder.reports import read_reports
from hpo.record.goal import Goal
from hpo.record.state import TrialStatus
from hpo.report.page.history import History, follow
from hpo.report.page.model import curve_ids
from hpo.report.status_document import Status


@dataclass(frozen=True, slots=True)
class Plan:
    """What campaign.json says of the search; what was edited away is told by its default."""

    goal: Goal
    space: dict[str, Any]
    levels: tuple[int, ...]
    gpus: int
    n_trials: int | None
    executor: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Plan:
        """The plan in a document that `hpo.folder.campaign.require` let through."""
        identity, seat, settings = document["identity"], document["seat"], document["settings"]
        hpo = settings.get("hpo")
        hpo = hpo if isinstance(hpo, dict) else {}
        start = document.get("start")
        space, rungs = identity.get("space"), identity.get("scheduler")
        levels = rungs.get("levels") if isinstance(rungs, dict) else ()
        mode = seat.get("mode")
        return cls(
            goal=Goal(
                str(seat.get("metric", "validation_error")),
                "max" if mode == "max" else "min",
                str(seat.get("resource_attr", "epoch")),
                "best" if seat.get("trial_value") == "best" else "last",
            ),
            space=space if isinstance(space, dict) else {},
            levels=tuple(level for level in levels or () if type(level) is int),
            gpus=gpus if type(gpus := seat.get("gpus")) is int and 0 <= gpus < 10_000 else 0,
            n_trials=n if type(n := hpo.get("n_trials")) is int else None,
            executor=str(start.get("executor", "")) if isinstance(start, dict) else "",
        )


@dataclass(frozen=True, slots=True)
class FailedKind:
    """The trials that failed for one cause, and what one of them said."""

    cause: str
    trials: tuple[int, ...]
    message: str
    traceback: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """A campaign as its files tell it.

    Attributes:
        document: campaign.json.
        plan: what of it the page needs.
        history: the journal.
        status: status.json; None where there is none.
        curves: the reports of some trials, by trial.
        failures: most first.
    """

    document: Mapping[str, Any]
    plan: Plan
    history: History
    status: Status | None = None
    curves: Mapping[int, list[dict[str, Any]]] = field(default_factory=dict)
    failures: tuple[FailedKind, ...] = ()

    def name(self, otherwise: str) -> str:
        """The campaign's name as its user wrote it."""
        name = self.document["settings"].get("name")
        return name if isinstance(name, str) and name.strip() else otherwise


def read(layout: Layout, document: Mapping[str, Any]) -> Sources:
    """The campaign in a folder that may be written meanwhile, or be a copy.

    Raises:
        JournalError: the journal is damaged.
        OSError: it cannot be read now.
    """
    plan = Plan.of(document)
    history = read_through(layout.journal, lambda events: follow(events, plan.goal))
    curves = {i: _reports(layout, i, plan.goal.resource) for i in curve_ids(history.state)}
    return Sources(document, plan, history, Status.read(layout), curves, _failures(layout, history))


def _reports(layout: Layout, trial_id: int, resource_attr: str) -> list[dict[str, Any]]:
    found = read_reports(layout.trial(trial_id), resource_attr=resource_attr)
    if found:
        return found
    listed = read_object(layout.result(trial_id)).get("reports")  # of a copy without trials/
    return [report for report in listed or () if isinstance(report, dict)]


def _failures(layout: Layout, history: History) -> tuple[FailedKind, ...]:
    state = history.state
    by_cause: dict[str, list[int]] = {}
    for trial_id in sorted(state.of(TrialStatus.FAILED)):
        by_cause.setdefault(state.trials[trial_id].cause or "", []).append(trial_id)
    kinds = []
    for cause, ids in sorted(by_cause.items(), key=lambda item: -len(item[1])):
        trial = state.trials[ids[0]]
        trace = read_object(layout.result(ids[0])).get("traceback")
        message = trial.message or ""
        kinds.append(
            FailedKind(
                cause, tuple(ids), message, trace if isinstance(trace, str) else "", trial.config
            )
        )
    return tuple(kinds)
