"""What a labmate and a stranger do to a campaign's folder, step by step, as real users."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from people import UMASKS, People, User, UsersError, give

from hpo import checkpoint
from hpo.checkpoint import store
from hpo.folder import opening, stop
from hpo.folder.files import Layout, append_line, publish, publish_json, read_json
from hpo.folder.journal import Header, Journal
from hpo.folder.offers import Leg, publish_offers
from hpo.folder.report_lines import write_line
from hpo.folder.safety import (
    GROUP,
    GROUP_WRITABLE,
    PRIVATE,
    create,
    exposure_problems,
    owners_above,
    read_own_campaign,
    require_own,
)
from hpo.folder.stop import StopRequest
from hpo.settings.reading.loading import load

SHARINGS = (PRIVATE, GROUP, GROUP_WRITABLE)
CODE = "labmates.code"


def made(people: People, root: Path, sharing: str = PRIVATE, umask: int = 0o022) -> Layout:
    """A campaign's folder, made by its owner."""
    layout = Layout(root)

    def make() -> list[str]:
        problems = create(layout, sharing)
        if not problems:
            publish_json(layout.campaign, {"seat": {}, "path": str(root)})
            opening.make_folder(layout.trial(0))
            opening.make_folder(layout.live)
            publish(layout.result(0), "{}")
            append_line(layout.journal, "{}")
        return problems

    assert people.owner.does(make, umask=umask) == []
    return layout


def everything(root: Path) -> list[Path]:
    return [root, *root.rglob("*")]


def can_write(user: User, root: Path) -> set[str]:
    """What the user can open for writing, or put something into."""

    def try_all() -> set[str]:
        return {
            path.relative_to(root).as_posix()
            for path in everything(root)
            if os.access(path, os.W_OK) and not path.is_symlink()
        }

    found: set[str] = user.does(try_all)
    return found


def can_read(user: User, root: Path) -> set[str]:
    def try_all() -> set[str]:
        return {p.relative_to(root).as_posix() for p in everything(root) if os.access(p, os.R_OK)}

    found: set[str] = user.does(try_all)
    return found


@pytest.mark.parametrize("umask", UMASKS, ids="{:03o}".format)
@pytest.mark.parametrize("before", [None, 0o755, 0o700])
@pytest.mark.parametrize("sharing", SHARINGS)
class TestWhoReadsAndWrites:
    """Row 1: the umask of the owner, and a folder that was there before."""

    def test_sharing_says_it_alone(
        self, people: People, place: Path, sharing: str, before: int | None, umask: int
    ) -> None:
        root = place / "c"
        if before is not None:
            root.mkdir()
            give(root, people, before)
        layout = made(people, root, sharing, umask)
        mates = can_write(people.labmate, root)
        if sharing == GROUP_WRITABLE:
            assert "trials/trial_0" in mates
            assert not {"campaign.json", "journal.jsonl", "jobs", "jobs/live"} & mates
        else:
            assert mates == set()
        assert can_write(people.stranger, root) == set()
        assert can_read(people.stranger, root) == set()
        assert ("campaign.json" in can_read(people.labmate, root)) == (sharing != PRIVATE)
        # Nothing stops the next start.
        assert people.owner.does(lambda: create(layout, sharing), umask=umask) == []
        assert people.owner.does(lambda: read_own_campaign(layout))["path"] == str(root)


