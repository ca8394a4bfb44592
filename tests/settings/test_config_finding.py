"""Where a configuration, its objective and its folders are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_files import Write, load_spec, problems_of, writer

from hpo.settings.reading.finding import available_configs


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


@pytest.mark.parametrize("name", ["mine", "mine.py", "./mine", "./mine.py"])
def test_a_config_is_found_by_name_and_by_path(write: Write, tmp_path: Path, name: str) -> None:
    path = write()
    assert load_spec(name, cwd=tmp_path).source == path


@pytest.mark.parametrize("folder", ["", "config/", "hpo/config/"])
def test_names_are_looked_up_in_the_users_folders(
    write: Write, tmp_path: Path, folder: str
) -> None:
    path = write(name=f"{folder}mine.py")
    spec = load_spec("mine", cwd=tmp_path)
    assert spec.source == path
    assert spec.pythonpath == tuple(dict.fromkeys([str(path.parent), str(tmp_path)]))
    assert spec.output_dir == tmp_path / "hpo_results" / "mine"


def test_the_modules_of_the_package_are_no_configurations(tmp_path: Path) -> None:
    assert "no configuration 'loading'" in problems_of("loading", tmp_path)
    assert not {"loading", "finding", "yaml_files"} & set(available_configs(tmp_path))


def test_an_unknown_name_shows_the_near_ones(write: Write, tmp_path: Path) -> None:
    write(name="config/mlp_mine.py")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    message = problems_of("mlp_mien", tmp_path)
    assert "no configuration 'mlp_mien': did you mean 'mlp_mine'" in message
    assert f"looked in {tmp_path}, {tmp_path / 'config'}" in message
    assert "'mlp_mine'" in problems_of("mine", tmp_path)
    assert "no configuration 'mlp_mine.py': did you mean 'mlp_mine'" in problems_of(
        "mlp_mine.py", tmp_path
    )


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    assert f"there is no file {tmp_path}/a/b.py" in problems_of("a/b.py", tmp_path)
    assert "must be a .py, .yaml or .yml file" in problems_of("mine.toml", tmp_path)


@pytest.mark.parametrize("folder", ["", "config/"])
def test_an_objective_in_a_file_is_found_beside_the_config_or_from_here(
    write: Write, tmp_path: Path, folder: str
) -> None:
    write(hpo="{'n_trials': 2, 'objective': 'src/train.py:run'}", name="config/mine.py")
    script = tmp_path / folder / "src" / "train.py"
    script.parent.mkdir(parents=True)
    assert "there is no file src/train.py (looked for" in problems_of("mine", tmp_path)
    script.touch()
    assert load_spec("mine", cwd=tmp_path).objective == f"{script}:run"


def test_extra_import_folders_must_exist(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE", "src")
    write(hpo="{'n_trials': 2, 'objective': 'a:b', 'pythonpath': ['$CODE']}")
    assert "there is no folder $CODE" in problems_of("mine", tmp_path)
    (tmp_path / "src").mkdir()
    assert load_spec("mine", cwd=tmp_path).pythonpath == (str(tmp_path), str(tmp_path / "src"))


def test_the_folder_of_the_campaign(write: Write, tmp_path: Path) -> None:
    write(hpo="{'n_trials': 2, 'objective': 'a:b', 'output_dir': '../runs'}")
    assert load_spec("mine", cwd=tmp_path).output_dir == tmp_path.parent / "runs"
    other = load_spec("mine", cwd=tmp_path, output_dir="other")
    assert other.output_dir == tmp_path / "other"


def test_the_shipped_examples_are_found_from_anywhere(tmp_path: Path) -> None:
    spec = load_spec("mlp_example", cwd=tmp_path)
    assert spec.output_dir == tmp_path / "hpo_results" / "mlp_example"
    assert spec.pythonpath == (str(tmp_path),)
