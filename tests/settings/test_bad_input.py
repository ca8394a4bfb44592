"""What is wrong with a request is said at once and all of it; nothing is started, nothing made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from refused_requests import listed, refused
from user_project import Project, user_project

YAML = """
space:
  lr: {lr}
  flag: {flag}
slurm: {{}}
hpo: {{n_trials: 2, objective: train.py:objective}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def test_an_unknown_configuration_shows_the_near_ones(project: Project) -> None:
    project.write()
    (project.folder / "search.py").rename(project.folder / "my_search.py")
    problems = refused(project, "--config", "my_serach")
    assert "no configuration 'my_serach': did you mean 'my_search'?" in problems
    assert "digits_example" in problems
    assert str(project.folder) in problems


def test_a_module_without_the_three_functions(project: Project) -> None:
    (project.folder / "search.py").write_text("def get_slurm_config(): return {}\n")
    problems = refused(project)
    assert "search.py has no function get_config_space()" in problems
    assert "search.py has no function get_hpo_config()" in problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\nraise RuntimeError('no data here')", "RuntimeError: no data here"),
        ("def broken(:", "SyntaxError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_raises_on_import_names_the_users_line(
    project: Project, text: str, message: str
) -> None:
    (project.folder / "search.py").write_text(text)
    problems = refused(project)
    assert f"importing search.py raised {message}" in problems
    assert f"search.py:{len(text.splitlines())})" in problems


def test_unknown_keys_and_wrong_types_are_told_with_what_is_meant(project: Project) -> None:
    project.write(
        slurm='{"partitoin": "gpu", "mem": 16, "gpus": "2", "n_trials": 3}',
        n_trails=5,
        max_concurrent_jobs=0,
        mode="minimum",
        checkpoint_interval=True,
    )
    problems = refused(project, "--set", "hpo.sede=1", "nonsense", "space.nope=3")
    for message in (
        "unknown key 'partitoin' in get_slurm_config(): did you mean 'partition'?",
        "'mem' in get_slurm_config() must be a size with a unit, such as '16G'",
        "'gpus' in get_slurm_config() must be a whole number, not the text '2': remove the quotes",
        "'n_trials' in get_slurm_config() belongs in get_hpo_config()",
        "unknown key 'n_trails' in get_hpo_config(): did you mean 'n_trials'?",
        "'max_concurrent_jobs' in get_hpo_config() must be at least 1, not 0",
        "'mode' in get_hpo_config() must be 'min' or 'max', not the text 'minimum'",
        "'checkpoint_interval' in get_hpo_config() must be a whole number, not the boolean true",
        "unknown key 'sede' in --set: did you mean 'seed'?",
        "--set nonsense: must be section.key=value",
        "--set space.nope=3: the space has no 'nope'",
    ):
        assert message in problems
    assert listed(problems) == 11


def test_what_yaml_reads_otherwise_than_people_do(project: Project) -> None:
    project.write()
    (project.folder / "train.py").write_text("def objective(config, trial): ...\n")
    (project.folder / "search.yaml").write_text(YAML.format(lr="1e-5", flag="[on, off]"))
    problems = refused(project, "--config", "search.yaml")
    assert "search.yaml:3: 1e-5 is text in YAML, not a number: write 1.0e-5" in problems
    assert "search.yaml:4: on is a boolean in YAML: write true, or 'on' in quotes" in problems
    assert "search.yaml:4: off is a boolean in YAML: write false, or 'off' in quotes" in problems
    assert listed(problems) == 3


def test_domains_that_hold_nothing_or_make_no_sense(project: Project) -> None:
    project.write(
        space="""{
        "none": [], "empty": uniform(2, 2), "turned": randint(5, 1), "zero": loguniform(0, 1),
        "below": loguniform(-1, 1), 7: 3, " ": 1, "set": {1, 2},
        "max_epochs": 2}""",
    )
    problems = refused(project)
    for name in ("none", "empty", "turned", "zero", "below", 7, " ", "set"):
        assert f"get_config_space(): {name}: " in problems, name
    assert "max_epochs" not in problems


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("no_such_package.train:objective", "module 'no_such_package' "),
        ("train:objektive", "no function 'objektive'"),
        ("train.py:number", "is a int and cannot be called"),
        ("train:too_much", "it needs momentum, which the space does not have"),
        ("train:too_little", "the space has max_epochs, which it does not take"),
        ("broken:objective", "ZeroDivisionError: division by zero"),
        ("exits:objective", "ended its process with exit code 7"),
        ("nowhere.py:objective", "there is no file nowhere.py"),
        ("train.objective", "must be 'package.module:function' or 'file.py:function'"),
    ],
)
def test_an_objective_that_cannot_be_imported_or_called(
    project: Project, objective: str, message: str
) -> None:
    (project.folder / "train.py").write_text(
        "number = 3\ndef objective(config, trial): ...\n"
        "def too_much(lr, max_epochs, momentum): ...\ndef too_little(lr): ...\n"
    )
    (project.folder / "broken.py").write_text("1 / 0\n")
    (project.folder / "exits.py").write_text("import os\nos._exit(7)\n")
    problems = refused(project.write(objective=objective))
    assert message in problems
    assert listed(problems) == 1


