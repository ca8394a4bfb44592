"""Starts that failed, as the manager tells them: at once, once, and to the end."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hpo.errors import SeatsBrokenError
from hpo.folder import starts
from hpo.folder.files import Layout, publish_json
from hpo.manager.start_watch import StartWatch
from hpo.record.goal import Goal
from hpo.record.state import CampaignState

STATE = CampaignState(Goal("loss", "min", "epoch"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "c")
    layout.create()
    layout.starts.mkdir()
    return layout


def fails(layout: Layout, job: str = "7_1", node: str = "n1", **told: object) -> None:
    words = {"kind": "env_setup", "since": 100, "last": 110, "tries": 2, "why": "no", "said": ""}
    text = "".join(f"{key} {value}\n" for key, value in (words | told).items())
    (layout.starts / f"{node}.{job}").write_text(text)


def test_each_reason_is_said_once_and_its_end(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch = StartWatch(layout)
    fails(layout, why="line 1: exit code 1\x1b[31m", said="module: not found")
    watch.look(200.0)
    watch.look(202.0)
    assert caplog.messages == [
        "jobs cannot start on n1 (7_1): line 1: exit code 1 [31m, after 'module: not found'; they "
        "hold their places and try again"
    ]
    (layout.starts / "n1.7_1").unlink()
    watch.look(204.0)
    assert caplog.messages[1:] == ["no job fails to start on n1 any more"]


def test_marks_torn_files_and_jobs_that_are_gone_say_nothing(layout: Layout) -> None:
    (layout.starts / "n1.7_2").write_text("at 100\n")
    (layout.starts / "n1.up").write_text("at 100\n")
    (layout.starts / "n1.7_3").write_text("kind env_setup\nsince x\n")
    (layout.starts / "ground").mkdir()
    fails(layout)
    watch = StartWatch(layout)
    watch.look(200.0)
    assert [start.job_id for start in watch.failing] == ["7_1"]
    watch.look(500.0)  # it has not tried again
    assert watch.failing == []
    watch.look(5000.0)
    assert not (layout.starts / "n1.7_1").exists()
    assert starts.up(layout) == {"n1": 100.0}


def test_a_campaign_that_never_started_is_stopped_and_one_that_did_is_not(layout: Layout) -> None:
    fails(layout, last=170, why="module: exit code 127")
    watch = StartWatch(layout)
    watch.look(200.0)
    with pytest.raises(SeatsBrokenError, match=r"no job of this campaign could start.*127"):
        watch.stop_if_hopeless(STATE, 200.0)
    fails(layout, last=170, tries=3, why="exit code 1")  # as of an environment that is away
    watch.look(202.0)
    watch.stop_if_hopeless(STATE, 202.0)
    fails(layout, last=701, tries=4, why="exit code 1")
    (layout.starts / "n2.up").write_text("at 90\n")
    watch.look(204.0)
    watch.stop_if_hopeless(STATE, 204.0)
    (layout.starts / "n2.up").unlink()
    with pytest.raises(SeatsBrokenError):
        watch.stop_if_hopeless(STATE, 204.0)


def test_what_the_first_job_found_stands_in_two_lines(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    found = {"job": "7_1", "node": "n1", "python": "/x/python", "version": "3.11.7"}
    found |= {"imports_s": "2.5", "failed_lines": ""}
    gpus = {"gpus_asked": 2, "gpus_given": "0,1", "driver": "NVIDIA's 550.54", "models": ["H200"]}
    publish_json(layout.ground, found | gpus)
    StartWatch(layout).look(1.0)
    publish_json(layout.ground, found | gpus | {"driver": None})
    StartWatch(layout).look(1.0)
    first = (
        "the first job, 7_1, starts on n1 with /x/python (Python 3.11.7); hpo and the objective "
        "were imported there in 2.5 s"
    )
    assert caplog.messages == [
        first,
        "it was given GPUs 0,1: H200, with NVIDIA's 550.54 driver",
        first,
        "it asked for 2 GPUs, but on n1 no driver of GPUs is loaded: trials may train on the CPU",
    ]
