"""The public names: one list, each loads when it is used, and users' code needs nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_runs import ROOT

import hpo

PUBLIC = {
    # what an objective sees
    *("Trial", "Reporter", "TrialInterrupted"),
    # where to search
    *("Space", "read_space", "canonical"),
    *("choice", "constant", "lograndint", "loguniform"),
    *("ordinal", "quantized", "randint", "uniform"),
    # how to search
    *("Searcher", "Tried", "AsyncRandomSearch"),
    *("Scheduler", "Limits", "WholeTrials", "Asha"),
    # what came of it
    *("load_campaign", "CampaignResults", "compare", "errors"),
    # a campaign from Python
    *("Campaign", "ASHA", "SLURM", "Run", "attach"),
    # a loop of one's own
    *("ask_tell", "Study"),
}
PYTHON = [*(ROOT / "examples").rglob("*.py"), *(ROOT / "hpo" / "config").glob("*.py")]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_list_is_this() -> None:
    assert sorted(hpo.__all__) == sorted(PUBLIC)
    assert set(dir(hpo)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_name_loads_and_says_what_it_is(name: str) -> None:
    assert getattr(hpo, name).__doc__


def test_what_is_not_in_the_list_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'hpo' has no attribute 'Manager'"):
        hpo.Manager  # noqa: B018


def test_a_scheduler_can_be_built_of_public_names() -> None:
    search = hpo.AsyncRandomSearch({"lr": hpo.loguniform(1e-4, 1.0)}, seed=0)
    for legs in (hpo.WholeTrials(), hpo.Asha(max_t=9)):
        assert isinstance(hpo.Scheduler(search, hpo.Limits(n_trials=4), legs), hpo.Scheduler)


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_examples_import_only_what_is_public(path: Path) -> None:
    assert private_imports(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_import_only_what_is_public(path: Path) -> None:
    for block in BLOCK.findall(path.read_text(encoding="utf-8")):
        assert private_imports(block) == []


@pytest.mark.parametrize(
    "line",
    [
        "import hpo.trial.trial",
        "from hpo.trial.trial import Trial",
        "from hpo import Manager",
        "def f():\n    from hpo.space import space",
    ],
)
def test_a_private_import_is_seen(line: str) -> None:
    assert len(private_imports(line)) == 1


def private_imports(text: str) -> list[str]:
    """What a program imports from `hpo` beyond the public names and the shipped examples."""
    return [name for name in imported(ast.parse(text)) if not is_public(name)]


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_public(name: str) -> bool:
    package, *inside = name.split(".")
    return package != "hpo" or not inside or inside[0] in {"config", *hpo.__all__}
