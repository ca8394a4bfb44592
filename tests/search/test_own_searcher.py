"""A searcher of the user's own, named in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import finished, running, state_after
from user_project import Project, user_project

from hpo.errors import SearcherError
from hpo.search.own import OwnSearcher
from hpo.search.searcher import Tried, tried
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
    searcher = OwnSearcher(Says({"y": 5, "x": 2}), SPACE, [{"x": 3}])
    assert searcher.suggest(0, ()) == {"x": 3, "y": 5}
    assert searcher.suggest(1, (), [Tried(0, {"x": 3, "y": 5}, 0.5, 1)]) == {"x": 2, "y": 5}
    assert OwnSearcher(Says(None), SPACE).suggest(0, ()) is None


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


def test_a_wrong_suggestion_stops_the_campaign_which_goes_on_after_the_fix(
    project: Project,
) -> None:
    project.write(REPORT, space=SPACE_TEXT, max_concurrent_jobs=1, searcher="own.py:broken_later")
    done = project.run()
    assert done.returncode == 2
    assert "suggested for trial 2 x=7.0, which is not in uniform" in done.stdout
    (project.folder / "mended").touch()
    project.finish()
    assert sorted(project.started().items()) == [(0, 1), (1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("own.py:Uphil", "no function 'Uphil' in .*; is Uphill meant?"),
        ("none.py:Uphill", "'searcher' in get_hpo_config\\(\\): there is no file none.py"),
        ("own.py:LOG", "is a str and cannot be called"),
        ("pathlib:Path", "could not be made with \\(space, seed\\): TypeError"),
        ("builtins:print", "made a NoneType, which has no method suggest"),
        ("Uphill", "must be 'package.module:function' or 'file.py:function'"),
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


def test_it_is_told_what_has_a_result() -> None:
    state = state_after([*running(0, 1), finished(1, 0.5, job_id="1")])
    (one,) = tried(state)
    assert (one.trial_id, one.error) == (1, 0.5)
    assert one.config == state.trials[1].config
