"""Configurations proposed for scripts and functions, from their text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import scripts_to_propose_for as scripts
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import SettingsError
from hpo.settings.proposing.document import Document
from hpo.settings.proposing.domains import written
from hpo.settings.proposing.proposal import propose_for
from hpo.settings.reading.loading import Loaded, load
from hpo.settings.reading.yaml_files import parse_yaml

ROOT = Path(__file__).resolve().parents[2]


def proposed(folder: Path, text: str, function: str = "") -> tuple[Document, Loaded]:
    """The proposal for a script, and how it is read."""
    (folder / "train.py").write_text(text)
    output = folder / "search.yaml"
    document = propose_for("train.py" + (f":{function}" if function else ""), output, folder)
    output.write_text(document.text)
    return document, load("search.yaml", cwd=folder)


def space(document: Document) -> dict[str, Any]:
    """As it is written."""
    found: dict[str, Any] = yaml.safe_load(document.text)["space"]
    return found


def settings(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(document.text)["hpo"]
    return found


def test_a_script_with_argparse(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.ARGPARSE)
    assert loaded.problems == []
    assert space(document) == {
        "learning-rate": "loguniform(0.0001, 0.01)",
        "width": "lograndint(16, 256)",
        "layers": [[32, 16], [64, 32], [128, 64]],
        "optimizer": ["adam", "sgd"],
        "nesterov": [True, False],
        "weight_decay": "loguniform(1e-6, 0.01)",
        "max-epochs": 3,
    }
    found = settings(document)
    assert found["entry_point"] == "train.py"
    assert (found["flags"], found["lists"]) == ("--{name}/--no-{name}", "words")
    assert (found["metric"], found["mode"]) == ("valid_loss", "min")
    assert found["max_resource_attr"] == "max-epochs"
    # Offered, because it takes booleans in another way, or has no telling name.
    assert "# use-bias: [true, false]" in document.text
    assert "# margin: uniform(0, 1)" in document.text
    assert "#   device: cuda" in document.text
    assert (document.to_fill, document.left) == (0, 1)


def test_the_script_of_the_pytorch_examples(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.MNIST)
    assert loaded.problems == []
    assert list(space(document)) == ["batch-size", "lr", "gamma", "epochs"]
    assert settings(document)["metric"] == "test_loss"
    assert loaded.slurm is not None
    assert loaded.slurm.gpus == 1
    assert "flags" not in settings(document)


def test_places_short_options_and_what_the_script_requires(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.POSITIONAL)
    assert loaded.problems == []
    assert settings(document)["command"] == [
        *("{python}", "train.py", "FILL-IN-data", "{alpha}", "-lr", "{lr}"),
        *("--log_file", "FILL-IN-log_file", "{arguments}"),
    ]
    assert document.to_fill == 1
    assert "# <- fill in: data, log_file" in document.text


def test_click_and_typer(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.CLICK)
    assert loaded.problems == []
    names = ["learning-rate", "optimizer", "hidden", "nesterov", "max-epochs"]
    assert list(space(document)) == names
    assert settings(document)["flags"] == "--{name}/--no-{name}"
    assert settings(document)["metric"] == "val_loss"
    document, loaded = proposed(tmp_path, scripts.TYPER)
    assert loaded.problems == []
    names = ["learning-rate", "weight-decay", "num-layers", "amsgrad", "epochs"]
    assert list(space(document)) == names
    assert settings(document)["command"][2] == "FILL-IN-data"
    assert (settings(document)["metric"], settings(document)["mode"]) == ("val_accuracy", "max")


def test_hydra_with_the_files_that_its_defaults_name(tmp_path: Path) -> None:
    for name, text in scripts.HYDRA_FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    document, loaded = proposed(tmp_path, scripts.HYDRA)
    assert loaded.problems == []
    assert space(document) == {
        "optimizer.lr": "loguniform(0.0001, 0.01)",
        "model.dropout": "uniform(0, 0.5)",
        "trainer.max_epochs": 3,
    }
    assert settings(document)["arguments"] == "{name}={value}"
    assert "hydra.run.dir={checkpoint_dir}" in settings(document)["command"]
    assert settings(document)["metric"] == "val_loss"


def test_hydra_whose_file_is_not_there_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="of Hydra, cannot be read"):
        proposed(tmp_path, scripts.HYDRA)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("a: [1\n")
    with pytest.raises(SettingsError, match=r"config\.yaml:"):
        proposed(tmp_path, scripts.HYDRA)


def test_command_lines_of_dataclasses_and_functions(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.TYRO)
    assert loaded.problems == []
    names = ["optim.lr", "optim.momentum", "activation", "n_embd", "nesterov", "max_steps"]
    assert list(space(document)) == names
    assert settings(document)["metric"] == "eval_error"
    document, loaded = proposed(tmp_path, scripts.HF)
    assert loaded.problems == []
    assert {"learning_rate", "num_train_epochs", "hidden_dropout_prob"} <= set(space(document))
    assert "--output_dir={checkpoint_dir}" in settings(document)["command"]
    assert settings(document)["metric"] == "eval_loss"
    document, loaded = proposed(tmp_path, scripts.SIMPLE)
    assert (loaded.problems, list(space(document))) == (
        [],
        ["learning_rate", "hidden_size", "epochs"],
    )
    document, loaded = proposed(tmp_path, scripts.FIRE)
    assert (loaded.problems, list(space(document))) == ([], ["lr", "units", "epochs"])
    document, loaded = proposed(tmp_path, scripts.ABSL)
    assert loaded.problems == []
    assert settings(document)["flags"] == "--{name}/--no{name}"


def test_lightning_cli(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.LIGHTNING)
    assert loaded.problems == []
    names = ["model.learning_rate", "model.hidden", "data.batch_size", "trainer.max_epochs"]
    assert list(space(document)) == names
    assert settings(document)["command"][2] == "fit"
    assert settings(document)["metric"] == "val_loss"
    assert "val/loss=(?P<val_loss>" in settings(document)["metric_pattern"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    )
)  # fmt: skip
def test_a_value_is_read_as_it_is_written(value: Any) -> None:
    text = written(value)
    assert "\n" not in text
    read, _, problems = parse_yaml(f"x: {text}\n", str)
    assert (read, problems) == ({"x": value}, [])


def test_a_domain_has_the_default_in_it(tmp_path: Path) -> None:
    text = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--beta1", type=float, default=0.5)
p.add_argument("--dropout", type=float, default=0.6)
p.add_argument("--momentum", type=float, default=0.9)
p.add_argument("--batch_size", type=int, default=0)
p.add_argument("--lr", type=float, default=10.0)
"""
    document, _ = proposed(tmp_path, text)
    assert space(document) == {
        "beta1": "uniform(0.5, 0.99)",
        "dropout": "uniform(0, 0.6)",
        "momentum": "uniform(0.8, 0.99)",
        "lr": "loguniform(1, 100)",
    }