def test_more_gpus_than_this_machine_has(project: Project) -> None:
    project.write(slurm='{"gpus": 3}')
    problems = refused(project, CUDA_VISIBLE_DEVICES="0,1")
    assert "slurm.gpus: a trial asks for 3 GPUs and this machine has 2" in problems


def fake_slurm(folder: Path, **programs: str) -> str:
    """A PATH whose SLURM programs do what is written here, and note each call in calls.txt."""
    binaries = folder / "bin"
    binaries.mkdir()
    for name, body in programs.items():
        path = binaries / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >> "{folder}/calls.txt"\n{body}\n')
        path.chmod(0o755)
    (folder / "calls.txt").touch()
    return f"{binaries}{os.pathsep}{os.environ['PATH']}"


def test_a_partition_that_the_cluster_does_not_have(project: Project) -> None:
    path = fake_slurm(project.folder, sinfo="echo 'main*'; echo gpu", sbatch="echo 1", squeue="")
    project.write(slurm='{"partition": "gpus"}')
    problems = refused(project, executor="slurm", PATH=path)
    assert "SLURM has no partition 'gpus'; did you mean 'gpu'? (it has gpu, main)" in problems
    assert "sbatch" not in (project.folder / "calls.txt").read_text()


def test_a_request_that_sbatch_refuses(project: Project) -> None:
    words = "echo 'sbatch: error: invalid account or account/partition combination' >&2; exit 1"
    path = fake_slurm(project.folder, sinfo="echo 'main*'", sbatch=words, squeue="")
    project.write(slurm='{"partition": "main", "account": "nobody"}')
    problems = refused(project, executor="slurm", PATH=path)
    assert "invalid account or account/partition combination" in problems
    assert "--account=nobody" in problems
    calls = [c for c in project.notes("calls.txt") if c.startswith("sbatch")]
    assert all("--test-only" in call for call in calls)


def test_all_problems_are_told_at_once(project: Project) -> None:
    """Of the space, the settings, the objective, the folder and the cluster, in one message."""
    path = fake_slurm(project.folder, sinfo="echo 'main*'", sbatch="echo 1", squeue="")
    (project.folder / "file").write_text("not a folder")
    project.write(
        space='{"lr": loguniform(0, 1), "max_epochs": 2}',
        slurm='{"partition": "gpu"}',
        output_dir="file/results",
        objective="train:objective",
        points_to_evaluate=[{"lr": 0.1}],
    )
    problems = refused(project, "--set", "nonsense", executor="slurm", PATH=path)
    for message in ("lr: ", "no partition 'gpu'", "cannot be created", "'train' ", "nonsense"):
        assert message in problems
    assert listed(problems) == 5


def test_a_folder_that_is_the_configuration_of_nothing(project: Project) -> None:
    (project.folder / "search.py").mkdir()
    assert "no configuration 'search.py'" in refused(project)


def test_an_interrupt_while_the_request_is_checked_is_no_traceback(project: Project) -> None:
    project.write()
    (project.folder / "slow.py").write_text(
        "import pathlib, time\npathlib.Path(__file__).with_name('checking').touch()\n"
        "time.sleep(60)\n"
    )
    project.write(objective="slow:objective")
    child = subprocess.Popen(
        project.command(), cwd=project.folder, stderr=subprocess.PIPE, text=True
    )
    try:
        while not (project.folder / "checking").exists():
            assert child.poll() is None
        child.send_signal(2)
        _, problems = child.communicate(timeout=60)
    finally:
        child.kill()
    assert "Traceback" not in problems
    assert "interrupted before the campaign was opened" in problems
    assert child.returncode == 75
    assert not project.output.exists()
