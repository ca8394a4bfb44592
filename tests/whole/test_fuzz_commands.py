"""Whatever was done to a file of a real campaign: commands tell it, and none of them fails on it.

See `test_fuzz.py` for the readers one by one, and `mutations.py` for how many inputs.
"""

from __future__ import annotations

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from config_files import load_spec
from hypothesis import strategies as st
from mutations import DEEP, fuzzed, garbled, values
from user_project import TRAIN, user_project

import hpo
from hpo.cli import main
from hpo.errors import HpoError, SettingsError
from hpo.folder.copies import foreign_jobs
from hpo.folder.files import Layout, to_json
from hpo.folder.journal import Header, Journal
from hpo.manager.opening import drift_problems, folder_problems
from hpo.plan.assumptions import epoch_times
from hpo.record.state import CampaignState, apply, check
from hpo.settings.spec import CampaignSpec

ENDS = (0, 1, 2, 3, 75)
FILES = (
    "campaign.json",
    "journal.jsonl",
    "results/trial_1.json",
    "results/all.jsonl",
    "trials/trial_1/reports-a0.jsonl",
    "trials/trial_1/result-a0.json",
    "trials/trial_1/attempt-a0.json",
    "trials/trial_1/config.json",
    "best_config.json",
    "manager.json",
    "stop.json",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CampaignSpec]:
    """A campaign with rungs, as it lies there while its manager is dead."""
    with user_project(tmp_path_factory.mktemp("user")) as project:
        project.write(TRAIN, scheduler={"type": "asha", "max_t": 9}, n_trials=6)
        text = (project.folder / "search.py").read_text().replace(', "max_epochs": 2', "")
        (project.folder / "search.py").write_text(text)
        project.finish(executor="simulated")
        root = project.output.with_name("results-simulated")
        spec = load_spec(str(project.folder / "search.py"), output_dir=str(root))
        (root / "manager.lock").write_text("1\nanother-host\n")
        shutil.copy(root / "trials/trial_1/config.json", root / "stop.json")
        (root / "stop.json").write_text('{"how": "drain", "time": 1.0, "by": "me on here"}')
        return root, spec


@st.composite
def damage(draw: st.DrawFn, root: Path) -> tuple[Path, bytes]:
    """One of the files, and what lies there instead."""
    path = root / draw(st.sampled_from([name for name in FILES if (root / name).exists()]))
    data = path.read_bytes()
    how = draw(st.sampled_from(["garbled", "value", "value", "value", "deep"]))
    if how == "garbled":
        return path, draw(garbled([data]))
    if how == "deep":
        return path, DEEP
    # In the text and not in the data, so that lines of JSON are damaged alike.
    spots = [i for i, char in enumerate(data) if char in b":[,"]
    if not spots:
        return path, data
    at = draw(st.sampled_from(spots)) + 1
    upto = next((i for i in range(at, len(data)) if data[i] in b",}]\n"), len(data))
    try:
        new = to_json(draw(values)).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        new = draw(st.sampled_from([b"1e400", b"-Infinity", b"NaN", b"9" * 5000]))
    return path, data[:at] + new + data[upto:]


def run(*words: str) -> str:
    """What a command printed, which no terminal obeys."""
    told = io.StringIO()
    with redirect_stdout(told), redirect_stderr(told):
        assert main(list(words)) in ENDS
    text = told.getvalue()
    assert text.replace("\n", "").isprintable(), ascii(text)
    return text


def look_at_all(root: Path, spec: CampaignSpec) -> None:
    """Everything that reads a campaign, one after the other."""
    run("why", str(root), "1")
    run("stop", str(root))
    with suppress(SettingsError):
        found = hpo.load_campaign(root)
        text = repr(found.trials) + repr(found.reports) + str(found.trials._repr_html_())
        assert text.replace("\n", "").isprintable(), ascii(text)
        found.trials.sort_values("error")
    with suppress(SettingsError):
        epoch_times(root)
    for kind in ("csv", "optuna"):
        run("export", str(root), "--to", kind)
    with TemporaryDirectory() as folder:
        run("export", "--best", str(root), f"{folder}/best")
        run("retrain", str(root), "--only-write", "-o", f"{folder}/again")
    resume(root, spec)


def resume(root: Path, spec: CampaignSpec) -> None:
    """As far as a start reads what lies there."""
    layout = Layout(root)
    if folder_problems(root, fresh=False):
        return
    with suppress(HpoError):
        drift_problems(spec)
        journal = Journal(layout.journal, Header("c", "d"))
        state = CampaignState()
        for event in journal.events:
            apply(state, event)
        check(state)
        foreign_jobs(layout, {"seat": {}})


@fuzzed(8, data=st.data())
def test_a_damaged_file_of_a_campaign(made: tuple[Path, CampaignSpec], data: st.DataObject) -> None:
    root, spec = made
    kept = {path: path.read_bytes() for path in (root / name for name in FILES) if path.exists()}
    path, content = data.draw(damage(root))
    try:
        path.write_bytes(content)
        if path.name == "trial_1.json":  # or it is not even read
            (path.parent / "all.jsonl").unlink()
        look_at_all(root, spec)
    finally:
        for name, before in kept.items():
            name.write_bytes(before)


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
