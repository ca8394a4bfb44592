"""Whole campaigns and commands on a machine with several users; the tables of docs/security.md."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest
from people import UMASKS, People, give
from user_project import ROOT, Project

import hpo
from hpo.folder.files import Layout
from hpo.folder.safety import GROUP, GROUP_WRITABLE, PRIVATE

SHARINGS = (PRIVATE, GROUP, GROUP_WRITABLE)
TRAIN = """
(Path(os.environ["HPO_CHECKPOINT_DIR"]) / "own.txt").touch()
trial.restore(seen={"n": 1})
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=1.0 / epoch)
"""
QUICK = {(0o002, PRIVATE), (0o000, GROUP_WRITABLE), (0o077, GROUP)}
PAIRS = [
    pytest.param(umask, sharing, marks=[] if (umask, sharing) in QUICK else [pytest.mark.long])
    for umask in UMASKS
    for sharing in SHARINGS
]
DOCS = ROOT / "docs" / "security.md"


def campaign(people: People, place: Path, sharing: str = PRIVATE, **settings: object) -> Project:
    project = Project(place)
    project.write(TRAIN, sharing=sharing, n_trials=2, max_concurrent_jobs=1)
    (place / "search.py").chmod(0o644)
    return project


def start(people: People, project: Project, *arguments: str, umask: int = 0o022) -> None:
    done = people.owner.runs(project.command(*arguments), project.folder, umask=umask)
    assert done.returncode == 0, done.stdout + done.stderr


def documented() -> dict[str, dict[str, str]]:
    """The table of modes: for each kind of file the mode in each `sharing`."""
    rows = re.findall(r"^\| `([^|]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", DOCS.read_text(), re.M)
    return {
        name: {sharing: mode.strip() for sharing, mode in zip(SHARINGS, modes, strict=True)}
        for name, *modes in rows
    }


def kind_of(name: str) -> str:
    """As the table calls it."""
    name = re.sub(r"local-[0-9a-f]+-\d+", "ID", name)
    name = re.sub(r"(?<=[_a-])\d+", "N", name)
    name = re.sub(r"hpo_campaign_.*\.log", "hpo_campaign_TIME.log", name)
    name = re.sub(r"rung_N.*\.json", "…", name)
    return re.sub(r"(epoch_N-aN|^plots|^requests)/.*", r"\1/…", name)


@pytest.mark.parametrize(("umask", "sharing"), PAIRS)
def test_all_that_a_campaign_makes_has_the_mode_of_the_table(
    people: People, place: Path, umask: int, sharing: str
) -> None:
    project = campaign(people, place, sharing)
    start(people, project, umask=umask)
    table = documented()
    wrong, seen = [], set()
    for path in [project.output, *project.output.rglob("*")]:
        if path.is_symlink():
            continue
        kind = kind_of(path.relative_to(project.output).as_posix())
        seen.add(kind)
        mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
        if kind.endswith("own.txt"):
            mask = umask if sharing != GROUP else 0o027
            assert mode == f"{0o666 & ~mask:04o}"  # of users' code
        elif table.get(kind, {}).get(sharing) != mode:
            wrong.append((kind, mode))
    assert wrong == []
    assert {"campaign.json", "journal.jsonl", "jobs/ID.out", "results/trial_N.json"} <= seen
    # The next start is not refused for what the first has written.
    start(people, project, "--set", "hpo.n_trials=3", umask=umask)


def test_copies_of_code_are_the_owners_alone(people: People, place: Path) -> None:
    project = campaign(people, place, GROUP_WRITABLE)
    (place / "search.py").chmod(0o666)
    start(people, project, "--set", "hpo.snapshot_code=true", umask=0o000)
    copies = [path for path in (project.output / "code").rglob("*") if not path.is_symlink()]
    copies = [path for path in copies if path.is_dir() or path.suffix == ".py"]
    assert any(path.name == "search.py" for path in copies)
    for path in (project.output / "code", *copies):
        assert not path.stat().st_mode & 0o022, path
    start(people, project, "--set", "hpo.n_trials=3", umask=0o000)


def test_commands_of_others_look_on_and_do_no_more(people: People, place: Path) -> None:
    project = campaign(people, place, GROUP)
    start(people, project)
    out, owner = str(project.output), people.owner.name
    before = {path: path.lstat().st_mtime_ns for path in project.output.rglob("*")}

    def types(*words: str) -> tuple[int, str]:
        done = people.labmate.runs([sys.executable, *words], people.scratch)
        return done.returncode, done.stdout + done.stderr

    for refused in (
        types("-m", "hpo", "stop", out),
        types("-m", "hpo", "stop", "--kill", out),
        types(str(ROOT / "run_trial.py"), out),
        types("-m", "hpo", "run", "--config", str(place / "search.py"), "--output-dir", out),
    ):
        assert refused[0] == 2
        assert f"belongs to {owner}" in refused[1]
    code, said = types("-m", "hpo", "why", out, "0")
    assert code == 0, said
    assert f"which belongs to {owner}" in said
    code, said = types(
        "-W", "always", "-c", f"import hpo; print(hpo.load_campaign({out!r}).trials)"
    )
    assert code == 0
    assert f"belongs to {owner}" in said
    assert {path: path.lstat().st_mtime_ns for path in project.output.rglob("*")} == before
    assert people.stranger.runs([sys.executable, "-m", "hpo", "why", out, "0"], place).returncode


class TestAWaitingJob:
    """Rows 1, 3 and 4: what was put into the place of a campaign that a job was started for."""

    def job(self, people: People, root: Path) -> tuple[int, str]:
        """As SLURM starts it, maybe hours after it was submitted."""
        program = str(Path(hpo.__file__).parent / "job" / "start.py")
        done = people.owner.runs(
            [sys.executable, program, "seat", str(root)], people.scratch, HPO_JOB_ID="waiting-1"
        )
        return done.returncode, done.stdout + done.stderr

    def forge(self, people: People, root: Path) -> Path:
        """A campaign of the labmate's in `root`, whose code tells that it ran."""
        mark = people.scratch / "ran.txt"
        code = people.scratch / "forged"
        code.mkdir(exist_ok=True)
        (code / "forged.py").write_text(
            f"open({str(mark)!r}, 'a').close()\ndef objective(lr):\n    return lr\n"
        )
        seat = {
            "campaign": "forged",
            "objective": "forged:objective",
            "pythonpath": [str(code)],
            "metric": "validation_error",
            "mode": "min",
            "resource_attr": "epoch",
            "checkpoint_interval": 1,
            "claim_timeout": 1.0,
        }
        offer = {"config": {"lr": 1.0}, "target": 1, "final": True}

        def write() -> None:
            layout = Layout(root)
            layout.create()
            layout.root.chmod(0o777)
            for folder in (layout.root, *layout.inner):
                folder.chmod(0o777)
            layout.campaign.write_text(json.dumps({"path": str(root), "seat": seat}))
            (layout.offers / "trial_0.rung_1.a0.json").write_text(json.dumps(offer))

        people.labmate.does(write, umask=0)
        return mark

    def test_the_forged_campaign_would_run_its_code(self, people: People, place: Path) -> None:
        """Else the tests below prove nothing: of the owner's own it runs."""
        root = people.scratch / "forged_campaign"
        people.scratch.chmod(0o1777)
        mark = self.forge(people, root)
        os.chown(root, people.owner.uid, people.lab)
        for path in root.rglob("*"):
            os.chown(path, people.owner.uid, people.lab)
            path.chmod(0o700)
        root.chmod(0o700)
        code, said = self.job(people, root)
        assert code == 0, said
        assert mark.exists(), said

    @pytest.mark.parametrize("mode", [0o775, 0o2775, 0o777, 0o1777])
    def test_another_folder_in_the_place_of_the_campaigns_is_not_served(
        self, people: People, place: Path, mode: int
    ) -> None:
        project = campaign(people, place)
        start(people, project)
        people.scratch.chmod(0o1777)
        mark = self.forge(people, people.scratch / "forged_campaign")
        give(place, people, mode)
        root = project.output

        def swap() -> None:
            root.rename(place / "away")
            (people.scratch / "forged_campaign").rename(root)

        if mode & stat.S_ISVTX:
            with pytest.raises(PermissionError):
                people.labmate.does(swap)
            assert self.job(people, root)[0] == 0
        else:
            people.labmate.does(swap)
            code, said = self.job(people, root)
            assert code == 2
            assert f"belongs to {people.labmate.name}" in said
        assert not mark.exists()

    def test_a_link_that_leads_elsewhere_now_is_not_followed(
        self, people: People, place: Path
    ) -> None:
        people.scratch.chmod(0o1777)
        real = place / "real"
        real.mkdir()
        give(real, people, 0o700)
        link = people.scratch / "link"
        people.labmate.does(lambda: link.symlink_to(real))
        project = campaign(people, place)
        start(people, project, "--output-dir", str(link / "c"))
        assert json.loads((real / "c" / "campaign.json").read_text())["path"] == str(real / "c")
        mark = self.forge(people, people.scratch / "theirs" / "c")
        people.labmate.does(link.unlink)
        people.labmate.does(lambda: link.symlink_to(people.scratch / "theirs"))
        assert self.job(people, real / "c")[0] == 0
        code, said = self.job(people, link / "c")
        assert code == 2
        assert "belongs to" in said
        assert not mark.exists()

    def test_a_campaign_that_others_can_change_is_not_served(
        self, people: People, place: Path
    ) -> None:
        project = campaign(people, place, GROUP)
        start(people, project)
        file = project.output / "campaign.json"
        file.chmod(0o664)
        text = json.loads(file.read_text())
        people.labmate.does(lambda: file.write_text(json.dumps(text)))
        code, said = self.job(people, project.output)
        assert code == 2
        assert "chmod go-w" in said
