"""The pictures for a paper: what is in them, and the files."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import user_project

from hpo.folder.campaign import require
from hpo.report.pictures.every import Picture, pictures, write

matplotlib = pytest.importorskip("matplotlib")

SPACE = """{'lr': loguniform(1e-4, 1e-1), 'width': [8, 16], '$x_1$': uniform(0, 1),
    'optimizer': [{'name': 'sgd', 'momentum': uniform(0, 1)}, {'name': 'adam'}],
    'max_epochs': 9}"""
TRAIN = """
if trial.trial_id == 3:
    raise RuntimeError("CUDA out of memory")
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch)
"""
NAMES = ["incumbent", "learning_curves", "rungs", "seats", "slices", "importance"]


@pytest.fixture(scope="module")
def with_rungs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with user_project(tmp_path_factory.mktemp("rungs")) as project:
        project.write(TRAIN, space=SPACE, n_trials=40, scheduler={"type": "asha", "max_t": 9})
        project.finish(executor="simulated")
        yield project.output.with_name(project.output.name + "-simulated")


def drawn(picture: Picture) -> Any:
    from matplotlib.figure import Figure

    assert picture.draw is not None, picture.why_not
    figure = Figure(layout="constrained")
    picture.draw(figure)
    return figure


def named(root: Path) -> dict[str, Picture]:
    return {picture.name: picture for picture in pictures(*require(root))}


def test_each_picture_becomes_a_file(with_rungs: Path, tmp_path: Path) -> None:
    found = named(with_rungs)
    assert list(found) == NAMES
    starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
    for kind, start in starts.items():
        for picture in found.values():
            if picture.draw is not None:
                path = write(picture, tmp_path, kind)
                assert path == tmp_path / f"{picture.name}.{kind}"
                assert path.read_bytes().startswith(start)
    assert not list(tmp_path.glob(".*"))


def test_rungs_tell_how_many_results_each_has(with_rungs: Path) -> None:
    (ax,) = drawn(named(with_rungs)["rungs"]).axes
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks[0] == "1\n39 results"
    assert [tick.partition("\n")[0] for tick in ticks] == ["1", "3", "9"]
    dots = {line.get_label(): len(line.get_xdata()) for line in ax.lines}
    assert sum(dots.values()) == sum(int(tick.split()[1]) for tick in ticks)
    assert ax.get_xlabel() == "epoch at which trials are compared"
    assert ax.get_ylabel() == "validation error"


def test_seats_tell_how_many_trained_and_what_the_others_did(with_rungs: Path) -> None:
    above, below = drawn(named(with_rungs)["seats"]).axes
    (line,) = above.lines
    assert max(line.get_ydata()) == 2
    assert line.get_ydata()[-1] == 0
    labels = [text.get_text() for text in below.get_legend().get_texts()]
    assert labels[0] == "trains"
    assert below.get_ylabel() == "seat"


def test_slices_have_a_panel_for_each_hyperparameter_that_is_searched(with_rungs: Path) -> None:
    panels = [ax for ax in drawn(named(with_rungs)["slices"]).axes if ax.get_visible()]
    by_name = {ax.get_xlabel(): ax for ax in panels}
    assert set(by_name) == {r"\$x_1\$", "lr", "width", "optimizer.momentum", "optimizer.name"}
    assert by_name["lr"].get_xscale() == "log"
    assert by_name[r"\$x_1\$"].get_xscale() == "linear"
    low, high = by_name["lr"].get_xlim()
    assert low < 1e-4 < 1e-1 < high
    ticks = [text.get_text() for text in by_name["optimizer.name"].get_xticklabels()]
    assert sorted(ticks) == ["adam", "sgd"]
    points = sum(len(line.get_xdata()) for line in by_name["lr"].lines)
    assert points == 39 + 1, "each trial with a result, and the star on the best"


def test_importance_says_of_which_results_it_is(with_rungs: Path) -> None:
    pytest.importorskip("optuna")
    (ax,) = drawn(named(with_rungs)["importance"]).axes
    assert "39 results at the rung of epoch 1" in ax.get_title(loc="left").replace("\n", " ")
    assert ax.get_yticklabels()[0].get_text() == "lr"


def test_a_campaign_without_rungs_or_results_says_what_is_left_out_and_why(
    tmp_path: Path,
) -> None:
    with user_project(tmp_path) as project:
        project.write('raise ValueError("a bug")', n_trials=2)
        project.run(executor="simulated")
        root = project.output.with_name(project.output.name + "-simulated")
        found = named(root)
        assert "has none" in found["rungs"].why_not
        assert found["slices"].why_not == "no trial has a result yet"
        assert "from 30 results" in found["importance"].why_not
        for name in ("incumbent", "learning_curves", "seats"):
            assert write(found[name], tmp_path, "png").stat().st_size > 1000


def test_of_a_running_campaign_seats_are_drawn_until_its_manager_was_last_seen(
    with_rungs: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(with_rungs, tmp_path / "copy")
    journal = copy / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    claims = [number for number, line in enumerate(lines) if '"LegClaimed"' in line]
    journal.write_text("".join(lines[: claims[3] + 1]))
    start = json.loads(lines[1])["time"]
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps(status | {"updated": start + 7200}))
    above, _ = drawn(named(copy)["seats"]).axes
    (line,) = above.lines
    assert above.figure.axes[1].get_xlabel().endswith("(h)")
    assert line.get_xdata()[-1] == pytest.approx(2)
    assert line.get_ydata()[-1] >= 1


def test_more_hyperparameters_than_panels_leave_the_last_out(with_rungs: Path) -> None:
    from matplotlib.figure import Figure

    slices = named(with_rungs)["slices"]
    draw: Any = slices.draw
    found = draw.keywords["found"] * 6
    figure = Figure(layout="constrained")
    draw(figure, found=[dataclasses.replace(one, name=f"x{i}") for i, one in enumerate(found)])
    assert sum(ax.get_visible() for ax in figure.axes) == 16