def test_functions(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.FUNCTIONS, "objective")
    assert loaded.problems == []
    assert space(document) == {
        "lr": "loguniform(0.0001, 0.1)",
        "width": "lograndint(16, 256)",
        "max_epochs": 10,
    }
    assert document.to_fill == 1  # nobody says how many epochs there are
    assert settings(document)["objective"] == "train.py:objective"
    assert settings(document)["metric"] == "validation_error"
    document, loaded = proposed(tmp_path, scripts.FUNCTIONS, "train")
    assert loaded.problems == []
    assert space(document)["data_path"] == "FILL-IN"
    assert (settings(document)["metric"], settings(document)["mode"]) == ("val_accuracy", "max")
    document, _ = proposed(tmp_path, scripts.FUNCTIONS, "quick")
    assert settings(document)["metric"] == "loss"


def test_a_function_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "train.py").write_text(scripts.FUNCTIONS)
    output = tmp_path / "search.yaml"
    document = propose_for("pkg.train:quick", output, tmp_path)
    assert settings(document)["objective"] == "pkg.train:quick"


def test_a_metric_that_is_not_found_is_to_be_filled_in_and_no_campaign_starts_before(
    tmp_path: Path,
) -> None:
    text = "import argparse\nargparse.ArgumentParser().add_argument('--lr', type=float)\n"
    document, loaded = proposed(tmp_path, text)
    assert document.to_fill == 3
    assert any("no group for the metric" in problem for problem in loaded.problems)


def test_keras_prints_its_metric_itself(tmp_path: Path) -> None:
    document, loaded = proposed(tmp_path, scripts.KERAS)
    assert loaded.problems == []
    assert settings(document)["metric_pattern"].startswith("- val_loss: ")


@pytest.mark.parametrize(
    ("text", "named", "words"),
    [
        ("print('hello')\n", "train.py", "no command line"),
        ("def f(: pass\n", "train.py", "no Python that can be read"),
        ("def fit(lr): pass\n", "train.py:nothing", "it has fit"),
        ("def fit(lr): pass\ndef show(): pass\n", "train.py", "such as train.py:fit"),
        ("def get_config_space(): pass\n", "train.py", "is a configuration already"),
        ("", "elsewhere.py", "there is no file"),
        ("", "no.such.module:f", "there is no file"),
        ("\0", "train.py", "no Python that can be read"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_name_instead(
    tmp_path: Path, text: str, named: str, words: str
) -> None:
    (tmp_path / "train.py").write_text(text)
    with pytest.raises(SettingsError, match=words):
        propose_for(named, tmp_path / "search.yaml", tmp_path)


def test_text_of_a_script_never_becomes_lines_of_the_configuration(tmp_path: Path) -> None:
    hostile = "x\nslurm: {gpus: 99}\r\x1b[31m\u202e\u2028# '\"{}"
    text = f"""
import argparse
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.1, help={hostile!r})
p.add_argument("--optimizer", choices=[{hostile!r}, "on", "1e-5", "a: b"])
p.add_argument("--" + "computed", type=float)
p.add_argument({"--odd " + hostile!r}, default={hostile!r})
p.add_argument("--yes", type=float, default=float("nan"))
p.add_argument("--weight_decay", type=float, default=-1e400)
print(f"{{p}} val_loss '{{p}}'")
"""
    document, loaded = proposed(tmp_path, text)
    assert loaded.problems == []
    assert loaded.slurm is not None
    assert loaded.slurm.gpus == 0
    assert space(document)["optimizer"] == [hostile, "on", "1e-5", "a: b"]
    assert all(char.isprintable() or char == "\n" for char in document.text)


def test_whatever_python_there_is_can_be_named(tmp_path: Path) -> None:
    """Nothing in this repository makes it fail otherwise than by saying why."""
    for path in [
        *ROOT.glob("examples/*.py"),
        *ROOT.glob("benchmarks/*.py"),
        *ROOT.glob("hpo/**/*.py"),
    ]:
        try:
            document = propose_for(str(path), tmp_path / "x.yaml", tmp_path)
        except SettingsError:
            continue
        assert set(yaml.safe_load(document.text)) == {"space", "slurm", "hpo"}
