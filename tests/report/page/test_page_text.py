"""The page as a file: what it holds, what it never holds, and who may read it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_campaigns import Made
from user_project import ROOT, Project

from hpo.errors import JournalError, SettingsError
from hpo.folder.campaign import require
from hpo.folder.files import Layout, publish_json
from hpo.report import MissingExtraError
from hpo.report.page.write import write


def written(root: Path, target: Path | None = None) -> Path:
    layout, document = require(root)
    return write(layout, document, target, lambda _key, value: value)


def command(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "hpo", "report", *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def model_of(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Elements(page.read_text(encoding="utf-8")).scripts[0])
    return found


def test_the_command_writes_one_page_and_says_where(tmp_path: Path) -> None:
    root = Made().write(tmp_path / "made")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = command(root, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"{root}/report.html", "")
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    # The journal above all: its reader locks nothing and cuts nothing off.
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() == {root / "report.html"}
    elsewhere = command("made", "-o", "out.html", cwd=tmp_path)
    assert elsewhere.stdout.strip() == str(tmp_path / "out.html")
    assert "learning_rate" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_campaign_leaves_its_page_and_may_be_told_not_to(tmp_path: Path) -> None:
    for wanted in (True, False):
        project = Project(tmp_path / str(wanted))
        project.folder.mkdir()
        project.write(n_trials=3, report=wanted)
        done = project.run("--executor", "simulated", executor=None, HPO_NO_REPORT="")
        page = project.output.with_name("results-simulated") / "report.html"
        assert page.exists() == wanted == (f"the campaign as a page: {page}" in done.stdout)
    found = (tmp_path / "True" / "results-simulated" / "report.html").read_text(encoding="utf-8")
    assert ">completed</span>" in found


def test_no_campaign_is_said_without_a_traceback(tmp_path: Path) -> None:
    done = command(tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "holds no campaign" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_it_asks_for_anything(tmp_path: Path) -> None:
    text = written(Made(failed=0.2).write(tmp_path / "made")).read_text(encoding="utf-8")
    page = Elements(text)
    addresses = [
        value
        for _, attributes in page.found
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data", "poster", "srcset")
    ]
    assert all(str(value).startswith(("#", "data:")) for value in addresses)
    assert not {"iframe", "object", "embed", "base"} & {tag for tag, _ in page.found}
    assert "@import" not in text
    policy = next(str(a["content"]) for t, a in page.found if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    told = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in page.scripts]
    assert allowed == told[1:]  # the first is data


@pytest.mark.parametrize(
    "evil", ["</script><script>", "<!--", "<![CDATA[", "\u2028", "{{ 7 * 7 }}", "{% raw %}", "&lt;"]
)
def test_what_a_user_wrote_ends_no_element(evil: str, tmp_path: Path) -> None:
    usual = Elements(written(Made().write(tmp_path / "usual")).read_text(encoding="utf-8"))
    made = Made(
        name=f"a{evil}",
        metric=f"m{evil}",
        config=lambda dice: {"x": dice.random(), "n": f"n{evil}", f"k{evil}": dice.choice("ab")},
        space={},
    )
    root = made.write(tmp_path / "made")
    page = Elements(written(root).read_text(encoding="utf-8"))
    assert len(page.scripts) == len(usual.scripts)
    assert model_of(root / "report.html")["metric"] == f"m{evil}"
    assert model_of(root / "report.html")["constants"] == {"n": f"n{evil}"}
    assert {tag for tag, _ in page.found} <= {tag for tag, _ in usual.found}


def test_half_a_character_breaks_nothing(tmp_path: Path) -> None:
    root = Made(n_trials=3, failed=1.0).write(tmp_path / "made")
    for path in (root / "results").iterdir():
        path.write_text('{"traceback": "Traceback\\n  \\ud800"}', encoding="utf-8")
    assert "\\ud800" in written(root).read_text(encoding="utf-8")


def test_passwords_among_the_settings_are_not_told(tmp_path: Path) -> None:
    root = Made().write(tmp_path / "made")
    assert command(root, cwd=tmp_path).returncode == 0
    text = (root / "report.html").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert "env_setup" in text


def test_licences_of_what_is_embedded_stand_in_it(tmp_path: Path) -> None:
    text = written(Made(n_trials=0).write(tmp_path / "made")).read_text(encoding="utf-8")
    for words in ("Apache License", "Apache ECharts\nCopyright 2017", "Mike Bostock", "zrender"):
        assert words in text


def test_a_copy_of_a_dead_campaign_is_enough(tmp_path: Path) -> None:
    root = Made(ended=None).write(tmp_path / "made")
    with (root / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"event": "TrialDra')  # its manager was killed in mid-write
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shutil.rmtree(copy / "claims")
    copy.chmod(0o555)
    try:
        page = written(copy, tmp_path / "page.html")
    finally:
        copy.chmod(0o755)
    text = page.read_text(encoding="utf-8")
    assert "not managed" in text
    assert '<code id="go-on">hpo run --config made</code>' in text
    assert (copy / "journal.jsonl").read_bytes().endswith(b"TrialDra")
    assert len(model_of(page)["curves"]) > 10


def test_without_the_trials_folders_curves_come_from_results(tmp_path: Path) -> None:
    root = Made(n_trials=3, levels=()).write(tmp_path / "made")
    shutil.rmtree(root / "trials")
    report = {"epoch": 1, "validation_error": 0.5, "time": 1_790_000_100.0}
    publish_json(root / "results" / "trial_1.json", {"reports": [report, "odd"]})
    curves = model_of(written(root))["curves"]
    assert [(curve["trial"], curve["value"]) for curve in curves] == [(1, [0.5])]


def test_without_a_journal_it_is_said_that_nothing_is_known(tmp_path: Path) -> None:
    root = Made().write(tmp_path / "made")
    (root / "journal.jsonl").unlink()
    assert "not begun" in written(root).read_text(encoding="utf-8")


def test_a_damaged_journal_is_named_and_the_old_page_stays(tmp_path: Path) -> None:
    root = Made().write(tmp_path / "made")
    page = written(root)
    old = page.read_bytes()
    with (root / "journal.jsonl").open("ab") as journal:
        journal.write(b"nonsense\n")
    with pytest.raises(JournalError, match="line"):
        written(root)
    assert page.read_bytes() == old
    assert [path.name for path in root.glob(".report*")] == []


def test_an_edited_campaign_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    root = Made().write(tmp_path / "made")
    layout, document = require(root)
    document |= {"identity": {"space": 3, "scheduler": 4}, "code": ["odd", {}], "start": 5}
    document["settings"] = {"name": 7, "hpo": 8, "slurm": []}
    document["seat"] = {"gpus": "two", "mode": "sideways"}
    publish_json(layout.campaign, document)
    assert "made" in written(root).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "inside", "elsewhere"),
    [(0o700, 0o600, 0o600), (0o750, 0o640, 0o640), (0o1770, 0o640, 0o640)],
)
def test_who_may_read_the_campaign_may_read_its_page(
    folder: int, inside: int, elsewhere: int, tmp_path: Path
) -> None:
    root = Made(n_trials=2).write(tmp_path / "made")
    root.chmod(folder)
    assert stat.S_IMODE(written(root).stat().st_mode) == inside
    assert stat.S_IMODE(written(root, tmp_path / "x.html").stat().st_mode) == elsewhere
    # Also where one lies there that more people could read.
    (tmp_path / "x.html").chmod(0o666)
    assert stat.S_IMODE(written(root, tmp_path / "x.html").stat().st_mode) == elsewhere


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    root = Made(n_trials=2).write(tmp_path / "made")
    (tmp_path / "out.html").mkdir()
    with pytest.raises(OSError, match=r"out\.html"):
        written(root, tmp_path / "out.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "out.html"]


def test_without_jinja2_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Made(n_trials=2).write(tmp_path / "made")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hpo-campaign\[report\]'"):
        written(root)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no campaign"):
        written(tmp_path / "nowhere")


def test_the_manager_when_last_seen_is_told(tmp_path: Path) -> None:
    root = Made(ended=None).write(tmp_path / "made")
    late = 1_790_000_000.0 + 90_000
    publish_json(Layout(root).status, {"updated": late})
    assert model_of(written(root))["span"] == 90_000
    layout, document = require(root)
    document["start"]["executor"] = "simulated"  # whose time is not ours
    publish_json(layout.campaign, document)
    assert "not managed" not in written(root).read_text(encoding="utf-8")