class TestFoldersAbove:
    """Row 3: who can put another folder into the place of the campaign, or of one above it."""

    @pytest.mark.parametrize("sharing", SHARINGS)
    @pytest.mark.parametrize(
        ("mode", "refused"),
        [
            (0o755, ()),
            (0o750, ()),
            (0o2755, ()),
            (0o1777, ()),
            (0o1775, ()),
            (0o3775, ()),
            (0o775, (PRIVATE, GROUP)),
            (0o2775, (PRIVATE, GROUP)),
            (0o2770, (PRIVATE, GROUP)),
            (0o777, SHARINGS),
            (0o2777, SHARINGS),
        ],
        ids=lambda value: f"{value:o}" if isinstance(value, int) else "",
    )
    def test_a_parent_that_others_can_write_is_refused_with_the_command_to_type(
        self, people: People, place: Path, mode: int, refused: tuple[str, ...], sharing: str
    ) -> None:
        root = place / "deep" / "c"
        (place / "deep").mkdir()
        give(place / "deep", people)
        made(people, root, sharing)
        give(place, people, mode)
        problems = people.owner.does(lambda: exposure_problems(root, sharing))
        assert bool(problems) == (sharing in refused), problems
        if problems:
            (problem,) = problems
            command = problem.partition(": chmod ")[2].partition(" (")[0]
            people.owner.does(lambda: _type(f"chmod {command}"))
            assert people.owner.does(lambda: exposure_problems(root, sharing)) == []
            give(place, people, mode)
            command = problem.partition("there: ")[2].partition(")")[0].partition(", or")[0]
            people.owner.does(lambda: _type(command))
            assert people.owner.does(lambda: exposure_problems(root, sharing)) == []

    def test_a_folder_of_somebody_else_that_the_group_writes_is_refused_with_what_to_do(
        self, people: People, place: Path
    ) -> None:
        root = place / "c"
        made(people, root)
        os.chown(people.scratch, people.labmate.uid, people.lab)
        people.scratch.chmod(0o2775)
        (problem,) = people.owner.does(lambda: exposure_problems(root, PRIVATE))
        assert "choose an --output-dir below" in problem
        assert f"ask {people.labmate.name} for chmod +t {people.scratch}" in problem
        assert "group-writable" in problem
        assert people.owner.does(lambda: exposure_problems(root, GROUP_WRITABLE)) == []

    @pytest.mark.parametrize("umask", UMASKS, ids="{:03o}".format)
    @pytest.mark.parametrize("mode", [0o755, 0o2755, 0o1777, 0o3775])
    def test_the_folders_that_are_made_above_are_nobody_elses_to_write(
        self, people: People, place: Path, umask: int, mode: int
    ) -> None:
        give(place, people, mode)
        root = place / "hpo_results" / "more" / "c"
        made(people, root, umask=umask)
        for folder in (root.parent, root.parent.parent):
            assert stat.S_IMODE(folder.stat().st_mode) & 0o777 == 0o755 & ~umask
        assert stat.S_IMODE(root.stat().st_mode) & 0o777 == 0o700

    def test_the_owner_of_a_folder_above_is_named_and_not_refused(
        self, people: People, place: Path
    ) -> None:
        root = place / "c"
        made(people, root)
        assert people.owner.does(lambda: owners_above(root)) == []
        os.chown(people.scratch, people.labmate.uid, people.lab)
        for mode in (0o755, 0o1775):
            people.scratch.chmod(mode)
            assert people.owner.does(lambda: exposure_problems(root, PRIVATE)) == []
            assert people.owner.does(lambda: owners_above(root)) == [
                f"{people.scratch} belongs to {people.labmate.name}"
            ]

    def test_a_group_of_the_users_own_is_nobody_else(self, people: People, place: Path) -> None:
        root = place / "c"
        made(people, root)
        os.chown(place, people.owner.uid, people.alone().groups[0])
        place.chmod(0o775)
        assert people.owner.does(lambda: exposure_problems(root, PRIVATE)) == []

    def test_a_link_above_that_others_made_later_is_refused(
        self, people: People, place: Path
    ) -> None:
        give(place, people, 0o1777)
        root = place / "mine" / "c"
        made(people, root)
        people.owner.does(lambda: (place / "mine").rename(place / "away"))
        people.labmate.does(lambda: (place / "mine").symlink_to(place / "away"))
        (problem,) = people.owner.does(lambda: exposure_problems(root, PRIVATE))
        assert "has become a link" in problem


