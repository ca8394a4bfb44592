"""Files in a campaign's folder that no job wrote: reported, not trusted, and never waited for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import account_of
from user_project import TRAIN, Project, user_project

from hpo.folder import files
from hpo.folder.attempts import fault_of_attempt, files_of, read_attempt
from hpo.folder.files import Layout, publish_json, read_json, read_plain
from hpo.folder.offers import Leg
from hpo.folder.reports import read_reports
from hpo.record.result import Outcome, Result

LEG = Leg(3, 0, 0, "7", done=True)


def sound() -> dict[str, Any]:
    result = Result(Outcome.COMPLETED, 0.5, 1, 1.0)
    return account_of(LEG, {"lr": 0.5}, [{"epoch": 1, "loss": 0.5}], result).to_json()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "c")
    layout.create()
    layout.trial(3).mkdir()
    return layout


def test_what_a_job_writes_is_read(layout: Layout) -> None:
    publish_json(files_of(layout, LEG).result, sound())
    found = read_attempt(layout, LEG)
    assert found is not None
    assert (found[0].metric, found[0].resource) == (0.5, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"status": []},
        {"status": {}},
        {"status": "COMPLETED"},
        {"error": "0.1"},
        {"error": True},
        {"error": 10**400},
        {"resource": -1},
        {"resource": 2**60},
        {"resource": 1.0},
        {"additional_info": []},
        {"additional_info": {"leg_time": None, "end_time": 1.0}},
        {"cause": 5},
        {"message": ["x"]},
        {"message": "\ud800"},
        {"config": {"lr": float("nan")}},
        {"reports": float("inf")},
    ],
    ids=str,
)
def test_other_types_and_values_are_not_what_a_job_writes(
    layout: Layout, change: dict[str, Any]
) -> None:
    files_of(layout, LEG).result.write_text(json.dumps(sound() | change))
    assert read_attempt(layout, LEG) is None
    told = fault_of_attempt(layout, LEG).text
    assert told.endswith(("is not what a job writes", "is no JSON (a number of 401 digits)"))


@pytest.mark.parametrize("change", [{"trial_id": 4}, {"attempt": 1}, {"job_id": "8"}, {"rung": 1}])
def test_the_result_of_another_leg_is_not_taken(layout: Layout, change: dict[str, Any]) -> None:
    publish_json(files_of(layout, LEG).result, sound() | change)
    assert read_attempt(layout, LEG) is None
    assert "another trial, attempt or job" in fault_of_attempt(layout, LEG).text


def test_a_message_that_never_ends_is_cut_for_the_journal(layout: Layout) -> None:
    publish_json(
        files_of(layout, LEG).result, sound() | {"message": "x" * 10**6, "cause": "y" * 9999}
    )
    found = read_attempt(layout, LEG)
    assert found is not None
    assert len(found[0].message or "") + len(found[0].cause or "") < 10_000


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere.json")
    target.write_text(json.dumps(sound()))
    path.symlink_to(target)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


def _deep(path: Path) -> None:
    path.write_text('{"a":' * 200_000)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)  # sparse: costs no disk


HOSTILE = [_fifo, _link, _device, _folder, _deep, _huge]


@pytest.mark.parametrize("make", HOSTILE)
def test_what_is_no_plain_file_of_a_sensible_size_is_no_news(
    layout: Layout, make: Callable[[Path], None]
) -> None:
    path = files_of(layout, LEG).result
    make(path)
    assert read_json(path) is None
    assert read_attempt(layout, LEG) is None
    assert str(path) in fault_of_attempt(layout, LEG).text


def test_a_pipe_that_somebody_holds_open_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(OSError, match="is no plain file"):
            read_plain(path)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("make", [_fifo, _link, _folder])
def test_reports_that_are_no_plain_file_are_none(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "reports-a0.jsonl")
    assert read_reports(tmp_path) == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("os.mkfifo(mine)", "is no plain file"),
        ("mine.write_text(text.replace('trial_id', 'no_id'))", "another trial"),
        ("mine.write_text('[' * 500000)", "is no JSON"),
        ("mine.write_text('{}')", "another trial"),
    ],
)
def test_a_campaign_reports_a_hostile_result_and_goes_on(
    project: Project, make: str, words: str
) -> None:
    """The file lies there in the wrong form from before the job says that it is done."""
    body = TRAIN + "import hpo.folder.offers as o\nfinish = o.finish\n"
    body += "mine = HERE / 'results/trials/trial_1/result-a0.json'\n"
    body += "def late(layout, claim):\n"
    body += "    text = mine.read_text(); mine.unlink()\n"
    body += f"    {make}\n"
    body += "    return finish(layout, claim)\n"
    body += "if (trial.trial_id, trial.attempt) == (1, 0): o.finish = late\n"
    project.write(body)
    done = project.run()
    assert done.returncode == 0
    assert words in done.stdout
    lines = (project.output / "journal.jsonl").read_text()
    assert words in lines
    assert [project.result(i)["status"] for i in range(4)] == ["completed"] * 4
    assert project.started()[1] == 2


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d | {"campaign": "two words"},
        lambda d: d | {"campaign": "../../etc"},
        lambda d: d | {"campaign": ["x"]},
        lambda d: d | {"created": "yesterday"},
        lambda d: d | {"identity": None},
        lambda d: d | {"seat": 5},
        lambda d: d | {"format": 99},
        lambda d: [d],
        lambda d: {},
    ],
)
def test_a_campaign_file_edited_by_hand_is_named_with_what_is_wrong(
    project: Project, edit: Callable[[dict[str, Any]], Any]
) -> None:
    project.write(TRAIN).finish()
    path = project.output / "campaign.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    before = (project.output / "journal.jsonl").read_bytes()
    refused = project.run("--set", "hpo.n_trials=6")
    assert refused.returncode == 2
    assert f"{path} cannot be read as a campaign; mend it or use --fresh: it is" in refused.stderr
    assert (project.output / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "change", [{"pythonpath": "x"}, {"claim_timeout": "soon"}, {"metric": 5}, {"nonsense": 1}]
)
def test_a_job_names_a_campaign_file_that_no_manager_wrote(
    project: Project, change: dict[str, Any]
) -> None:
    from hpo.errors import SettingsError
    from hpo.job.orders import read_settings

    project.write(TRAIN).finish()
    path = project.output / "campaign.json"
    document = json.loads(path.read_text())
    document["seat"] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(SettingsError, match="cannot be read as a campaign"):
        read_settings(Layout(project.output))
