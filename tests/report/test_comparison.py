"""Campaigns compared: medians and quartiles over repeated seeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from user_project import user_project

import hpo
from hpo.errors import SettingsError

TRAIN = "for epoch in trial.epochs(): trial.report(epoch=epoch, validation_error=config['lr'])"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Three campaigns that differ in their seed, one that compares by another metric."""
    with user_project(tmp_path_factory.mktemp("compared")) as project:
        made = []
        for seed in (1, 2, 3):
            project.write(TRAIN, n_trials=6, seed=seed, output_dir=f"results/{seed}")
            project.finish(executor="simulated")
            made.append(project.output.with_name(f"{seed}-simulated"))
        other = TRAIN.replace("validation_error", "accuracy")
        project.write(other, n_trials=2, output_dir="results/9", metric="accuracy", mode="max")
        project.finish(executor="simulated")
        yield [*made, project.output.with_name("9-simulated")]


def best(folder: Path) -> float:
    return float(hpo.load_campaign(folder).trials["error"].min())


def test_the_median_ends_at_that_of_the_results(folders: list[Path]) -> None:
    found = hpo.compare(folders[:3])
    assert found.frame["label"].nunique() == 1, "they differ in their seed alone"
    last = found.frame.iloc[-1]
    values = sorted(best(folder) for folder in folders[:3])
    assert last["median"] == values[1]
    assert (last["lower"], last["upper"]) == (values[0], values[2])
    assert last["n"] == 3
    assert found.frame["median"].dropna().is_monotonic_decreasing
    assert np.isnan(found.frame["median"].iloc[0]), "one result of three tells no median"
    assert (found.frame["n"].diff().dropna() >= 0).all()


def test_labels_say_what_belongs_together(folders: list[Path]) -> None:
    found = hpo.compare({"two": folders[:2], "one": [str(folders[2])]}, over="hours")
    ends = found.frame.groupby("label", sort=False).last()
    assert list(ends.index) == ["two", "one"]
    assert ends.loc["two", "median"] == pytest.approx(np.mean([best(f) for f in folders[:2]]))
    assert ends.loc["one", "median"] == ends.loc["one", "lower"] == best(folders[2])
    for run in found.runs:
        status = hpo.load_campaign(run.folder)
        assert run.end == pytest.approx(status.trials["training_time"].sum() / 3600, rel=0.3)


def test_the_picture_has_a_line_for_each_label(folders: list[Path]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    ax = hpo.compare({"two": folders[:2], "a $x$": [folders[2]]}).plot()
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["two (2 campaigns)", r"a \$x\$ (1 campaign)"]
    assert len(ax.collections) == 1, "a range only where there are several"
    assert ax.get_ylabel() == "best validation error so far"
    assert hpo.compare([folders[0]], over="hours").plot().get_xlabel() in ("GPU-hours", "job-hours")


def test_where_more_is_better_the_best_rises(folders: list[Path]) -> None:
    found = hpo.compare(folders[3])
    assert found.frame["median"].is_monotonic_increasing
    assert found.goal.mode == "max"


def test_all_problems_are_told_at_once(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        hpo.compare([folders[0], folders[3], tmp_path / "none"])
    assert len(caught.value.problems) == 2
    assert "the campaigns do not compare" in str(caught.value)
    with pytest.raises(SettingsError, match="no campaign was named"):
        hpo.compare([])
    with pytest.raises(SettingsError, match='must be "time" or "hours"'):
        hpo.compare(folders, over="epochs")  # type: ignore[arg-type]
