"""`notify` as a user sets it, in whole campaigns on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import TRAIN, Project, user_project
from web_server import web_server

KEEP = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + chr(10))"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def holds(project: Project, word: str) -> list[str]:
    """The campaign's files in which the word stands."""
    files = [path for path in project.output.rglob("*") if path.is_file()]
    return [str(path) for path in files if word.encode() in path.read_bytes()]


def test_the_end_is_told_and_the_address_is_in_no_file_of_the_campaign(project: Project) -> None:
    with web_server() as server:
        notify = {"url": server.address, "on": ["end", "better"]}
        project.write(TRAIN, notify=notify).finish()
        assert server.kinds()[-1] == "end"
        assert server.kinds().count("end") == 1
        assert set(server.kinds()) == {"end", "better"}
        document = server.posted[-1][1]
        assert document["campaign"] == "results"
        assert document["best_error"] == project.final()["best_error"]
        assert holds(project, "secret-token") == []
        project.finish()  # again, and there is nothing to do
        assert server.kinds().count("end") == 1


@pytest.mark.parametrize("way", ["url_file", "url_env"])
def test_the_address_is_kept_elsewhere(project: Project, tmp_path: Path, way: str) -> None:
    with web_server() as server:
        secret = tmp_path / "hook"
        secret.write_text(server.address + "\n")
        secret.chmod(0o600)
        named = {"url_file": "hook", "url_env": "MY_HOOK"}[way]
        project.write(TRAIN, notify={way: named}).finish(MY_HOOK=server.address)
        assert server.kinds() == ["end"]


def test_a_campaign_that_breaks(project: Project) -> None:
    with web_server() as server:
        body = "raise ValueError('bad data')"
        project.write(body, notify={"url": server.address}, max_initial_failures=2)
        assert project.run().returncode == 1
        assert server.kinds() == ["broken"]
        assert "all failed alike (ValueError)" in server.posted[0][1]["text"]


def test_a_command_is_run(project: Project, tmp_path: Path) -> None:
    words = [sys.executable, "-c", KEEP, str(tmp_path / "kept"), "{subject}"]
    project.write(TRAIN, notify={"command": words}).finish()
    assert (tmp_path / "kept").read_text() == "hpo: results has ended: all trials ended\n"


def test_a_server_that_is_not_there_changes_nothing(project: Project) -> None:
    notify = {"url": "http://127.0.0.1:9/secret-token", "on": ["end", "better"]}
    printed = project.write(TRAIN, notify=notify).finish()
    assert printed.count("could not be sent") == 1
    assert "secret-token" not in printed


def refused(project: Project, *arguments: str, **environment: str) -> str:
    done = project.run(*arguments, **environment)
    assert done.returncode == 2
    assert not project.output.exists()
    return done.stderr


@pytest.mark.parametrize(
    ("notify", "said"),
    [
        ({"url": "ftp://example.org/secret-token"}, "must be an address that begins with https"),
        ({"url": "https:///secret-token"}, "must be an address that begins with https"),
        ({"url": ["secret-token"]}, "must be text"),
        ({"url_env": "NOT_SET"}, "NOT_SET (notify.url_env) is not set here"),
        ({"url_env": "SET_WRONG"}, "SET_WRONG (notify.url_env) must be an address"),
        ({"url_file": "nowhere"}, "cannot be read: No such file"),
        ({"url_file": "open"}, "can be read by others: chmod 600"),
        ({"url_file": "folder"}, "cannot be read: Is a directory"),
        ({"url_file": "pipe"}, "is no plain file"),
        ({"on": ["end"]}, "says nobody whom to tell"),
        ({"mail": True, "on": ["sometimes"]}, "must be 'end', 'broken', 'stuck' or 'better'"),
        ({"url": "https://x.org/secret-token", "url_env": "A"}, "not several"),
    ],
)
def test_mistakes_are_told_without_the_address(
    project: Project, tmp_path: Path, notify: dict[str, object], said: str
) -> None:
    (tmp_path / "open").write_text("https://x.org/secret-token")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    project.write(TRAIN, notify=notify)
    told = refused(project, SET_WRONG="secret-token")
    assert said in told
    assert "secret-token" not in told


def test_others_are_not_to_learn_the_address(project: Project) -> None:
    project.write(TRAIN, notify={"url": "https://x.org/secret-token"}, sharing="group")
    told = refused(project)
    assert "others may read" in told
    assert "notify.url_file" in told
    project.write(TRAIN, notify=None, sharing="private")
    told = refused(project, "--set", 'hpo.notify={"url": "https://x.org/secret-token"}')
    assert "on the command line is seen by all" in told


def test_mail_needs_slurm_and_says_so(project: Project) -> None:
    printed = project.write(TRAIN, notify={"mail": True}).finish()
    assert "no mail will come, because the campaign does not run on SLURM" in printed


def test_a_simulation_tells_nobody(project: Project) -> None:
    with web_server() as server:
        project.write(TRAIN, notify={"url": server.address})
        assert project.run(executor="simulated").returncode == 0
        assert server.posted == []


def test_who_is_told_may_be_changed(project: Project) -> None:
    project.write(TRAIN, notify={"command": ["true"]}).finish()
    printed = project.write(TRAIN, notify={"command": ["false"]}, n_trials=5).finish()
    assert "changed since the last start: hpo.n_trials" in printed
    stored = json.loads((project.output / "campaign.json").read_text())
    assert "notify" not in stored["settings"]["hpo"]
