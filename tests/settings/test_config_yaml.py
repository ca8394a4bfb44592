"""YAML configurations: the same as in Python, with the traps of YAML 1.1 named by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_files import load_spec

from hpo.errors import SettingsError
from hpo.space.text import read_expression
from hpo.space.written import as_domain

EXAMPLE = """
space:
  input_size: 3883
  hidden_sizes: [[1024, 512, 256], [2048, 1024, 512]]
  lr: loguniform(1e-4, 1e-2)
  weight_decay: {type: loguniform, low: 1.0e-5, high: 1.0e-3}
  dropout: quantized(uniform(0, 0.5), 0.05)
  noise: scipy.stats.norm(0, scale=0.1)
  batch_size: [32, 64, 128]
  optimizer: adam
slurm:
  partition: main
  time: 1:30:00
  mem: 16G
  gpus: 1
  env_setup:
    - module load cuda
    - source activate tfa-predictor
hpo:
  n_trials: 50
  seed: 42
  objective: my_package.train:objective
  points_to_evaluate:
    - {lr: 1.0e-3, batch_size: 64}
"""

MINIMAL = "space: {lr: [1, 2]}\nhpo: {n_trials: 2, objective: 'a:b'}\n"


def problems_of(text: str, tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_spec("mine", cwd=tmp_path)
    assert "Traceback" not in str(caught.value)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_the_example_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(EXAMPLE)
    spec = load_spec("mine", cwd=tmp_path)
    assert spec.source == tmp_path / "mine.yaml"
    assert spec.slurm.time_min == 90
    assert spec.slurm.env_setup == ["module load cuda", "source activate tfa-predictor"]
    assert (spec.hpo.n_trials, spec.objective) == (50, "my_package.train:objective")
    assert {name: domain["type"] for name, domain in spec.space.to_json().items()} == {
        "batch_size": "choice",
        "dropout": "quantized",
        "hidden_sizes": "choice",
        "input_size": "constant",
        "lr": "loguniform",
        "noise": "scipy.stats.norm",
        "optimizer": "constant",
        "weight_decay": "loguniform",
    }


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml"])
def test_other_section_names_and_no_slurm_section(tmp_path: Path, name: str) -> None:
    text = MINIMAL.replace("space:", "config_space:").replace("hpo:", "hpo_config:")
    (tmp_path / name).write_text(text)
    assert load_spec("mine", cwd=tmp_path).slurm.gpus == 0
    (tmp_path / name).write_text(text + "slurm:\n")
    assert load_spec(name, cwd=tmp_path).slurm.gpus == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr: 1e-5", "1e-5 is text in YAML, not a number: write 1.0e-5"),
        ("lr: [0.1, 1E5]", "1E5 is text in YAML, not a number: write 1.0e5"),
        ("lr: '1e-5'", "'1e-5' is text, not a number: write 1.0e-5"),
        ("lr: '32'", "'32' is text, not a number: write 32"),
        ("augment: [on, adam]", "on is a boolean in YAML: write true, or 'on' in quotes"),
        ("augment: No", "No is a boolean in YAML: write false, or 'No' in quotes"),
        ("scheduler: [None, cosine]", "None is text in YAML: write null"),
        ("yes: 3", "yes is a boolean in YAML"),
        ("lr: 1\n  lr: 2", "'lr' is there twice: remove one of them"),
        ("lr: .nan", "lr: nan is not a finite number"),
        ("3: 4", "a hyperparameter's name must be text, not 3"),
        ("lr: uniform(0 1)", "lr: 'uniform(0 1)' cannot be read as a domain"),
        ("lr: [uniform(0, 1), 3]", "a list holds values, no domains"),
        ("lr: uniform(0, 1", "lacks its closing parenthesis"),
        ("lr: logunifrm(1, 2)", "'logunifrm' is no domain: did you mean 'loguniform'?"),
        ("lr: relu(x)", "'relu' is no domain; there are: uniform, loguniform"),
        ("lr: uniform(1, 2)(3)", "'uniform(1, 2)' is no domain"),
        ("lr: uniform(0, 1) + uniform(0, 1)", "is no domain"),
        ("lr: choice([relu, tanh])", "is no number, text or list: text needs quotes, 'relu'"),
        ("lr: choice([1 + 'a'])", "[1 + 'a'] is no number, text or list"),
        ("lr: \"uniform(**{'low': 1})\"", "name the arguments"),
        ("lr: choice([uniform(0, 1)])", "is no number, text or list"),
        ("lr: choice(uniform)", "text needs quotes, 'uniform'"),
        ("lr: choice(1, 2)", "choice takes (values)"),
        ("lr: scipy.stats.nrm(0, 1)", "scipy.stats has no distribution 'nrm': did you mean"),
        ("lr: scipy.stats.norm(1, 2, 3)", "scipy.stats.norm takes (loc, scale)"),
        ("lr: scipy.stats.loguniform(1)", "scipy.stats.loguniform takes (a, b, loc, scale)"),
        ("lr: scipy.stats.loguniform(0, 1)", "a logarithmic scale needs 0 < a < b"),
        ("lr: {type: loguniform, low: 0, high: 1}", "cannot start at 0.0"),
        ("lr: {type: loguniform, min: 0, high: 1}", "loguniform takes (low, high)"),
        ("lr: {type: adam}", "'adam' is no domain"),
        ("lr: {type: 3}", "type must be the name of a domain, not 3"),
    ],
)
def test_mistakes_in_the_space_are_named_with_their_line(
    tmp_path: Path, line: str, message: str
) -> None:
    text = problems_of(f"hpo: {{n_trials: 2, objective: 'a:b'}}\nspace:\n  {line}\n", tmp_path)
    assert message in text
    assert "mine.yaml:3: " in text or "mine.yaml:4: " in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml must have the sections space, slurm and hpo"),
        ("- 1", "mine.yaml must have the sections space, slurm and hpo"),
        ("slurm: {}", "section 'space' is missing\n  - section 'hpo' is missing"),
        (MINIMAL + "hpoo: {}", "mine.yaml:3: unknown section 'hpoo': did you mean 'hpo'?"),
        (MINIMAL + "zzz: {}", "unknown section 'zzz'; there are space, slurm and hpo"),
        (MINIMAL + "config_space: {}", "mine.yaml:3: section 'space' is there twice"),
        (MINIMAL + "slurm: 3", "mine.yaml:3: section 'slurm' must hold 'name: value' lines"),
        (MINIMAL + "slurm:\n\tgpus: 1", "mine.yaml:4: found character '\\t'"),
        (MINIMAL + "slurm: {gpus: 1", "mine.yaml:3: expected ',' or '}'"),
        (MINIMAL + "slurm: *x", "mine.yaml:3: found undefined alias"),
        (MINIMAL + "slurm: &x {extra: *x}", "an alias refers to itself"),
        (MINIMAL + "slurm: !!python/object:os.system {}", "mine.yaml:3: could not determine"),
        (MINIMAL + "slurm: {mem: \x01}", "cannot be read as YAML"),
        (MINIMAL + "slurm: " + "[" * 1200, "cannot be read as YAML"),
        (MINIMAL + "slurm: {gpus: yes}", "mine.yaml:3: yes is a boolean in YAML"),
        (MINIMAL + "slurm:\n  gpu: 1", "'gpu' in mine.yaml:4: did you mean 'gpus'?"),
        (MINIMAL + "slurm:\n  mem: 16", "'mem' in mine.yaml:4 must be a size with a unit"),
        ("space: {lr: [1, 2]}\nhpo: {n_trials: 2}", "set 'objective' in section 'hpo'"),
        ("space: {lr: [1, 2]}\nhpo: {objective: 'a:b'}", "section 'hpo' must set 'n_trials'"),
        ("space: {lr: [1, 2]}\nhpo: {n_trials: 1, objective: b}", "must be 'package.module:f"),
    ],
)
def test_mistakes_outside_the_space(tmp_path: Path, text: str, message: str) -> None:
    assert message in problems_of(text, tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_spec("mine.yaml", cwd=tmp_path)


def test_words_that_other_yaml_readers_change_stay_text(tmp_path: Path) -> None:
    space = (
        "{a: [1:30, 010, 2024-01-01, 0x10], b: [1_000, 1.5, 1.0e-3, 1.0e3, ~, true, 'on'], c: nan}"
    )
    (tmp_path / "mine.yaml").write_text(MINIMAL.replace("{lr: [1, 2]}", space))
    document = load_spec("mine", cwd=tmp_path).space.to_json()
    assert document["a"]["values"] == ["1:30", "010", "2024-01-01", "0x10"]
    assert document["c"] == {"type": "constant", "value": "nan"}
    assert document["b"]["values"] == [1000, 1.5, 0.001, 1000.0, None, True, "on"]


def test_domains_as_text_and_as_mappings_are_the_same() -> None:
    pairs = [
        ("randint(8, 128)", {"type": "randint", "low": 8, "high": 128}),
        ("choice(['a', 'b'])", {"type": "choice", "values": ["a", "b"]}),
        ("ordinal(values=[1, 2])", {"type": "ordinal", "values": [1, 2]}),
        ("constant([1, 2])", {"type": "constant", "value": [1, 2]}),
        ("scipy.stats.norm(0, 1)", {"type": "scipy.stats.norm", "loc": 0, "scale": 1}),
        (
            "quantized(uniform(-1, 1), 0.05)",
            {"type": "quantized", "domain": "uniform(-1, 1)", "step": 0.05},
        ),
        (
            "quantized(lograndint(1, 64), step=2)",
            {
                "type": "quantized",
                "domain": {"type": "lograndint", "low": 1, "high": 64},
                "step": 2,
            },
        ),
    ]
    for text, mapping in pairs:
        document = as_domain(read_expression(text)).to_json()
        assert document == as_domain(read_expression(mapping)).to_json()


@pytest.mark.parametrize("value", ["adam", "a (b) c", "nan", "relu", 3, None, {"a": 1}, ["a(b)"]])
def test_what_is_no_domain_is_a_constant_or_a_choice(value: object) -> None:
    assert read_expression(value) == value


def test_the_text_of_a_domain_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    with pytest.raises(ValueError, match="no number, text or list"):
        read_expression(f"choice([__import__('pathlib').Path('{target}').touch()])")
    assert not target.exists()
