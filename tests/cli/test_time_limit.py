"""The limit of time for a searcher: late ones are left alone, and the campaign goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from user_project import user_project

from hpo.cli.searchers import searcher_problems
from hpo.cli.time_limit import TimeLimit
from hpo.search.own import OwnSearcher, WithFallback
from hpo.search.random import AsyncRandomSearch
from hpo.space.space import read_space

SPACE, _ = read_space({"x": [1, 2, 3]})


def test_what_is_in_time_is_given_and_what_is_raised_is_raised() -> None:
    limit = TimeLimit(30.0)
    assert limit(lambda: 7) == 7
    with pytest.raises(SystemExit):
        limit(lambda: exit(3))


def test_what_is_late_is_not_waited_for_and_asked_again_once_it_is_free() -> None:
    limit, gate = TimeLimit(0.05), threading.Event()
    with pytest.raises(TimeoutError, match=r"took longer than 0\.05 s"):
        limit(gate.wait)
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="still busy"):
        limit(lambda: 7)
    assert time.monotonic() - begin < 0.05
    gate.set()
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        try:
            assert limit(lambda: 7) == 7
        except TimeoutError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("it stayed busy")


class Hangs:
    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    def suggest(self, trial_id: int, taken: object, results: object = ()) -> dict[str, int]:
        if trial_id == 1:
            self.gate.wait()
        return {"x": 2}


def test_a_searcher_that_hangs_is_stood_in_for() -> None:
    told: list[str] = []
    gate = threading.Event()
    own = OwnSearcher(Hangs(gate), SPACE, TimeLimit(0.05))
    searcher = WithFallback(own, SPACE, 3, [], told.append)
    assert searcher.suggest(0, ()) == {"x": 2}
    assert searcher.suggest(1, ()) == AsyncRandomSearch(SPACE, 3).suggest(1, ())
    assert searcher.suggest(2, ()) == AsyncRandomSearch(SPACE, 3).suggest(2, ())
    gate.set()
    assert told[0].startswith("the searcher Hangs took longer than 0.05 s, for trial 1. The trial")
    assert "still busy" in told[1]


def test_one_that_hangs_at_once_or_leaves_is_told_before_anything_starts(tmp_path: Path) -> None:
    with user_project(tmp_path):
        (tmp_path / "slow.py").write_text(
            "import threading\n"
            "class Slow:\n"
            "    def __init__(self, space, seed): pass\n"
            "    def suggest(self, trial_id, taken, results=()): threading.Event().wait()\n"
            "class Leaves(Slow):\n"
            "    def suggest(self, trial_id, taken, results=()): raise SystemExit(4)\n"
        )
        (problem,) = searcher_problems(f"{tmp_path}/slow.py:Slow", SPACE, 0, (), limit_s=0.05)
        assert problem == "the searcher Slow took longer than 0.05 s, for trial 0"
        (problem,) = searcher_problems(f"{tmp_path}/slow.py:Leaves", SPACE, 0, ())
        assert "the searcher Leaves raised SystemExit for trial 0: 4" in problem
        assert "slow.py, line 6" in problem
