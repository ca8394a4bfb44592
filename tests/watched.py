"""Campaigns' folders as a manager leaves them, with journals written event by event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from histories import NOW, claimed, finished, offered

from hpo.folder.files import Layout, publish_json
from hpo.record import events as ev

LATER = NOW + 600.0  # when it is looked at


def make(root: Path, events: Iterable[ev.Event] = (), *, executor: str = "local") -> Layout:
    """A campaign called like its folder, by the metric `loss`."""
    layout = Layout(root)
    layout.create()
    document = {
        "format": 1,
        "campaign": root.name,
        "path": str(root),
        "created": NOW,
        "identity": {"scheduler": {"levels": [1, 3, 9], "reduction_factor": 3}},
        "start": {"executor": executor, "host": "nowhere", "command": "hpo run", "folder": "/"},
        "seat": {"metric": "loss", "mode": "min", "resource_attr": "epoch"},
        "settings": {},
    }
    publish_json(layout.campaign, document)
    header = {"journal": ev.FORMAT, "campaign": root.name, "digest": "0"}
    layout.journal.write_text(json.dumps(header) + "\n")
    write(layout, events)
    return layout


def write(layout: Layout, events: Iterable[ev.Event]) -> None:
    """Go on with its journal."""
    with layout.journal.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(ev.to_record(event)) + "\n" for event in events)


def trial(trial_id: int, **config: Any) -> ev.TrialDrawn:
    return ev.TrialDrawn(NOW, trial_id, {"lr": 0.5**trial_id, "max_epochs": 9} | config)


def begun(count: int) -> list[ev.Event]:
    """So many trials, of which all are offered."""
    events: list[ev.Event] = [ev.CampaignStarted(NOW)]
    for trial_id in range(count):
        events += [trial(trial_id), offered(trial_id)]
    return events


def ended(trial_id: int, metric: float | None = 0.5, **told: Any) -> list[ev.Event]:
    """A trial that was offered runs and completes."""
    job = f"{trial_id}_1"
    return [
        claimed(trial_id, job),
        finished(trial_id, metric, job_id=job, **told),
        ev.TrialCompleted(NOW, trial_id),
    ]


def failed(trial_id: int, message: str = "bad") -> list[ev.Event]:
    """A trial that was offered fails."""
    job = f"{trial_id}_1"
    how: dict[str, Any] = {"outcome": "failed", "cause": "ValueError", "message": message}
    return [
        claimed(trial_id, job),
        finished(trial_id, None, job_id=job, resource=0, **how),
        ev.TrialFailed(NOW, trial_id, "ValueError", message),
    ]


def report(layout: Layout, trial_id: int, attempt: int = 0, **values: Any) -> None:
    """A line of an attempt's reports."""
    folder = layout.trial(trial_id)
    folder.mkdir(exist_ok=True)
    with (folder / f"reports-a{attempt}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
