"""Whatever lies on disk: the declared errors or None, and no wrong "done".

`HPO_FUZZ=50000 pytest tests/whole/test_fuzz.py` tries so many inputs for each kind (`make fuzz`).
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from histories import claimed, drawn, finished, lost, offered
from hypothesis import strategies as st
from mutations import as_bytes, files_of, fuzzed, garbled, misshapen

from hpo.checkpoint.reading import Checkpoint, UnusableError, verify
from hpo.cluster.local.cluster import LocalCluster, LocalRequest
from hpo.errors import CampaignLockedError, JournalError, SettingsError, TransitionError
from hpo.folder import offers, shrunk_seats
from hpo.folder import stop as stop_request
from hpo.folder.attempts import Account, read_attempt
from hpo.folder.campaign import stored
from hpo.folder.files import Layout
from hpo.folder.journal import Header, Journal, read_events
from hpo.folder.offers import Leg
from hpo.folder.quarantine import is_quarantined
from hpo.folder.reports import read_reports
from hpo.job.orders import read_settings
from hpo.manager import opening as campaign
from hpo.manager.lock import ManagerLock
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, apply, check
from hpo.seats.book import JobStatus
from hpo.seats.job_identity import this_job

HEADER = Header("search-1", "abc")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "c")
    made.create()
    made.trial(0).mkdir()
    return made


# ------------------------------------------------------------------------------------ the journal
HISTORY: list[ev.Event] = [
    ev.CampaignStarted(1.0),
    drawn(0),
    offered(0),
    claimed(0),
    lost(0),
    offered(0, 1),
    claimed(0, attempt=1),
    finished(0, attempt=1),
    ev.TrialCompleted(2.0, 0),
    drawn(1),
    offered(1),
    ev.LegReturned(3.0, 1, 0, 1),
    ev.OfferRevoked(3.0, 1, 0, 1),
    ev.TrialStopped(3.0, 1, "max_wallclock_time"),
    ev.CampaignEnding(4.0, "max_wallclock_time"),
    ev.CampaignEnded(4.0, "max_wallclock_time"),
]
RECORDS = [ev.to_record(event) for event in HISTORY]
HEAD = as_bytes({"journal": 1, "campaign": "search-1", "digest": "abc"}) + b"\n"
JOURNAL = HEAD + b"".join(as_bytes(record) + b"\n" for record in RECORDS)


def _replay(path: Path) -> CampaignState:
    state = CampaignState()
    for event in read_events(path):
        apply(state, event)
    return state


@fuzzed(data=garbled([JOURNAL]))
def test_a_garbled_journal(layout: Layout, data: bytes) -> None:
    layout.journal.write_bytes(data)
    try:
        Journal(layout.journal, HEADER)
        check(_replay(layout.journal))
    except (JournalError, TransitionError):
        pass


@fuzzed(number=st.integers(0, len(RECORDS) - 1), data=st.data())
def test_a_journal_with_a_misshapen_event(layout: Layout, number: int, data: st.DataObject) -> None:
    wrong = data.draw(misshapen([RECORDS[number]]))
    lines = [*RECORDS[:number], wrong, *RECORDS[number + 1 :]]
    layout.journal.write_bytes(HEAD + b"".join(as_bytes(line) + b"\n" for line in lines))
    with contextlib.suppress(JournalError, TransitionError):
        check(_replay(layout.journal))


# ------------------------------------------------------------------------------------ legs, results
LEG = Leg(0, 0, 2, "7_3", done=True)
RESULT = Account(
    LEG,
    Result(Outcome.COMPLETED, 0.5, 3, 1.0),
    {"lr": 0.1, "max_epochs": 3},
    Goal(),
    [{"epoch": 1, "validation_error": 0.5, "time": 1.0, "elapsed": 0.5}],
    {"end_time": 2.0, "training_time": 1.0},
).to_json()


@fuzzed(data=files_of([RESULT]))
def test_a_result_is_believed_only_if_a_job_may_have_written_it(
    layout: Layout, data: bytes
) -> None:
    (layout.trial(0) / "result-a2.json").write_bytes(data)
    found = read_attempt(layout, LEG)
    if found is None:
        return
    result, text = found
    assert (text["trial_id"], text["attempt"], text["job_id"]) == (0, 2, "7_3")
    assert text["status"] in list(Outcome)
    assert result.metric is None or math.isfinite(result.metric)
    state = CampaignState()
    for event in [*HISTORY[:4], lost(0), offered(0, 2), claimed(0, job_id="7_3", attempt=2)]:
        apply(state, event)
    fact = replace(finished(0, job_id="7_3", attempt=2), result=result)
    apply(state, ev.from_record(json.loads(as_bytes(ev.to_record(fact)))))


NAMES = [b"trial_0.rung_0.a2.job_7_3.done.json", b"trial_17.rung_1.a0.json"]


@fuzzed(name=garbled(NAMES).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_a_name_is_a_leg_that_has_that_name_or_none(name: str) -> None:
    leg = offers.parse(name)
    if leg is not None:
        assert offers.parse(leg.name) == leg


OFFER = {"trial_id": 0, "rung": 0, "attempt": 2, "target": 9, "final": True, "start": 0}


@fuzzed(data=files_of([OFFER | {"config": {"lr": 0.1}}]))
def test_a_damaged_offer(layout: Layout, data: bytes) -> None:
    for path in (*layout.offers.iterdir(), *layout.claims.iterdir()):
        path.unlink()
    (layout.offers / "trial_0.rung_0.a2.json").write_bytes(data)
    try:
        taken = offers.claim_best(layout, "7_3")
    except OSError:
        return  # it cannot be read now, which the job tries again
    assert taken is None or isinstance(taken[1], dict)


@fuzzed(
    data=garbled([b'{"epoch": 1, "validation_error": 0.5}\n{"epoch": 2}\n'])
    | files_of([{"epoch": 3, "validation_error": 0.25, "time": 1.0, "elapsed": 2.0}])
)
def test_damaged_reports(layout: Layout, data: bytes) -> None:
    (layout.trial(0) / "reports-a0.jsonl").write_bytes(data)
    for attribute in (None, "epoch"):
        assert all(
            isinstance(r, dict) for r in read_reports(layout.trial(0), resource_attr=attribute)
        )


MANIFEST = {
    "format": 1,
    "trial_id": 0,
    "resource": 3,
    "objects": {"state": "json"},
    "sha256": {"state.json": "0" * 64},
    "kinds": {"state": "dict"},
}


@fuzzed(data=files_of([MANIFEST]))
def test_a_damaged_manifest_of_a_checkpoint(layout: Layout, data: bytes) -> None:
    folder = layout.trial(0) / "checkpoint"
    folder.mkdir(exist_ok=True)
    (folder / "state.json").write_text("{}")
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises((UnusableError, OSError)):  # the checksum at least is wrong
        verify(Checkpoint(3, 0, 0, folder), 0)


# ------------------------------------------------------------------------------------ the campaign
CAMPAIGN: dict[str, Any] = {
    "format": 1,
    "campaign": "search-1",
    "created": 1.0,
    "identity": {"space": {}, "seed": 1},
    "seat": {
        "campaign": "search-1",
        "objective": "m:f",
        "pythonpath": ["/x"],
        "metric": "error",
        "mode": "min",
        "resource_attr": "epoch",
        "checkpoint_interval": 1,
        "claim_timeout": 60.0,
        "metric_pattern": None,
    },
    "settings": {"hpo": {}, "slurm": {}},
}


@fuzzed(data=files_of([CAMPAIGN]))
def test_a_damaged_campaign_file(layout: Layout, data: bytes) -> None:
    layout.campaign.write_bytes(data)
    with contextlib.suppress(SettingsError):
        read_settings(layout)
    assert stored(layout) is None or campaign.folder_problems(layout.root, fresh=False) == []


HOLDER = {"host": "n1", "pid": 1, "job_id": "5", "restarts": 0, "nonce": "ab", "since": 1.0}


@fuzzed(data=files_of([HOLDER]), gone=st.sampled_from([None, True, False]))
def test_a_damaged_record_of_the_manager(layout: Layout, data: bytes, gone: bool | None) -> None:
    layout.lock.write_text("1\nanother-host\n")
    layout.lock.with_suffix(".json").write_bytes(data)
    lock = ManagerLock(layout)
    try:
        lock.acquire(lambda _job: gone)
    except CampaignLockedError:
        return
    assert gone is True  # nothing else lets a second manager in
    lock.release()


JOB = {"submitted": 1.0, "gpus": ["0"], "pid": 4_000_000, "start": 12.5}


@fuzzed(data=files_of([JOB]))
def test_a_damaged_record_of_a_local_job(layout: Layout, data: bytes) -> None:
    (layout.jobs / "live").mkdir(exist_ok=True)
    (layout.jobs / "live" / "local-1.json").write_bytes(data)
    cluster = LocalCluster(layout, LocalRequest(None, 0, 1))
    statuses = cluster.poll(["local-1"])
    assert all(isinstance(status, JobStatus) for status in statuses.values())


SMALL = {
    "stop.json": {"how": "now", "time": 1.0, "by": "me on here"},
    "jobs/quarantined.json": {"nodes": {"n1": 1e9}},
    "jobs/shrunk-7.json": {"7_3": 10},
    "jobs/cancelled/ab.json": ["7_3", "8"],
}


@fuzzed(name=st.sampled_from(sorted(SMALL)), data=st.data())
def test_a_damaged_note_between_manager_and_jobs(
    layout: Layout, name: str, data: st.DataObject
) -> None:
    layout.cancelled.mkdir(exist_ok=True)
    (layout.root / name).write_bytes(data.draw(files_of([SMALL[name]])))
    request = stop_request.read(layout)
    assert request is None or request.how in stop_request.STRENGTH
    assert stop_request.was_cancelled(layout, "7_3") in (True, False)
    assert is_quarantined(layout, "n1") in (True, False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_JOB_ID", "7_3")
        assert shrunk_seats.adopt(layout, this_job()).job_id == "7_3"
