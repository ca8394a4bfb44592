"""What jobs are told about how long trials report nothing, and what a person reads of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import finished, make_layout, running, state_after

from hpo.folder import silence
from hpo.folder.files import Layout
from hpo.manager.silence_teller import SilenceTeller
from hpo.record.state import CampaignState


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def campaign(*silences: float) -> CampaignState:
    legs = [finished(i, job_id=str(i), silence_s=s) for i, s in enumerate(silences)]
    return state_after([*running(*range(len(silences) + 1)), *legs])


def test_the_first_that_is_learned_is_said_once_and_what_changes_is_told_to_jobs(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    teller = SilenceTeller(layout, learns=True)
    with caplog.at_level("INFO", logger="hpo"):
        teller.tell(campaign())
        assert (silence.read(layout), caplog.text) == (None, "")
        for longest_s in (42.0, 50.0, 400.0):
            teller.tell(campaign(1.0, longest_s))
    assert silence.read(layout) == 420.0
    (line,) = caplog.messages
    assert line == (
        "hang_after: a trial that reports nothing for 10 min is taken to hang; so far a report "
        "took up to 42 s"
    )


def test_where_the_user_said_how_long_nothing_is_learned(layout: Layout) -> None:
    SilenceTeller(layout, learns=False).tell(campaign(1.0))
    assert silence.read(layout) is None


@pytest.mark.parametrize("text", ["", "[]", '{"longest_s": true}', '{"longest_s": 1e300}', "{}"])
def test_a_damaged_file_is_no_news(layout: Layout, text: str) -> None:
    layout.silence.write_text(text)
    assert silence.read(layout) is None
