"""Who may import what, and how long a file may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hpo

PACKAGE = Path(hpo.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300

CORE = {
    "hpo.errors",
    "hpo.events",
    "hpo.state",
    "hpo.trial_state",
    "hpo.pace",
    "hpo.limits",
    "hpo.needs",
    "hpo.usage",
    "hpo.usage_words",
    "hpo.last_resorts",
    "hpo.seat_kinds",
    "hpo.storage_rest",
    "hpo.scheduler",
    "hpo.whole_trials",
    "hpo.asha",
    "hpo.causes",
    "hpo.invariants",
    "hpo.lost_work",
    "hpo.rung",
    "hpo.node_blame",
    "hpo.seats",
    "hpo.seat_plan",
    "hpo.seat_fit",
    "hpo.vain_seats",
    "hpo.legs_to_come",
    "hpo.array_limits",
    "hpo.narration",
    "hpo.story",
    "hpo.stay",
    "hpo.json_values",
    "hpo.space",
    "hpo.domains.base",
    "hpo.domains",
    "hpo.domains.listed",
    "hpo.domains.numeric",
    "hpo.domains.scipy_frozen",
}
# Nothing here reads a file, a clock or chance; of logging, only the levels are used.
CORE_MAY_USE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "json",
    "keyword",
    "logging",
    "math",
    "numpy",
    "statistics",
    "typing",
    "warnings",
}
CONCRETE_CLUSTERS = {
    f"hpo.cluster.{path.stem}"
    for path in (PACKAGE / "cluster").glob("*.py")
    if path.stem not in ("__init__", "base")
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}
CORE_FILES = [name for name in MODULES if name in CORE or name.startswith("hpo.search")]


def imported_by(path: Path) -> Iterator[str]:
    """Every module that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name lives"
            assert node.module is not None
            below = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            yield from below or {node.module}


def test_the_rules_below_know_the_modules_they_are_about() -> None:
    assert set(MODULES) >= CORE
    assert len(CONCRETE_CLUSTERS) >= 3


@pytest.mark.parametrize("name", CORE_FILES)
def test_the_core_imports_only_the_core_and_what_does_no_input_or_output(name: str) -> None:
    for imported in imported_by(MODULES[name]):
        if imported.split(".")[0] == "hpo":
            assert imported in CORE_FILES
        else:
            assert imported.split(".")[0] in CORE_MAY_USE


@pytest.mark.parametrize(
    "name",
    [
        "hpo.manager",
        "hpo.seat_keeper",
        "hpo.avoidance",
        "hpo.observe",
        "hpo.reconcile",
        "hpo.summary",
    ],
)
def test_the_manager_knows_no_particular_cluster(name: str) -> None:
    assert not CONCRETE_CLUSTERS & set(imported_by(MODULES[name]))


def test_only_the_clusters_import_submitit() -> None:
    users = {n for n, path in MODULES.items() if any(_is_submitit(i) for i in imported_by(path))}
    assert users
    assert all(name.startswith("hpo.cluster.") for name in users)


def _is_submitit(module: str) -> bool:
    return module.split(".")[0] == "submitit"


def loaded_after(*modules: str) -> set[str]:
    """Top-level names of all modules that importing these loads in a fresh interpreter."""
    program = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *modules],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_manager_and_the_command_line_load_no_torch_and_no_plots() -> None:
    commands = [name for name in MODULES if name.startswith("hpo.cli")]
    assert "hpo.cli.run" in commands
    loaded = loaded_after("hpo.manager", *commands)
    assert not loaded & {"torch", "matplotlib", "plotly"}


def test_a_job_loads_nothing_slow_before_the_users_code() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy", "yaml", "rich", "psutil"}
    slow |= {"argparse", "asyncio", "difflib", "shutil", "socket", "tempfile"}
    assert not loaded_after("hpo.worker", "hpo.seat", "hpo.fresh_process") & slow


def test_a_job_of_one_trial_loads_what_only_some_need_when_they_need_it() -> None:
    some = {"subprocess", "hashlib", "random"}
    assert not loaded_after("hpo.worker") & some


def test_processes_that_the_users_code_spawns_do_not_load_the_job() -> None:
    # multiprocessing imports there what was started by `python -m`.
    assert "logging" not in loaded_after("hpo.slurm_seat")


def test_asking_for_help_loads_nothing_slow() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy"}
    assert not loaded_after("hpo", "hpo.cli") & slow


def test_asking_why_loads_nothing_slow() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy", "rich", "yaml"}
    assert not loaded_after("hpo.cli.why") & slow


@pytest.mark.parametrize("folder", ["hpo", "tests", "benchmarks"])
def test_every_module_is_short_and_says_what_it_is_for(folder: str) -> None:
    paths = list((PACKAGE.parent / folder).rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    assert [path for path, text in texts.items() if text.count("\n") > MAX_LINES] == []
    assert [path for path, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []
