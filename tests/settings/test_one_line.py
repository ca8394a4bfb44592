"""What ends up in a batch script or in a log: one line, and no password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from config_files import load_spec
from mutations import limits

from hpo.errors import SettingsError
from hpo.manager.opening import _changed
from hpo.settings.secrecy import redacted, told_setting

BAD = "gpu\n#SBATCH --uid=0"


def problems(folder: Path, *overrides: str, **slurm: Any) -> str:
    path = folder / "search.py"
    path.write_text(
        "def objective(config, trial): ...\n"
        "def get_config_space():\n    return {'x': [1, 2]}\n"
        f"def get_slurm_config():\n    return {slurm!r}\n"
        "def get_hpo_config():\n    return {'n_trials': 3}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_spec(str(path), overrides=overrides)
    return str(caught.value)


def test_all_options_with_a_line_break_are_named_at_once(tmp_path: Path) -> None:
    names = ("partition", "account", "qos", "constraint", "exclude", "gpu_type")
    told = problems(
        tmp_path,
        **dict.fromkeys(names, BAD),
        extra={"comment": "a\rb", "reservation": "x\0", "nice": 1},
        python=["py\nthon"],
        env_setup=["module load x", "echo \0"],
    )
    for name in (*names, "python"):
        assert f"'{name}" in told
    assert told.count("must be one line without control characters") == len(names) + 3
    assert "option 'comment' must be" in told
    assert "option 'reservation' must be" in told
    assert "'env_setup[1]'" in told
    assert "nice" not in told
    assert told.startswith("9 problems")


@pytest.mark.parametrize("char", ["\n", "\r", "\0", "\x1b", "\x85", "\u2028", "\ud800"])
def test_each_control_character_is_refused(tmp_path: Path, char: str) -> None:
    assert "'account'" in problems(tmp_path, account=f"a{char}b")


def test_a_script_of_several_lines_is_one(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(
        "space: {x: [1, 2]}\nslurm:\n  env_setup: |\n    module load a\n\texport B=1\n"
        "hpo: {n_trials: 1, objective: 'm:f'}\n".replace("\t", "    ")
    )
    assert load_spec(str(path)).slurm.env_setup == ["module load a\nexport B=1\n"]


def test_a_change_of_what_may_be_a_password_is_told_without_it() -> None:
    old: dict[str, Any] = {
        "slurm": {"env_setup": ["export KEY=old"], "extra": {}, "time": "1:00", "python": None}
    }
    new: dict[str, Any] = {
        "slurm": {
            "env_setup": ["export KEY=new"],
            "extra": {"export": "KEY=x"},
            "time": "2:00",
            "python": ["env", "KEY=abc", "python"],
        }
    }
    assert _changed(old, new) == [
        "slurm.env_setup: changed",
        "slurm.extra: changed",
        "slurm.python: nothing -> ['env', 'KEY=…', 'python']",
        "slurm.time: 1:00 -> 2:00",
    ]
    assert told_setting("hpo.command", "x") == "…"


@pytest.mark.parametrize("wrong", [{"KEY": "secret"}, [["secret"]], 7])
def test_a_wrong_env_setup_is_told_without_its_values(tmp_path: Path, wrong: Any) -> None:
    told = problems(tmp_path, env_setup=wrong)
    assert "'env_setup" in told
    assert "secret" not in told


def test_what_a_shell_repeats_of_a_value_is_taken_out() -> None:
    lines = ["export TOKEN='abcd efgh'", "A=x", "login $TOKEN"]
    told = redacted("line 1: abcd efgh: command not found; A=x", lines)
    assert told == "line 1: …: command not found; A=x"


def test_a_yaml_of_aliases_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    path = tmp_path / "search.yaml"
    text = "".join(f"  {line}\n" for line in lines)
    path.write_text(f"space:\n{text}hpo: {{n_trials: 1}}\n")
    with limits(), pytest.raises(SettingsError, match="stand for more than 300000 values"):
        load_spec(str(path))
    with limits():
        laughs = "slurm.extra=" + "[" * 3 + "&a [1], *a, *a" + "]" * 3
        assert "'extra'" in problems(tmp_path, laughs)


@pytest.mark.parametrize("name", ["search.yaml", "search.py"])
def test_a_configuration_that_is_too_large_or_no_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(50_000_000_000)
    with limits(), pytest.raises(SettingsError, match=r"is larger than 10? MB"):
        load_spec(str(path))
    path.unlink()
    path.symlink_to("/dev/zero")
    with limits(), pytest.raises(SettingsError, match="no file"):
        load_spec(str(path))
