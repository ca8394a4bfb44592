"""Loading Python configurations: as users write them, all problems at once, no tracebacks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from config_files import Write, load_spec, problems_of, writer

from hpo.errors import SettingsError
from hpo.settings.reading.loading import load

EXAMPLE = """
from scipy.stats import loguniform

def get_config_space():
    return {'input_size': 3883, 'output_size': 214,                        # constants
            'hidden_sizes': [[1024, 512, 256], [2048, 1024, 512]],           # a list is a categorical
            'lr': loguniform(1e-4, 1e-2), 'weight_decay': loguniform(1e-5, 1e-3),
            'batch_size': [32, 64, 128], 'max_epochs': [50, 100]}
def get_slurm_config():
    return {'partition': 'main', 'time': '2:00:00', 'mem': '16G', 'cpus_per_task': 4, 'gpus': 1, 'env_setup': 'source activate tfa-predictor'}
def get_hpo_config():
    return {'n_trials': 50, 'max_concurrent_jobs': 4, 'output_dir': 'hpo_results/mlp_example', 'checkpoint_interval': 5, 'seed': 42}
"""  # noqa: E501 - because users write it so
OBJECTIVE = "\ndef objective(config, trial): ...\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


def test_the_example_loads_as_users_write_it(tmp_path: Path) -> None:
    (tmp_path / "mlp.py").write_text(EXAMPLE + OBJECTIVE)
    spec = load_spec("mlp.py", cwd=tmp_path)
    assert spec.name == "mlp"
    assert spec.source == tmp_path / "mlp.py"
    assert spec.objective == f"{tmp_path}/mlp.py:objective"
    assert spec.output_dir == tmp_path / "hpo_results" / "mlp_example"
    assert spec.pythonpath == (str(tmp_path),)
    assert spec.slurm.time_min == 120
    assert spec.slurm.env_setup == ["source activate tfa-predictor"]
    assert (spec.hpo.n_trials, spec.hpo.seed, spec.hpo.checkpoint_interval) == (50, 42, 5)
    assert spec.space.free == ("batch_size", "hidden_sizes", "lr", "max_epochs", "weight_decay")
    assert spec.space.config([0.0, 0.9, 0.5, 0.0, 0.5]) == {
        "batch_size": 32,
        "hidden_sizes": [2048, 1024, 512],
        "input_size": 3883,
        "lr": pytest.approx(1e-3),
        "max_epochs": 50,
        "output_size": 214,
        "weight_decay": pytest.approx(1e-4),
    }


def test_without_objective_the_user_is_told_how_to_name_one(tmp_path: Path) -> None:
    (tmp_path / "mlp.py").write_text(EXAMPLE)
    message = problems_of("mlp.py", tmp_path)
    assert "set 'objective' in get_hpo_config() to 'package.module:function'" in message
    assert "or define objective() in mlp.py" in message


def test_missing_functions_are_each_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def get_slurm_config(): return {}")
    message = problems_of("mine", tmp_path)
    assert "mine.py has no function get_config_space()" in message
    assert "mine.py has no function get_hpo_config()" in message
    assert "2 problems" in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("import json; json.loads('{')", "JSONDecodeError: "),
        ("def broken(:", "SyntaxError: "),
    ],
)
def test_a_config_that_raises_names_the_users_line(
    write: Write, tmp_path: Path, line: str, message: str
) -> None:
    path = write(before=f"# first line\n{line}\n")
    text = problems_of("mine", tmp_path)
    assert "1 problem in" in text
    assert f"importing mine.py raised {message}" in text
    assert f"({path}:2)" in text


def test_functions_that_raise_or_return_no_dict(write: Write, tmp_path: Path) -> None:
    path = write(space="1 / 0", slurm="None", hpo="{'n_trials': 'many'}")
    message = problems_of("mine", tmp_path)
    assert f"get_config_space() raised ZeroDivisionError: division by zero ({path}:2)" in message
    assert "get_slurm_config() must return a dict, not NoneType" in message
    assert "'n_trials' in get_hpo_config() must be a whole number" in message


def test_all_problems_are_found_at_once(write: Write, tmp_path: Path) -> None:
    write(
        space="{'lr': [], 'depth': '1e-5', '': 3}",
        slurm="{'gpu': 1, 'time': 'long', 'n_trials': 3, 'mem': 16}",
        hpo="{'n_trails': 50, 'seed': '3', 'poll_interval': True, 'mode': 'x', 'metric': None,"
        " 'pythonpath': ['src', 3], 'max_queued_jobs': 0, 'max_wallclock_time': -1.0,"
        " 'points_to_evaluate': 'abc' * 50, 3: 4}",
    )
    message = problems_of("mine", tmp_path)
    for part in (
        "get_config_space(): lr: an empty list",
        "get_config_space(): depth: '1e-5' is text, not a number: write 1.0e-5",
        "get_config_space(): : '' cannot be read",
        "unknown key 'gpu' in get_slurm_config(): did you mean 'gpus'?",
        "'time' in get_slurm_config() must be a time such as '2:00:00'",
        "'n_trials' in get_slurm_config() belongs in get_hpo_config()",
        "'mem' in get_slurm_config() must be a size with a unit",
        "get_hpo_config() must set 'n_trials'",
        "unknown key 'n_trails' in get_hpo_config(): did you mean 'n_trials'?",
        "'seed' in get_hpo_config() must be a whole number, not the text '3': remove the quotes",
        "'poll_interval' in get_hpo_config() must be a number, not the boolean true",
        "'mode' in get_hpo_config() must be 'min' or 'max', not the text 'x'",
        "'metric' in get_hpo_config() must be text, not None",
        "'pythonpath[1]' in get_hpo_config() must be text, not 3",
        "'max_queued_jobs' in get_hpo_config() must be at least 1, not 0",
        "'max_wallclock_time' in get_hpo_config() must be above 0, not -1.0",
        "'points_to_evaluate' in get_hpo_config() must be a list",
        "unknown key 3 in get_hpo_config()",
        "no objective",
    ):
        assert part in message
    assert message.startswith("19 problems"), message


def test_bad_points_are_found_when_the_rest_is_right(write: Write, tmp_path: Path) -> None:
    write(hpo="{'n_trials': 2, 'objective': 'a:b', 'points_to_evaluate': [{'lrr': 3}]}")
    assert "the space has no 'lrr': did you mean 'lr'?" in problems_of("mine", tmp_path)


def test_more_trials_than_configurations_are_no_problem(write: Write, tmp_path: Path) -> None:
    write(hpo="{'n_trials': 1000, 'objective': 'train:objective'}")
    assert load_spec("mine", cwd=tmp_path).space.size == 2


def test_values_of_numpy_and_paths_are_taken_as_plain(write: Write, tmp_path: Path) -> None:
    write(
        space="{'lr': np.array([0.1, 0.2])}",
        slurm="{'gpus': np.int64(2), 'env_setup': ('a', 'b')}",
        hpo="{'n_trials': np.int64(3), 'output_dir': Path('out'), 'objective': 'a.b:c',"
        " 'points_to_evaluate': [{'lr': np.float64(0.2)}]}",
        before="import numpy as np\nfrom pathlib import Path\n",
    )
    spec = load_spec("mine", cwd=tmp_path)
    assert (spec.slurm.gpus, spec.slurm.env_setup, spec.hpo.n_trials) == (2, ["a", "b"], 3)
    assert type(spec.identity()["points_to_evaluate"][0]["lr"]) is float
    assert spec.output_dir == tmp_path / "out"


def test_a_file_that_reads_arguments_sees_none_of_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["hpo", "run", "--config", "mlp.py"])
    reads = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    (tmp_path / "mlp.py").write_text(reads + EXAMPLE + OBJECTIVE)
    assert load_spec("mlp.py", cwd=tmp_path).name == "mlp"
    assert sys.argv == ["hpo", "run", "--config", "mlp.py"]


def test_siblings_can_be_imported_and_the_path_is_left_as_it_was(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sibling_of_mine", raising=False)
    write(space="SPACE", before="from sibling_of_mine import SPACE\n", name="config/mine.py")
    (tmp_path / "config" / "sibling_of_mine.py").write_text("SPACE = {'lr': [1, 2, 3]}")
    before = list(sys.path)
    assert load_spec("mine", cwd=tmp_path).space.size == 3
    assert sys.path == before


def test_a_file_edited_just_now_is_read_anew(write: Write, tmp_path: Path) -> None:
    write(space="{'lr': [1, 2]}")
    assert load_spec("mine", cwd=tmp_path).space.enumerate(1) == {"lr": 2}
    write(space="{'lr': [1, 3]}")
    assert load_spec("mine", cwd=tmp_path).space.enumerate(1) == {"lr": 3}


def test_settings_changed_on_the_command_line(write: Write, tmp_path: Path) -> None:
    write()
    spec = load_spec(
        "mine",
        cwd=tmp_path,
        overrides=[
            "hpo.n_trials=20",
            "slurm.partition = gpu",
            "slurm.time=1:30:00",
            "slurm.extra={reservation: course}",
            "space.lr=loguniform(1e-4, 1e-2)",
        ],
    )
    assert (spec.hpo.n_trials, spec.slurm.partition, spec.slurm.time_min) == (20, "gpu", 90)
    assert spec.slurm.extra == {"reservation": "course"}
    assert spec.space.to_json()["lr"]["type"] == "loguniform"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("n_trials=3", "must be section.key=value, as in hpo.n_trials=20"),
        ("hop.n_trials=3", "unknown section 'hop': did you mean 'hpo'?"),
        ("zzzzz.n_trials=3", "unknown section 'zzzzz'; there are space, slurm and hpo"),
        ("hpo.n_trails=3", "unknown key 'n_trails' in --set: did you mean 'n_trials'?"),
        ("hpo.n_trials=many", "'n_trials' in --set must be a whole number"),
        ("space.lrr=3", "the space has no 'lrr': did you mean 'lr'?"),
        ("space.lr=1e-5", "1e-5 is text in YAML, not a number: write 1.0e-5"),
        ("space.lr=uniform(1)", "uniform takes (low, high)"),
        ("space.lr=[1, 2", "--set space.lr=[1, 2: the value:"),
    ],
)
def test_overrides_that_cannot_be_applied(
    write: Write, tmp_path: Path, override: str, message: str
) -> None:
    write()
    text = problems_of("mine", tmp_path, override)
    assert message in text
    assert "1 problem in" in text


def test_an_override_of_a_broken_section_adds_no_problem(write: Write, tmp_path: Path) -> None:
    write(space="1 / 0")
    assert "1 problem in" in problems_of("mine", tmp_path, "space.lr=3")


def test_a_users_own_mlp_example_trains_with_the_shipped_objective(tmp_path: Path) -> None:
    text = (
        "def get_config_space(): return {'lr': [0.1, 0.2], 'max_epochs': [5, 10]}\n"
        "def get_slurm_config(): return {}\n"
        "def get_hpo_config(): return {'n_trials': 2}\n"
    )
    folder = tmp_path / "hpo" / "config"
    folder.mkdir(parents=True)
    (folder / "mlp_example.py").write_text(text)
    spec = load_spec("mlp_example", cwd=tmp_path)
    assert spec.source == folder / "mlp_example.py"
    assert spec.objective == "hpo.config.mlp_example:objective"
    (folder / "another.py").write_text(text)
    with pytest.raises(SettingsError, match="no objective: set 'objective'"):
        load_spec("another", cwd=tmp_path)
    (folder / "mlp_example.py").write_text(text + "def objective(config, trial): ...\n")
    own = load_spec("mlp_example", cwd=tmp_path).objective
    assert own == f"{folder / 'mlp_example.py'}:objective"


def test_without_a_name_the_configurations_that_are_found_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("space: {lr: [1, 2]}\n")
    with pytest.raises(SettingsError, match="there are digits_example, mine, mlp_example"):
        load(None, cwd=tmp_path)
