"""The two plots of a campaign: the incumbent and the learning curves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hpo
from hpo.errors import HpoError
from hpo.report.frames import CampaignResults

matplotlib = pytest.importorskip("matplotlib")

START = 1_700_000_000.0  # s since 1970


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    matplotlib.use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


class Campaign:
    """The files of a campaign, as far as results are read from them."""

    def __init__(
        self,
        folder: Path,
        *,
        metric: str = "validation_error",
        mode: str = "min",
        trial_value: str = "last",
    ) -> None:
        self.folder = folder
        self.metric = metric
        (folder / "results").mkdir(parents=True)
        settings = {"hpo": {"metric": metric, "mode": mode, "trial_value": trial_value}}
        (folder / "campaign.json").write_text(json.dumps({"settings": settings}))

    def add(
        self,
        trial_id: int,
        values: Sequence[float | None],
        *,
        start: float = 0.0,
        status: str = "completed",
        step: float = 60.0,
        error: float | None = None,
    ) -> Campaign:
        """A trial that reports every `step` seconds from `start` on."""
        reports = [
            {
                "epoch": epoch,
                self.metric: value,
                "time": START + start + epoch * step,
                "elapsed": epoch * step,
            }
            for epoch, value in enumerate(values, 1)
        ]
        self.write(trial_id, reports, status=status, start=start, error=error)
        return self

    def write(
        self,
        trial_id: int,
        reports: list[dict[str, Any]],
        *,
        status: str,
        start: float,
        error: float | None = None,
    ) -> None:
        last = reports[-1][self.metric] if reports and status != "failed" else None
        result = {
            "trial_id": trial_id,
            "status": status,
            "error": last if error is None else error,
            "config": {"lr": 0.1},
            "reports": reports,
            "additional_info": {"training_time": 1.0, "start_time": START + start},
        }
        (self.folder / "results" / f"trial_{trial_id}.json").write_text(json.dumps(result))

    def load(self) -> CampaignResults:
        return hpo.load_campaign(self.folder)


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign(tmp_path / "campaign")


def line(ax: Any, label: str) -> Any:
    (found,) = [line for line in ax.lines if str(line.get_label()).startswith(label)]
    return found


def texts(ax: Any) -> str:
    legend = ax.get_legend()
    labels = [] if legend is None else [text.get_text() for text in legend.get_texts()]
    return " | ".join([*labels, *(text.get_text() for text in ax.texts)])


class TestIncumbent:
    def test_where_the_best_report_counts_it_never_steps_up(self, tmp_path: Path) -> None:
        campaign = Campaign(tmp_path / "best", trial_value="best")
        campaign.add(0, [0.5, 0.1, 0.4], error=0.1).add(1, [0.45, 0.2], start=90)
        ax = campaign.load().plot()
        best = line(ax, "best trial so far")
        assert best.get_ydata() == pytest.approx([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
        (star,) = [found for found in ax.lines if found.get_marker() == "*"]
        assert star.get_xdata() == pytest.approx([2])
        assert star.get_ydata() == pytest.approx([0.1])
        assert "best report of a trial" in texts(ax)

    def test_follows_what_the_best_trial_is_worth_until_the_last(self, campaign: Campaign) -> None:
        campaign.add(0, [0.5, 0.3, 0.4]).add(1, [0.45, 0.2], start=90).add(2, [0.9], start=540)
        ax = campaign.load().plot()
        best = line(ax, "best trial so far")
        assert best.get_drawstyle() == "steps-post"
        assert ax.get_xlim()[0] == 0
        assert best.get_xdata() == pytest.approx([1, 2, 2.5, 3, 3.5, 10, 10])  # minutes
        assert best.get_ydata() == pytest.approx([0.5, 0.3, 0.3, 0.4, 0.2, 0.2, 0.2])
        assert "best trial: 1, validation error 0.2" in texts(ax)

    def test_mode_max_steps_up(self, tmp_path: Path) -> None:
        campaign = Campaign(tmp_path / "max", metric="accuracy", mode="max")
        campaign.add(0, [0.6, 0.5]).add(1, [0.55, 0.8], start=30).add(2, [0.1], start=60)
        ax = campaign.load().plot()
        assert line(ax, "best trial so far").get_ydata()[[0, -1]] == pytest.approx([0.6, 0.8])
        assert "best trial: 1, accuracy 0.8" in texts(ax)
        assert ax.get_ylabel() == "accuracy"
        # What is too bad for the axis points downwards there.
        assert line(ax, "the same, beyond").get_marker() == "v"

    def test_bad_trials_do_not_flatten_it(self, campaign: Campaign) -> None:
        for trial_id, error in enumerate([0.02, 0.03, 0.025, 40.0]):
            campaign.add(trial_id, [error], start=60 * trial_id)
        ax = campaign.load().plot()
        assert ax.get_ylim()[1] < 0.04
        assert line(ax, "the same, beyond").get_xdata() == pytest.approx([4])

    def test_a_failed_trial_is_never_the_best(self, campaign: Campaign) -> None:
        campaign.add(0, [0.1], status="failed").add(1, [0.5], start=60)
        ax = campaign.load().plot()
        assert line(ax, "best trial so far").get_ydata() == pytest.approx([0.5, 0.5])
        assert "best trial: 1" in texts(ax)

    def test_not_finite_reports_are_passed_over(self, campaign: Campaign) -> None:
        campaign.add(0, [0.5, None, 0.5]).add(1, [0.1, None], start=30)
        ax = campaign.load().plot()
        assert line(ax, "best trial so far").get_ydata() == pytest.approx([0.5, 0.5, 0.5])
        assert "best trial: 0" in texts(ax)

    def test_equal_results_name_the_trial_that_was_first(self, campaign: Campaign) -> None:
        campaign.add(0, [0.3], start=300).add(1, [0.3])
        assert "best trial: 1" in texts(campaign.load().plot())


class TestLearningCurves:
    def test_each_trial_has_its_colour_markers_and_name(self, campaign: Campaign) -> None:
        for trial_id in range(10):
            campaign.add(trial_id, [0.5, 0.4 - 0.01 * trial_id], start=60 * trial_id)
        ax = campaign.load().plot_learning_curves()
        curves = [line(ax, f"trial {trial_id}") for trial_id in range(10)]
        assert len({curve.get_color() for curve in curves}) == 10
        assert {curve.get_marker() for curve in curves} == {"o"}
        assert curves[3].get_xdata() == pytest.approx([4, 5])
        assert "trial 9, the best" in texts(ax)
        assert ax.get_xlabel() == "wall-clock time since the first trial started (min)"
        assert ax.get_ylabel() == "validation error"

    def test_many_trials_have_a_colour_bar(self, campaign: Campaign) -> None:
        for trial_id in range(30):
            campaign.add(trial_id, [0.5, 0.4 + 0.01 * trial_id])
        ax = campaign.load().plot_learning_curves()
        _, bar = ax.figure.axes
        assert bar.get_ylabel() == "trial number"
        drawn: Any = ax.collections
        lines, _, points = drawn
        assert len(np.unique(lines.get_colors(), axis=0)) == len(lines.get_paths()) == 29
        assert len(points.get_offsets()) == 58
        (best,) = ax.lines
        assert best.get_color() == "C1"
        assert texts(ax) == "trial 0, the best"

    def test_marks_failed_and_diverged_trials(self, campaign: Campaign) -> None:
        campaign.add(0, [0.5, 0.4]).add(1, [0.6, 0.7], status="failed").add(2, [], status="failed")
        campaign.add(3, [0.3, 0.8, None]).add(4, [None])
        ax = campaign.load().plot_learning_curves()
        failed, diverged = line(ax, "failed"), line(ax, "not finite")
        assert (failed.get_xdata(), failed.get_ydata()) == (pytest.approx([2]), [0.7])
        assert (diverged.get_xdata(), diverged.get_ydata()) == (pytest.approx([2]), [0.8])
        assert "1 failed before a report" in texts(ax)
        assert "1 never finite" in texts(ax)

    def test_dots_join_the_attempts_of_a_trial_that_paused(self, campaign: Campaign) -> None:
        def report(epoch: int, *, elapsed: float, start: float) -> dict[str, Any]:
            time = START + start + elapsed
            return {"epoch": epoch, "validation_error": 1 / epoch, "time": time, "elapsed": elapsed}

        before = [report(epoch, elapsed=60.0 * epoch, start=0) for epoch in (1, 2)]
        after = [report(epoch, elapsed=60.0 * (epoch - 2), start=600) for epoch in (3, 4)]
        campaign.write(0, before + after, status="completed", start=600)
        results = campaign.load()
        # Counted from the first attempt, of which the result's start_time knows nothing.
        assert results.reports["wallclock"].tolist() == pytest.approx([60, 120, 660, 720])
        curves = results.plot_learning_curves().lines
        drawn = [(x.get_linestyle(), np.asarray(x.get_xdata()).tolist()) for x in curves]
        assert drawn == [("-", [1, 2]), ("-", [11, 12]), (":", [2, 11])]

    def test_dots_join_the_attempts_also_where_there_are_many_trials(
        self, campaign: Campaign
    ) -> None:
        report = {"epoch": 1, "validation_error": 0.5}
        for trial_id in range(20):
            made = [
                report | {"time": START + 100 * trial_id + at, "elapsed": elapsed}
                for at, elapsed in ((60, 60), (120, 120), (660, 60))
            ]
            campaign.write(trial_id, made, status="paused", start=100.0 * trial_id)
        drawn: Any = campaign.load().plot_learning_curves().collections
        lines, gaps, points = drawn
        assert [len(path) for path in lines.get_paths()] == [2, 1] * 19
        assert gaps.get_segments()[0][:, 0].tolist() == pytest.approx([220 / 60, 760 / 60])
        assert len(gaps.get_segments()) == 19
        assert len(points.get_offsets()) == 57

    @pytest.mark.parametrize(
        ("values", "scale"),
        [
            ([5.0, 0.049], "log"),
            ([5.0, 0.051], "linear"),
            ([5.0, 0.0], "linear"),
            ([-1, 9], "linear"),
        ],
    )
    def test_logarithmic_beyond_two_decades_of_positive_values(
        self, campaign: Campaign, values: list[float], scale: str
    ) -> None:
        results = campaign.add(0, values).load()
        assert results.plot_learning_curves().get_yscale() == scale
        assert results.plot().get_yscale() == scale


class TestBoth:
    @pytest.mark.parametrize("method", ["plot", "plot_learning_curves"])
    def test_say_so_where_nothing_is_finished(self, campaign: Campaign, method: str) -> None:
        ax = getattr(campaign.load(), method)()
        assert texts(ax) == "no trial with a finite validation error yet"
        campaign.add(0, [], status="failed").add(1, [None])
        ax = getattr(campaign.load(), method)()
        assert texts(ax) == "no trial with a finite validation error yet; 1 failed"

    @pytest.mark.parametrize("method", ["plot", "plot_learning_curves"])
    def test_draw_one_report_of_one_trial(
        self, campaign: Campaign, method: str, tmp_path: Path
    ) -> None:
        ax = getattr(campaign.add(0, [0.5], step=1.0).load(), method)()
        assert ax.get_xlabel().endswith("(s)")
        ax.figure.savefig(tmp_path / "one.pdf")
        assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")

    @pytest.mark.parametrize("method", ["plot", "plot_learning_curves"])
    def test_draw_into_the_users_axes(self, campaign: Campaign, method: str) -> None:
        from matplotlib import pyplot

        _, axes = pyplot.subplots(1, 2)
        results = campaign.add(0, [0.5, 0.4]).load()
        assert getattr(results, method)(ax=axes[1]) is axes[1]
        assert not axes[0].lines
        assert pyplot.get_fignums() == [1]

    @pytest.mark.parametrize(
        ("span_s", "unit"), [(100, "s"), (600, "min"), (6 * 3600, "h"), (5 * 86400, "days")]
    )
    def test_time_is_in_a_unit_that_fits(
        self, campaign: Campaign, span_s: float, unit: str
    ) -> None:
        ax = campaign.add(0, np.linspace(0.5, 0.4, 10).tolist(), step=span_s / 10).load().plot()
        assert ax.get_xlabel().endswith(f"({unit})")

    def test_without_matplotlib_the_error_names_the_extra(
        self, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        results = campaign.add(0, [0.5]).load()
        for method in (results.plot, results.plot_learning_curves):
            with pytest.raises(HpoError, match=r"pip install 'hpo-campaign\[report\]'"):
                method()
