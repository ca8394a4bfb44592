"""results/all.jsonl as the manager keeps it: one line a result, and what a crash left missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, two_offered
from histories import NOW, claimed, finished, result_of, take

from hpo.folder import all_results, attempts
from hpo.folder.files import read_object
from hpo.manager.results_collector import ResultsCollector
from hpo.record import events as ev
from hpo.record.state import TrialStatus, apply


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Trial 0 has a result, trial 1 runs."""
    desk = two_offered(tmp_path)
    claim = take(desk.layout, "7")
    take(desk.layout, "8")
    attempts.publish_standing(desk.layout, result_of(claim))
    for event in (claimed(0), finished(0, 0.25), ev.TrialCompleted(NOW, 0), claimed(1, "8")):
        apply(desk.state, event)
    return desk


@pytest.fixture
def collector(desk: Desk) -> ResultsCollector:
    return ResultsCollector(desk.layout)


def told(desk: Desk) -> dict[int, int | None] | None:
    found = all_results.told(desk.layout)
    return None if found is None else {i: attempt for i, (attempt, _) in found.items()}


@pytest.mark.parametrize("damage", [None, b"", b'{"trial_id":0,"att\n', b'{"trial_id":0'])
def test_what_is_missing_or_damaged_is_made_again_at_the_start(
    desk: Desk, collector: ResultsCollector, damage: bytes | None
) -> None:
    if damage is not None:
        desk.layout.all_results.write_bytes(damage)
    collector.repair(desk.state)
    assert collector.is_due
    collector.write(all_of_it=True)
    assert told(desk) == {0: 0}, "a trial without a result has no line"
    assert not collector.is_due


def test_a_line_of_an_older_attempt_is_followed_by_that_of_the_result(
    desk: Desk, collector: ResultsCollector
) -> None:
    old = all_results.line_of({"trial_id": 0, "attempt": -1})
    all_results.append(desk.layout, [old or ""])
    collector.repair(desk.state)
    collector.write(all_of_it=True)
    assert told(desk) == {0: 0}


def test_a_line_from_before_the_manager_stopped_the_trial_is_followed_too(
    desk: Desk, collector: ResultsCollector
) -> None:
    """Both are of one attempt: what its job wrote, and what the manager wrote over it."""
    collector.repair(desk.state)
    collector.write(all_of_it=True)
    standing = read_object(desk.layout.result(0)) | {"status": "stopped"}
    attempts.publish_standing(desk.layout, standing)
    desk.state.trials[0].status = TrialStatus.STOPPED
    again = ResultsCollector(desk.layout)
    again.repair(desk.state)
    again.write(all_of_it=True)
    assert all_results.told(desk.layout) == {0: (0, "stopped")}


def test_a_sound_file_is_left_alone(desk: Desk, collector: ResultsCollector) -> None:
    collector.repair(desk.state)
    collector.write(all_of_it=True)
    before = desk.layout.all_results.read_bytes()
    again = ResultsCollector(desk.layout)
    again.repair(desk.state)
    again.write(all_of_it=True)
    assert desk.layout.all_results.read_bytes() == before
    assert again.knows(0)
    assert not again.knows(1)


def test_what_cannot_be_written_now_is_written_later(
    desk: Desk, collector: ResultsCollector
) -> None:
    collector.repair(desk.state)
    collector.note([{"trial_id": 1, "attempt": 0, "status": "failed"}, {"no": "result"}])
    path = desk.layout.all_results
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"all\.jsonl"):
        collector.write()
    path.rmdir()
    collector.write(all_of_it=True)
    assert told(desk) == {0: 0, 1: 0}
