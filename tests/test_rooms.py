"""The rooms of the house: what may be imported where, and what an interpreter loads.

The contracts are in `.importlinter`; `make lint` checks that they are kept, and here each one is
seen to fail on a planted fault.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hpo

PACKAGE = Path(hpo.__file__).parent
ROOT = PACKAGE.parent

FLOORS = "The floors of the house"
PURE = "What decides reads no file, no clock, no cluster"
SEAM = "The manager knows no particular cluster"
JOB = "A job imports no settings and nothing that people read"
SUBMITIT = "Only the SLURM cluster imports submitit"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, to plant faults in."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(PACKAGE, folder / "hpo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("folder/files.py", "import hpo.job.leg", [FLOORS]),
        ("report/story.py", "import hpo.settings.search", [FLOORS, PURE]),
        ("new_room/__init__.py", "", [FLOORS]),
        ("decisions/asha.py", "import time", [PURE]),
        ("space/space.py", "from pathlib import Path", [PURE]),
        ("manager/observe.py", "import hpo.cluster.slurm.commands", [SEAM]),
        ("trial/trial.py", "import hpo.decisions.limits", [JOB]),
        ("manager/loop.py", "import submitit", [SUBMITIT]),
    ],
)
def test_a_fault_breaks_its_contract(copy: Path, module: str, line: str, broken: list[str]) -> None:
    file = copy / "hpo" / module
    before = file.read_text(encoding="utf-8") if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    try:
        file.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
        told = contracts(copy)
    finally:
        if before is None:
            shutil.rmtree(file.parent)
        else:
            file.write_text(before, encoding="utf-8")
    assert all(f"{name} BROKEN" in told for name in broken), told


def contracts(folder: Path) -> str:
    """What import-linter says of a package."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlinter.cli as c; c.lint_imports_command()",
            "--no-cache",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_module_says_what_it_is_for() -> None:
    folders = [PACKAGE, ROOT / "tests", ROOT / "benchmarks"]
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    assert [p for p in paths if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


def loaded_after(*modules: str) -> set[str]:
    """Top-level names of all modules that importing these loads in a fresh interpreter."""
    program = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_manager_and_the_command_line_load_no_torch_and_no_plots() -> None:
    commands = [f"hpo.cli.{path.stem}" for path in (PACKAGE / "cli").glob("[!_]*.py")]
    assert "hpo.cli.run" in commands
    loaded = loaded_after("hpo.manager.loop", *commands)
    assert not loaded & {"torch", "matplotlib", "textual", "optuna"}


def test_the_manager_reads_the_examples_without_torch_and_their_jobs_load_no_scipy() -> None:
    examples = ("hpo.config.digits_example", "hpo.config.mlp_example")
    assert not loaded_after(*examples) & {"torch", "scipy", "pandas", "sklearn"}


def test_a_job_loads_nothing_slow_before_the_users_code() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy", "yaml", "rich", "psutil"}
    slow |= {"argparse", "asyncio", "difflib", "shutil", "socket", "tempfile"}
    assert not loaded_after("hpo.job.main", "hpo.job.many.seat", "hpo.job.many.fresh_main") & slow


def test_a_job_of_one_trial_loads_what_only_some_need_when_they_need_it() -> None:
    some = {"subprocess", "hashlib", "random"}
    assert not loaded_after("hpo.job.main") & some


def test_processes_that_the_users_code_spawns_do_not_load_the_job() -> None:
    # multiprocessing runs there the file that the process was started with.
    assert "logging" not in loaded_after("hpo.job.start")


def test_asking_for_help_loads_nothing_slow() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy"}
    assert not loaded_after("hpo", "hpo.cli") & slow


def test_asking_why_loads_nothing_slow() -> None:
    slow = {"scipy", "pandas", "pydantic", "torch", "submitit", "numpy", "rich", "yaml"}
    assert not loaded_after("hpo.cli.why") & slow
