"""A searcher of the user's own, named in the configuration."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asha_game import Game
from histories import NOW, failed, finished, lost, running, state_after
from user_project import Project, user_project

from hpo.decisions.asha import Asha
from hpo.errors import SearcherError
from hpo.record import events as ev
from hpo.search.own import OwnSearcher, WithFallback
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Tried, history
from hpo.space.domains import uniform
from hpo.space.space import read_space

SEARCHER = """
class Uphill:
    def __init__(self, space, seed):
        self.seed = seed

    def suggest(self, trial_id, taken, results=()):
        known = {t.trial_id: t.error for t in results}
        with open(LOG, "a") as log:
            print(trial_id, sorted(known), file=log)
        best = min(known, key=known.get, default=None)
        return {"x": 0.5 if best is None else 0.5 + 0.05 * trial_id, "max_epochs": 1}

def broken_later(space, seed):
    import os.path

    class Broken(Uphill):
        def suggest(self, trial_id, taken, results=()):
            if trial_id == 2 and not os.path.exists(MENDED):
                return {"x": 7.0, "max_epochs": 1}
            return super().suggest(trial_id, taken, results)

    return Broken(space, seed)
"""
SPACE_TEXT = '{"x": uniform(0.0, 1.0), "max_epochs": 1}'
REPORT = "trial.report(epoch=1, validation_error=(config['x'] - 0.7) ** 2)"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as made:
        names = f"LOG = {str(tmp_path / 'log.txt')!r}\nMENDED = {str(tmp_path / 'mended')!r}\n"
        (tmp_path / "own.py").write_text(names + SEARCHER)
        yield made


SPACE, _ = read_space({"x": [1, 2, 3], "y": 5})


class Says:
    def __init__(self, what: Any) -> None:
        self.what = what

    def suggest(self, trial_id: int, taken: object, results: object = ()) -> Any:
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


@pytest.mark.parametrize(
    ("suggested", "words"),
    [
        ([1], "a list; it must be a dict, or None at the end"),
        ({"x": 1}, "no y; the space has x, y"),
        ({"x": 1, "y": 5, "z": 0}, "z; the space has x, y"),
        ({"x": 4, "y": 5}, r"x=4, which is not in choice"),
        (ZeroDivisionError("by zero"), "raised ZeroDivisionError for trial 3: by zero"),
    ],
)
def test_a_wrong_suggestion_is_refused_and_says_what_is_wrong(suggested: Any, words: str) -> None:
    with pytest.raises(SearcherError, match=words):
        OwnSearcher(Says(suggested), SPACE).suggest(3, ())


def test_a_suggestion_is_taken_as_plain_data_after_the_points_to_evaluate() -> None:
    told: list[str] = []
    own = OwnSearcher(Says({"y": 5, "x": 2}), SPACE)
    searcher = WithFallback(own, SPACE, 0, [{"x": 3}], told.append)
    assert searcher.suggest(0, ()) == {"x": 3, "y": 5}
    assert searcher.suggest(1, (), [Tried(0, {"x": 3, "y": 5}, 0.5, 1)]) == {"x": 2, "y": 5}
    assert OwnSearcher(Says(None), SPACE).suggest(0, ()) is None
    assert told == []


def test_what_stands_in_for_a_wrong_suggestion_is_what_random_search_draws() -> None:
    told: list[str] = []
    searcher = WithFallback(OwnSearcher(Says({"x": 7}), SPACE), SPACE, 4, [], told.append)
    drawn = AsyncRandomSearch(SPACE, 4).suggest(9, ())
    assert searcher.suggest(9, ()) == drawn
    assert told[0].startswith("the searcher Says suggested for trial 9 no y")
    assert "drawn at random instead" in told[0]


def test_a_campaign_draws_from_it_and_tells_it_the_results(project: Project) -> None:
    project.write(
        REPORT, space=SPACE_TEXT, n_trials=5, max_concurrent_jobs=1, searcher="own.py:Uphill"
    ).finish()
    assert project.final()["best_trial_id"] == 4
    told = [line.split(" ", 1) for line in project.notes("log.txt")[1:]]  # after the check
    assert [int(trial_id) for trial_id, _ in told] == [0, 1, 2, 3, 4]
    # One job at a time: a trial is drawn when the one before it has been taken, or has ended.
    for trial_id, known in told:
        earlier = list(range(int(trial_id)))
        assert known in (str(earlier[:-1]), str(earlier))
    assert project.final()["best_error"] == pytest.approx(0.0)


def test_a_campaign_with_a_searcher_of_this_program(project: Project) -> None:
    tpe = {"name": "tpe", "n_initial": 4}
    project.write(REPORT, space=SPACE_TEXT, n_trials=8, searcher=tpe).finish()
    drawn = [
        json.loads((project.output / f"results/trial_{i}.json").read_text())["config"]
        for i in range(8)
    ]
    space, _ = read_space({"x": uniform(0.0, 1.0), "max_epochs": 1})
    random = [AsyncRandomSearch(space, 7).suggest(i, ()) for i in range(8)]
    assert drawn[:4] == random[:4]
    assert all(one != other for one, other in zip(drawn[4:], random[4:], strict=True))


def test_where_it_fails_a_random_draw_stands_in_and_the_campaign_goes_on(project: Project) -> None:
    project.write(REPORT, space=SPACE_TEXT, max_concurrent_jobs=1, searcher="own.py:broken_later")
    done = project.run()
    assert done.returncode == 0
    assert "suggested for trial 2 x=7.0, which is not in uniform" in done.stdout
    assert "drawn at random instead" in done.stdout
    assert sorted(project.started().items()) == [(0, 1), (1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("own.py:Uphil", "no function 'Uphil' in .*; is Uphill meant?"),
        ("none.py:Uphill", "'searcher' in get_hpo_config\\(\\): there is no file none.py"),
        ("own.py:LOG", "is a str and cannot be called"),
        ("pathlib:Path", "could not be made with \\(space, seed\\): TypeError"),
        ("builtins:print", "made a NoneType, which has no method suggest"),
        ("Uphill", "must be random, sobol, grid, local, tpe, gp, .* not 'Uphill'"),
    ],
)
def test_a_reference_that_is_no_searcher_is_told_before_anything_starts(
    project: Project, reference: str, words: str
) -> None:
    done = project.write(REPORT, space=SPACE_TEXT, searcher=reference).run()
    assert done.returncode == 2
    assert re.search(words, done.stderr), done.stderr
    assert not project.output.exists()


def test_another_searcher_is_another_search(project: Project) -> None:
    project.write(REPORT, space=SPACE_TEXT, searcher="own.py:Uphill").finish()
    done = project.write(REPORT, space=SPACE_TEXT, searcher="own.py:broken_later").run()
    assert done.returncode == 2
    assert "searcher: own.py:Uphill -> own.py:broken_later" in done.stderr


def test_it_is_told_all_that_is_known() -> None:
    state = state_after(
        [
            *running(0, 1, 2, 3, 4),
            finished(1, 0.5, job_id="1"),
            finished(2, None, job_id="2"),
            failed(3, job_id="3"),
            ev.TrialFailed(NOW, 3, "ValueError", "bad 3"),
            lost(4, job_id="4"),
            ev.TrialFailed(NOW, 4, "lost_too_often", "lost 21 times"),
        ]
    )
    known = history(state)
    known.add_drawn(5, {"lr": 0.1})
    (one,) = known
    assert (one.trial_id, one.error, one.errors, one.seconds) == (1, 0.5, {9: 0.5}, 12.5)
    assert one.config == state.trials[1].config
    assert [(tried.trial_id, tried.cause) for tried in known.failed] == [
        (2, "diverged"),
        (3, "ValueError"),
        (4, "lost_too_often"),
    ]
    assert [tried.trial_id for tried in known.pending] == [0, 5]
    # What the cluster did says nothing of a configuration.
    expected = [None, 0.5, math.inf, math.inf, None, None]
    assert [tried.error_at(9) for tried in known.trials] == expected


def test_at_rungs_each_result_is_told_where_it_was_reached() -> None:
    game = Game(Asha(max_t=9))
    for metric in (0.3, 0.2, 0.1):
        game.run(metric)
    assert game.run(0.05) == (2, 1)
    best = history(game.state).trials[2]
    assert (best.errors, best.status, best.final) == ({1: 0.1, 3: 0.05}, "paused", False)
    assert [best.error_at(resource) for resource in (1, 2, 3, 9)] == [0.1, 0.05, 0.05, None]
    game.run(None)
    diverged = history(game.state).trials[3]
    assert (diverged.cause, diverged.error_at(9)) == ("diverged", math.inf)


def test_with_mode_max_smaller_is_better_all_the_same() -> None:
    state = state_after([*running(0), finished(0, 0.5, job_id="0")], mode="max")
    (one,) = history(state)
    assert (one.error, one.errors) == (-0.5, {9: -0.5})