def _type(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "chmod"
    subprocess.run(words, check=True)


class TestWhereItLies:
    """Row 4: an output_dir that is a link, and row 8: one that a labmate made a moment before."""

    @pytest.mark.parametrize("sharing", SHARINGS)
    def test_a_folder_that_a_labmate_made_in_time_is_refused_and_left_alone(
        self, people: People, place: Path, sharing: str
    ) -> None:
        give(place, people, 0o3777)
        root = place / "c"
        assert people.owner.does(lambda: exposure_problems(root, sharing)) == []
        people.labmate.does(lambda: root.mkdir(mode=0o777), umask=0)
        (problem,) = people.owner.does(lambda: create(Layout(root), sharing))
        assert f"belongs to {people.labmate.name}" in problem
        assert list(root.iterdir()) == []

    def test_a_link_is_followed_once(self, people: People, place: Path) -> None:
        real = place / "real"
        real.mkdir()
        give(place, people, 0o1777)
        give(real, people, 0o755)
        link = place / "link"
        people.labmate.does(lambda: link.symlink_to(real))
        (place / "search.yaml").write_text("space: {lr: [1, 2]}\nhpo: {n_trials: 1}\n")

        def output_dir() -> Path | None:
            return load("search.yaml", output_dir=str(link / "c"), cwd=place).output_dir

        assert people.owner.does(output_dir) == real / "c"

    def test_a_link_of_the_machines_keeps_its_name(self, people: People, place: Path) -> None:
        (people.scratch / "alias").symlink_to(place)  # as root
        through = people.scratch / "alias" / "c"
        assert people.owner.does(lambda: opening.settled(through)) == through
        layout = made(people, through)
        assert people.owner.does(lambda: read_json(layout.result(0))) == {}
        give(place, people, 0o775)
        (problem,) = people.owner.does(lambda: exposure_problems(through, PRIVATE))
        assert f"{place}, above" in problem


def _victim(people: People, text: str = "dear") -> Path:
    """A file of the owner's elsewhere."""
    path = people.scratch / "owners" / "dear.txt"
    path.write_text(text)
    os.chown(path, people.owner.uid, people.lab)
    return path


LEG = Leg(0, 1, 0)
WRITES: dict[str, tuple[str, Callable[[Layout], Any]]] = {
    "a report": ("trials/trial_0/reports-a0.jsonl", lambda at: write_line(at.trial(0), 0, {})),
    "the request to leave": ("leave", lambda at: stop.publish(at, StopRequest("now", 0.0, "me"))),
    "the request to stop": ("stop.json", lambda at: stop.publish(at, StopRequest("drain", 0, ""))),
    "an offer": ("offers/trial_0.rung_1.a0.json", lambda at: publish_offers(at, [(LEG, {})])),
    "a result": ("results/trial_0.json", lambda at: publish(at.result(0), "{}")),
    "the journal": ("journal.jsonl", lambda at: Journal(at.journal, Header("c", "d"))),
    "campaign.json": ("campaign.json", lambda at: publish_json(at.campaign, {})),
    "a job's log": ("jobs/7.out", lambda at: os.close(opening.open_to_append(at.jobs / "7.out"))),
}


class TestLinks:
    """Rows 2 and 7: links in a folder that the group may write, or that was copied."""

    @pytest.mark.parametrize("how", ["link", "dangling link", "second name", "link for a folder"])
    @pytest.mark.parametrize("what", WRITES)
    def test_nothing_is_written_or_made_where_a_link_leads(
        self, people: People, place: Path, what: str, how: str
    ) -> None:
        layout = made(people, place / "c", GROUP_WRITABLE)
        name, write = WRITES[what]
        path, victim = layout.root / name, _victim(people)
        path.unlink(missing_ok=True)
        if how == "link for a folder":
            if path.parent == layout.root:
                pytest.skip("the campaign's own folder is no link: see above")
            for inner in path.parent.iterdir():
                inner.unlink() if inner.is_file() else inner.rmdir()
            path.parent.rmdir()
            people.owner.does(lambda: path.parent.symlink_to(victim.parent))
        elif how == "second name":
            os.link(victim, path)
        else:
            target = victim if how == "link" else victim.with_name("new.txt")
            people.owner.does(lambda: path.symlink_to(target))
        before = sorted(path.name for path in victim.parent.iterdir())
        try:
            people.owner.does(lambda: write(layout))
        except OSError as err:
            assert err.errno in (errno.ELOOP, errno.EMLINK)  # noqa: PT017  # because it may not
        except UsersError as err:
            assert "JournalError" in str(err)  # noqa: PT017  # likewise
        else:  # it was replaced, not followed
            assert path.lstat().st_nlink == 1
            assert not path.is_symlink()
        assert victim.read_text() == "dear"
        assert sorted(path.name for path in victim.parent.iterdir()) == before

    @pytest.mark.parametrize("at", ["trials/trial_0/checkpoint", "trials/trial_0"])
    @pytest.mark.parametrize("who", ["labmate", "owner"])
    def test_no_checkpoint_is_deleted_where_a_link_leads(
        self, people: People, place: Path, at: str, who: str
    ) -> None:
        other = place / "other" / "trial_0"

        def save() -> None:
            other.parent.mkdir()
            checkpoint.save(other, resource=1, trial_id=0, attempt=0, objects={"n": {"n": 1}})

        people.owner.does(save)
        kept = sorted(path.relative_to(other) for path in other.rglob("*"))
        assert len(kept) > 3
        layout = made(people, place / "c", GROUP_WRITABLE)
        link = layout.root / at
        if link.exists():
            link.rmdir()
        to = other if at.endswith("trial_0") else other / "checkpoint"
        getattr(people, who).does(lambda: link.symlink_to(to))
        assert people.owner.does(lambda: store.discard(layout.trial(0))) == 0
        assert sorted(path.relative_to(other) for path in other.rglob("*")) == kept
        with pytest.raises(OSError, match="not followed"):
            people.owner.does(
                lambda: checkpoint.save(
                    layout.trial(0), resource=2, trial_id=0, attempt=1, objects={"n": {"n": 1}}
                )
            )

    def test_what_a_labmate_puts_into_a_checkpoint_is_deleted_as_a_link(
        self, people: People, place: Path
    ) -> None:
        layout = made(people, place / "c", GROUP_WRITABLE)
        victim = _victim(people)

        def save() -> None:
            checkpoint.save(
                layout.trial(0), resource=1, trial_id=0, attempt=0, objects={"n": {"n": 1}}
            )

        people.owner.does(save)
        (saved,) = (layout.trial(0) / "checkpoint").iterdir()
        people.labmate.does(lambda: (saved / "more").symlink_to(victim.parent))
        assert people.owner.does(lambda: store.discard(layout.trial(0))) > 0
        assert not saved.exists()
        assert victim.read_text() == "dear"

    def test_folders_inside_that_are_links_are_refused(self, people: People, place: Path) -> None:
        layout = made(people, place / "c")
        for name in ("offers", "claims", "jobs/live", "results", "trials"):
            path = layout.root / name
            path.rename(place / "aside")
            people.owner.does(partial(path.symlink_to, place / "aside"))
            (problem,) = people.owner.does(lambda: exposure_problems(layout.root, PRIVATE))
            assert f"{path} is no folder" in problem
            path.unlink()
            (place / "aside").rename(path)


class TestForgedCampaign:
    """Row 1: a campaign.json that others have written, or could have."""

    def test_one_that_the_group_could_write_is_refused_by_jobs_at_once(
        self, people: People, place: Path
    ) -> None:
        layout = made(people, place / "c", GROUP)
        layout.campaign.chmod(0o664)
        people.labmate.does(lambda: layout.campaign.write_text(json.dumps({"objective": CODE})))
        with pytest.raises(UsersError, match="can be written by others"):
            people.owner.does(lambda: read_own_campaign(layout))

    def test_one_of_a_labmate_is_refused_by_jobs(self, people: People, place: Path) -> None:
        layout = made(people, place / "c", GROUP)
        os.chown(layout.campaign, people.labmate.uid, people.lab)
        with pytest.raises(UsersError, match=re.escape(people.labmate.name)):
            people.owner.does(lambda: read_own_campaign(layout))

    def test_a_campaign_of_somebody_else_is_not_stopped_or_run(
        self, people: People, place: Path
    ) -> None:
        layout = made(people, place / "c", GROUP)
        with pytest.raises(UsersError, match=f"belongs to {people.owner.name}: only"):
            people.labmate.does(lambda: require_own(layout.root, "stop"))
        people.owner.does(lambda: require_own(layout.root, "stop"))
