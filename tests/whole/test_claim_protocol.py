"""Every schedule of two jobs, a manager and one fault: each leg is counted once and none is lost.

The faults: a job dies, is requeued, or is called gone while it lives on and finishes later; the
manager dies and is started again. See `protocol_model` for what is real and what is a model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from protocol_files import (
    ModelOs,
    ModelPath,
    ProtocolError,
    port_of,
    publish,
    publish_again,
    read_plain,
)
from protocol_model import Model
from protocol_programs import LAYOUT

from hpo import checkpoint
from hpo.folder import attempts, files, offers, opening, remarks, reports, starts
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout
from hpo.folder.offers import Leg
from hpo.job import leg
from hpo.manager import observe, reconcile
from hpo.record.state import CampaignState, TrialStatus


@pytest.fixture(autouse=True)
def _on_model_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real code on the model's files, without its log lines."""
    monkeypatch.setattr(offers, "os", ModelOs)
    for module in (files, offers):
        monkeypatch.setattr(module, "publish", publish)
    for module in (files, reports, attempts):
        monkeypatch.setattr(module, "read_plain", read_plain)
    monkeypatch.setattr(opening, "rename", ModelPath.rename)
    monkeypatch.setattr(opening, "remove", lambda path: path.unlink(missing_ok=True))
    monkeypatch.setattr(opening, "make_folder", lambda _path, **_how: None)  # the folders are there
    # What is beside the protocol, and would only multiply the steps.
    monkeypatch.setattr(observe, "unsaved_work", lambda *_what, **_how: (0.0, 0))
    monkeypatch.setattr(observe, "read_begun", lambda *_what: {})
    monkeypatch.setattr(leg, "publish_again", publish_again)
    monkeypatch.setattr(remarks, "read", lambda *_what: None)
    monkeypatch.setattr(remarks, "forget", lambda _layout: None)
    monkeypatch.setattr(starts, "ground", lambda _layout: {})
    monkeypatch.setattr(stop_request, "read", lambda _layout: None)
    monkeypatch.setattr(stop_request, "was_cancelled", lambda *_what: False)
    monkeypatch.setattr(checkpoint, "find", lambda _folder: None)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def explore(
    faults: int, first_outcome: str = "completed", *, legs: int = 1, jobs: int = 2
) -> tuple[int, int]:
    """States and steps; printed, because a model that explores nothing also finds nothing."""
    model = Model(faults=faults, first_outcome=first_outcome, legs=legs, jobs=jobs)
    states = model.explore()
    print(f"{states} states, {model.steps} steps, {model.ends} ends")  # noqa: T201
    return states, model.ends


def test_one_job_that_completes_with_one_fault_anywhere() -> None:
    states, ends = explore(faults=1, jobs=1)
    assert states > 1_000
    assert ends > 100


@pytest.mark.long
def test_a_leg_that_completes_with_one_fault_anywhere() -> None:
    states, ends = explore(faults=1)
    assert states > 100_000
    assert ends > 1_000


def test_a_leg_that_is_interrupted_and_goes_on_in_another_job() -> None:
    states, ends = explore(faults=0, first_outcome="interrupted")
    assert states > 2_000
    assert ends > 20


def test_one_job_that_goes_on_with_the_next_leg_of_the_same_trial() -> None:
    states, ends = explore(faults=0, first_outcome="interrupted", legs=2, jobs=1)
    assert states > 1_000
    assert ends > 10


@pytest.mark.long
def test_a_job_that_goes_on_with_the_next_leg_of_the_same_trial() -> None:
    states, ends = explore(faults=0, first_outcome="interrupted", legs=2)
    assert states > 2_000
    assert ends > 20


@pytest.mark.long
def test_a_job_that_goes_on_with_one_fault_anywhere() -> None:
    states, _ = explore(faults=1, first_outcome="interrupted", legs=2, jobs=1)
    assert states > 5_000


@pytest.mark.long
def test_a_leg_that_is_interrupted_with_one_fault_anywhere() -> None:
    states, _ = explore(faults=1, first_outcome="interrupted")
    assert states > 200_000


# ------------------------------------------------------ the checker finds what is broken on purpose
def test_a_result_published_before_the_claim_is_done_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finish_leg(layout: Layout, account: attempts.Account) -> bool:
        claim, result = account.leg, account.to_json()
        files.publish_json(attempts.files_of(layout, claim).result, result)
        attempts.publish_standing(layout, result)
        return offers.finish(layout, claim)

    monkeypatch.setattr(leg, "finish_leg", finish_leg)
    with pytest.raises(ProtocolError, match="a void attempt stands"):
        explore(faults=1)


def test_a_result_published_late_over_that_of_the_next_attempt_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finish_leg(layout: Layout, account: attempts.Account) -> bool:
        claim, result = account.leg, account.to_json()
        files.publish_json(attempts.files_of(layout, claim).result, result)
        if not offers.finish(layout, claim):
            return False
        attempts.publish_standing(layout, result)
        return True

    monkeypatch.setattr(leg, "finish_leg", finish_leg)
    with pytest.raises(ProtocolError, match="replaced the result of 1"):
        explore(faults=0, first_outcome="interrupted")


def test_a_claim_by_copying_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rename = offers._move

    def copy(source: Path, target: Path) -> bool:
        if source.parent == LAYOUT.claims:
            return rename(source, target)
        try:
            text = read_plain(source).decode()
        except FileNotFoundError:
            return False
        port_of[-1]("write", str(target), text)
        return True

    monkeypatch.setattr(offers, "_move", copy)
    with pytest.raises(ProtocolError, match=r"two claims that can both count|left behind|twice"):
        explore(faults=0)


def test_a_fence_that_leaves_the_claim_in_place_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fence(layout: Layout, claim: Leg) -> bool:
        port_of[-1]("write", str(layout.revoked / claim.name), "{}")
        return True

    monkeypatch.setattr(offers, "fence", fence)
    with pytest.raises(ProtocolError, match=r"two claims that can both count|fails"):
        explore(faults=1)


def test_one_look_at_each_folder_for_a_lost_offer_is_found_too_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A requeued job may give its leg back and take it again between two listings."""

    def find_unwritten(layout: Layout, state: CampaignState) -> set[int]:
        folders = (layout.offers, layout.claims, layout.revoked, layout.offers)
        seen = {leg.trial_id for folder in folders for leg in offers.list_legs(folder)}
        return state.of(TrialStatus.OFFERED) - seen

    monkeypatch.setattr(reconcile, "find_unwritten", find_unwritten)
    with pytest.raises(ProtocolError, match=r"two claims that can both count|left behind"):
        explore(faults=1)
