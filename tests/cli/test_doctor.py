"""`hpo doctor` as a user sees it, for campaigns on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SmallDisk
from user_project import NO_SYNC, TIMEOUT_S, Project, user_project

TRAIN_AND_SAVE = """
class Model(dict):
    state_dict = dict.copy
    load_state_dict = dict.update

trial.restore(model=Model(weights=[1.0] * 100))
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=config["lr"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write()


def doctor(
    project: Project, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "doctor", *arguments]
        + ([] if "--executor" in arguments else ["--executor", "local"])
        + ([] if "--config" in arguments else ["--config", "search.py"]),
        cwd=project.folder,
        env=os.environ | NO_SYNC | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def checks(project: Project, *arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
    """The worst of each check, by its name; exit code 2 where something fails, else 0."""
    done = doctor(project, "--json", *arguments, **environment)
    told = json.loads(done.stdout)
    verdicts = {one["verdict"] for one in told["checks"]}
    assert done.returncode == (2 if "fail" in verdicts else 0)
    order = ["ok", "unknown", "warn", "fail"]
    ranked = sorted(told["checks"], key=lambda one: order.index(one["verdict"]))
    assert all(one["do"] for one in ranked if one["verdict"] in ("warn", "fail"))
    return {one["check"]: one for one in ranked}


def test_a_sound_campaign_is_told_line_by_line_and_nothing_is_left_behind(
    project: Project,
) -> None:
    before = sorted(p for p in project.folder.rglob("*") if "__pycache__" not in str(p))
    done = doctor(project)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("search.py on this machine (")
    assert lines[-1].endswith(": a campaign can start") or "read what is marked" in lines[-1]
    assert any(line.startswith("ok      objective ") for line in lines)
    assert not any(line.startswith("fail") for line in lines)
    after = sorted(p for p in project.folder.rglob("*") if "__pycache__" not in str(p))
    assert after == before


def test_all_that_is_wrong_is_told_at_once(project: Project) -> None:
    project.write("import nowhere_to_be_found", n_trials=0, seed=-1)
    text = (project.folder / "search.py").read_text()
    (project.folder / "search.py").write_text(f"import nowhere_to_be_found\n{text}")
    done = doctor(project, "--set", "hpo.objective=train:objective")
    assert done.returncode == 2
    assert "fail" in done.stdout
    assert "nowhere_to_be_found" in done.stdout
    project.write(n_trials=0, seed=-1)
    found = doctor(project, "--json")
    told = [c for c in json.loads(found.stdout)["checks"] if c["verdict"] == "fail"]
    assert [c["check"] for c in told] == ["configuration"] * 2


def test_an_objective_that_cannot_be_imported_fails(project: Project) -> None:
    (project.folder / "train.py").write_text("import nowhere_to_be_found\n")
    found = checks(project, "--set", "hpo.objective=train.py:objective")
    assert found["objective"]["verdict"] == "fail"
    assert "nowhere_to_be_found" in found["objective"]["found"]


def test_an_objective_is_imported_in_the_environment_that_env_setup_makes(
    project: Project,
) -> None:
    (project.folder / "lib").mkdir()
    (project.folder / "lib" / "only_there.py").write_text("")
    (project.folder / "train.py").write_text(
        "import only_there\ndef objective(config, trial): pass\n"
    )
    objective = ("--set", "hpo.objective=train.py:objective")
    assert checks(project, *objective)["objective"]["verdict"] == "fail"
    project.write(
        slurm=repr({"env_setup": [f"export PYTHONPATH={project.folder}/lib:$PYTHONPATH"]})
    )
    found = checks(project, *objective)
    assert found["objective"]["verdict"] == "ok"
    assert found["env_setup"]["verdict"] == "ok"


def test_lines_of_env_setup_that_fail_or_end_the_shell_are_told(project: Project) -> None:
    project.write(slurm=repr({"env_setup": ["source /no/such/file", "export TOKEN=s3cretvalue"]}))
    found = checks(project)["env_setup"]
    assert found["verdict"] == "warn"  # because local trials run all the same
    assert "/no/such/file" in found["found"]
    project.write(slurm=repr({"env_setup": ["exit 0"]}))
    assert checks(project)["env_setup"]["verdict"] == "fail"


def test_a_python_that_is_not_there_fails(project: Project) -> None:
    project.write(slurm=repr({"python": "/no/such/python"}))
    assert checks(project)["python"]["verdict"] == "fail"


def test_more_trials_at_once_than_cores_are_told(project: Project) -> None:
    found = checks(project, "--set", "hpo.n_trials=2000", "hpo.max_concurrent_jobs=2000")
    assert found["cpus"]["verdict"] == "warn"
    assert "max_concurrent_jobs" in found["cpus"]["do"]


def test_a_folder_that_cannot_be_used_fails(project: Project) -> None:
    (project.folder / "results").write_text("a file")
    assert checks(project)["folder"]["verdict"] == "fail"
    open_to_all = project.folder / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    found = checks(project, "--output-dir", "open/results")
    assert found["folder"]["verdict"] == "fail"
    assert "chmod" in found["folder"]["do"]


def test_another_search_in_the_folder_fails(project: Project) -> None:
    project.finish()
    assert "would go on" in checks(project)["folder"]["found"]
    assert checks(project, "--set", "hpo.seed=8")["folder"]["verdict"] == "fail"


def test_a_disk_that_is_too_small_fails(project: Project, small_disk: SmallDisk) -> None:
    where = ("--output-dir", str(small_disk.root / "results"))
    assert checks(project, *where)["space"]["verdict"] == "ok"
    large = checks(project, *where, "--set", "hpo.n_trials=2000")
    assert large["space"]["verdict"] == "fail"
    small_disk.fill()
    full = checks(project, *where)
    assert full["space"]["verdict"] == "fail"
    assert full["files"]["verdict"] == "fail"


def test_a_quota_that_is_used_up_fails(project: Project) -> None:
    tools = project.folder / "tools"
    tools.mkdir()
    mount = subprocess.run(
        ["df", "--output=source", str(project.folder)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]
    for name, limit, verdict in (("few", 1000, "fail"), ("many", 10**9, "ok")):
        quota = tools / "quota"
        quota.write_text(f'#!/bin/sh\necho "{mount} 900 {limit} {limit} 0 10 0 0 0"\nexit 1\n')
        quota.chmod(0o755)
        found = checks(project, PATH=f"{tools}:{os.environ['PATH']}")["quota"]
        assert (found["verdict"], name) == (verdict, name)


def test_checkpoints_of_an_earlier_start_count_for_the_room(project: Project) -> None:
    project.write(TRAIN_AND_SAVE).finish()
    assert "with checkpoints of" in checks(project)["space"]["found"]


def test_a_searcher_of_ones_own_is_tried(project: Project) -> None:
    (project.folder / "mine.py").write_text("def Searcher(space, seed):\n    raise OSError('no')\n")
    found = checks(project, "--set", "hpo.searcher=mine.py:Searcher")
    assert "could not be made" in found["configuration"]["found"]


def test_what_init_left_to_be_filled_in_fails(project: Project) -> None:
    (project.folder / "run.py").write_text("import sys\n")
    (project.folder / "train.py").write_text("def objective(lr, data): pass\n")
    found = checks(project, "--set", 'hpo.command=["{python}", "run.py", "FILL-IN-data", "{lr}"]')
    assert "FILL-IN-data is still" in found["configuration"]["found"]
    project.write(space='{"lr": loguniform(1e-4, 1.0), "data": "FILL-IN"}')
    found = checks(project, "--set", "hpo.objective=train.py:objective")
    assert "FILL-IN is still" in found["configuration"]["found"]


def test_a_configuration_that_is_not_there_is_told_as_by_other_commands(project: Project) -> None:
    done = doctor(project, "--config", "nowhere.yaml")
    assert done.returncode == 2
    assert "there is no file" in done.stderr or "no configuration" in done.stderr


def test_slurm_that_does_not_answer_fails_and_says_how_to_run_here(project: Project) -> None:
    tools = project.folder / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(
        "#!/bin/sh\necho 'Unable to contact slurm controller' >&2; exit 1"
    )
    (tools / "scontrol").chmod(0o755)
    found = checks(project, "--executor", "slurm", PATH=f"{tools}:{os.environ['PATH']}")
    assert "Unable to contact" in found["slurm"]["found"]
    assert found["slurm"]["verdict"] == "fail"
    assert "--executor local" in found["slurm"]["do"]
