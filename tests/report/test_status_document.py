"""status.json as it is read: of older versions, damaged, and of somebody's own making."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpo.folder.files import Layout
from hpo.report.status_document import Status

# As version 0.1.0 wrote it.
OLDER = {
    "updated": 1764000000.0,
    "started": 1763990000.0,
    "ended": None,
    "ending": None,
    "trials": {"offered": 1, "running": 2, "paused": 3, "completed": 4, "failed": 5, "stopped": 0},
    "jobs": {"queued": 3, "running": 2, "waiting": {"Priority": 2, "Resources": 1}},
    "quarantined": [{"node": "hal1", "until": 1764003600.0, "reason": "3 failed starts"}],
    "metric": "loss",
    "best_trial_id": 7,
    "best_error": 0.25,
    "running": [{"trial_id": 9, "job_id": "81_4", "attempt": 1}],
    "hours": 1.5,
    "lost_hours": 0.5,
    "lost_legs": 1,
    "lost_resource": 3,
    "hours_of": "GPUs",
}


def test_a_file_of_an_older_version_tells_what_it_knows() -> None:
    status = Status.of(OLDER)
    assert status.beat.at == status.updated == 1764000000.0
    assert (status.metric, status.best_trial_id, status.best_error) == ("loss", 7, 0.25)
    assert status.trials["paused"] == 3
    assert [(wait.reason, wait.count) for wait in status.jobs.reasons] == [
        ("Priority", 2),
        ("Resources", 1),
    ]
    assert (status.running[0].job_id, status.running[0].resource) == ("81_4", None)
    assert status.quarantined[0].node == "hal1"
    assert status.forecast is None
    assert [*status.incumbent, *status.rungs, *status.events] == []
    assert status.open_trials == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\x00", '{"updated": '])
def test_what_is_no_status_is_no_news(tmp_path: Path, text: str) -> None:
    Layout(tmp_path).status.write_text(text)
    assert Status.read(Layout(tmp_path)) is None


def test_a_file_that_is_missing_or_too_large_is_no_news(tmp_path: Path) -> None:
    assert Status.read(Layout(tmp_path)) is None
    Layout(tmp_path).status.write_text(json.dumps({"campaign": "a" * 3_000_000}))
    assert Status.read(Layout(tmp_path)) is None


WRONG: list[Any] = [
    None,
    True,
    -1,
    1e308,
    float("nan"),
    "x",
    [],
    [[]],
    [{}],
    {"a": {}},
    {"time": 1},
]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_any_value_may_be_anything(value: Any) -> None:
    names = [*OLDER, "manager", "rungs", "incumbent", "seats", "failures", "forecast", "events"]
    names += ["best_config", "best_resource", "lost_by", "running_left_out", "n_trials", "mode"]
    for name in names:
        status = Status.of(OLDER | {name: value})
        assert all(count >= 0 for count in status.trials.values())
        assert status.mode in ("min", "max")
        assert status.running_left_out >= 0
    status = Status.of(dict.fromkeys(names, value))
    assert status.forecast is None
