"""What people ask of a campaign lies in its folder, whole and in order, until it was taken up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from histories import make_layout, offer_files, take

from hpo.folder import requests
from hpo.folder.files import AttemptFiles, Layout
from hpo.folder.requests import Enqueue, Extend, Request, RetryTrials, StopTrial

WHO = "hal on hal0048"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def test_requests_are_read_as_they_were_made_in_the_order_of_their_times(layout: Layout) -> None:
    asked: list[Request] = [
        RetryTrials([3, 7], WHO, 30.0, from_start=True),
        StopTrial(17, WHO, 10.0),
        Enqueue([{"lr": 0.1}, {"lr": 0.2, "layers": [1, 2]}], WHO, 20.0),
        Extend(WHO, 40.0, more_trials=40),
    ]
    tokens = {requests.ask(layout, request): request for request in asked}
    found = requests.standing(layout)
    assert [one.request for one in found] == sorted(asked, key=lambda one: one.time)
    assert {one.token: one.request for one in found} == tokens


def test_a_request_that_was_removed_is_gone_and_the_folder_need_not_be_there(
    layout: Layout,
) -> None:
    assert requests.standing(layout) == []
    token = requests.ask(layout, Extend(WHO, 1.0, n_trials=9))
    requests.remove(layout, token)
    requests.remove(layout, token)  # as after a crash in between
    assert requests.standing(layout) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no request"),
        ("[1]", "is no request"),
        ('{"request": "Explode", "by": "", "time": 1}', "no request is called 'Explode'"),
        ('{"request": "StopTrial", "trial_id": "3", "by": "", "time": 1}', "trial_id is '3'"),
        ('{"request": "RetryTrials", "trial_ids": [true], "by": "", "time": 1}', "holds True"),
        ('{"request": "Enqueue", "points": [3], "by": "", "time": 1}', "points holds 3"),
        ('{"request": "Extend", "by": "", "time": 1, "max_t": 1e99}', "max_t is 1e"),
    ],
)
def test_what_is_no_request_is_told_and_holds_up_no_other(
    layout: Layout, text: str, fault: str
) -> None:
    token = requests.ask(layout, Extend(WHO, 2.0, n_trials=9))
    layout.request(f"{0:016d}-{'0' * 16}").write_text(text)
    (layout.requests / "notes.json").write_text("mine")
    bad, good = requests.standing(layout)
    assert (good.token, bad.request) == (token, None)
    assert fault in bad.fault


def test_a_link_is_no_request(layout: Layout, tmp_path: Path) -> None:
    token = requests.ask(layout, Extend(WHO, 2.0, n_trials=9))
    elsewhere = tmp_path / "elsewhere.json"
    layout.request(token).rename(elsewhere)
    layout.request(token).symlink_to(elsewhere)
    (found,) = requests.standing(layout)
    assert found.request is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_request_of_somebody_else_is_refused(layout: Layout) -> None:
    token = requests.ask(layout, Extend(WHO, 2.0, n_trials=9))
    os.chown(layout.request(token), 12345, -1)
    (found,) = requests.standing(layout)
    assert found.request is None
    assert "belongs to user 12345" in found.fault


def test_the_attempt_that_runs_is_asked_at_once_to_leave_and_no_other(layout: Layout) -> None:
    offer_files(layout, 0, 1)
    claim = take(layout, "7")
    requests.ask(layout, StopTrial(claim.trial_id, WHO, 1.0))
    requests.ask(layout, StopTrial(1 - claim.trial_id, WHO, 1.0))
    folder = layout.trial(claim.trial_id)
    assert AttemptFiles(folder, claim.attempt).leave.exists()
    assert not AttemptFiles(folder, claim.attempt + 1).leave.exists()
    assert not layout.trial(1 - claim.trial_id).exists()
