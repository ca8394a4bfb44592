"""What is wrong with a request is said at once and all of it; nothing is started, nothing made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import TRAIN, Project, user_project

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


def refused(project: Project, *arguments: str, executor: str = "local", **environment: str) -> str:
    """What is said of a request that starts nothing and leaves nothing behind."""
    before = sorted(project.folder.rglob("*"))
    done = project.run(*arguments, executor=executor, **environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    made = set(project.folder.rglob("*")) - set(before)
    assert not {p for p in made if "__pycache__" not in p.parts}
    assert project.started() == {}
    return done.stderr


def listed(problems: str) -> int:
    """How many problems are shown, each on a line of its own; the first line tells the number."""
    count = sum(1 for line in problems.splitlines() if line.startswith("  - "))
    assert problems.startswith(f"hpo: {count} problem{'s' if count > 1 else ''} in ")
    return count


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
        "below": loguniform(-1, 1), "lambda": 3, "not a name": 1, "set": {1, 2},
        "max_epochs": 2}""",
    )
    problems = refused(project)
    for name in ("none", "empty", "turned", "zero", "below", "lambda", "not a name", "set"):
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


def test_an_output_directory_that_cannot_be_made(project: Project) -> None:
    (project.folder / "file").write_text("not a folder")
    project.write(output_dir="file/results")
    assert f"{project.folder}/file cannot be written" in refused(project)
    assert "file is not a folder" in refused(project, "--output-dir", "file")
    # What only trying tells, such as a quota: here, a name longer than any filesystem takes.
    assert "cannot be made: File name too long" in refused(project, "--output-dir", "x" * 300)


def test_an_output_directory_without_write_permission(project: Project) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    project.write(output_dir="mine/results")
    (project.folder / "mine").mkdir(mode=0o500)
    assert f"{project.folder}/mine cannot be written" in refused(project)


def test_an_output_directory_with_other_files_in_it(project: Project) -> None:
    project.write()
    project.output.mkdir()
    (project.output / "thesis.tex").write_text("years of work")
    problems = refused(project)
    assert "holds other files (thesis.tex) and no campaign" in problems
    refused(project, "--fresh")
    assert (project.output / "thesis.tex").read_text() == "years of work"


def test_an_output_directory_of_another_search_shows_old_and_new(project: Project) -> None:
    project.write(space='{"lr": loguniform(1e-4, 1.0), "width": [8, 16], "max_epochs": 2}')
    project.finish()
    (project.folder / "started.txt").unlink()
    journal = (project.output / "journal.jsonl").read_bytes()

    (project.folder / "other.py").write_text("def objective(config, trial): ...\n")
    project.write(
        space='{"lr": loguniform(1e-3, 1.0), "depth": [2, 3], "max_epochs": 2}',
        seed=8,
        objective="other.py:objective",
        mode="max",
    )
    problems = refused(project)
    root = f"{project.output} holds another search: "
    assert f"{root}seed: 7 -> 8; choose another output_dir, or" in problems
    assert f"{root}mode: min -> max" in problems
    assert f"{root}objective: search.py:objective -> other.py:objective" in problems
    assert f"{root}space.depth: nothing -> " in problems
    assert f"{root}space.width: " in problems
    assert "0.0001" in problems.partition("space.lr: ")[2].partition(" -> ")[0]
    assert "0.001" in problems.partition("space.lr: ")[2].partition(" -> ")[2]
    assert listed(problems) == 6
    assert (project.output / "journal.jsonl").read_bytes() == journal


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


def test_a_campaign_file_that_cannot_be_read_is_moved_aside_by_fresh(project: Project) -> None:
    project.write(TRAIN).finish()
    (project.output / "campaign.json").write_text("{")
    done = project.run()
    assert done.returncode == 2
    assert "cannot be read as a campaign; mend it or use --fresh" in done.stderr
    project.finish("--fresh")
    assert len(list(project.folder.glob("results.old-*"))) == 1


def test_a_journal_with_a_bad_line_is_named_and_left_alone(project: Project) -> None:
    project.write(TRAIN).finish()
    journal = project.output / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    damaged = "".join([*lines[:3], "{nonsense}\n", *lines[3:]])
    journal.write_text(damaged)
    done = project.run()
    assert done.returncode == 1
    assert f"{journal}, line 4: " in done.stdout
    assert journal.read_text() == damaged
    assert "Traceback" not in done.stdout


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
