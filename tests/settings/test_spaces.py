"""A space means the same in YAML and in Python, and what looks like a domain is one or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from config_files import load_spec

from hpo.errors import SettingsError
from hpo.space.space import Space


def space_of(space: dict[str, Any], tmp_path: Path, *, kind: str, overrides: Any = ()) -> Space:
    """The space as a configuration of that kind has it; JSON is YAML, and nearly Python."""
    if kind == "yaml":
        text = f"space: {json.dumps(space)}\nhpo: {{n_trials: 2, objective: 'a:b'}}\n"
    else:
        text = (
            f"def get_config_space():\n    return {space!r}\n"
            "def get_slurm_config():\n    return {}\n"
            "def get_hpo_config():\n    return {'n_trials': 2, 'objective': 'a:b'}\n"
        )
    (tmp_path / f"mine.{kind}").write_text(text)
    return load_spec(f"mine.{kind}", cwd=tmp_path, overrides=overrides).space


both_kinds = pytest.mark.parametrize("kind", ["yaml", "py"])


@both_kinds
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("uniform(0, 1)", "uniform"),
        ({"type": "randint", "low": 1, "high": 3}, "randint"),
        ({"lr": "loguniform(1e-4, 1e-1)"}, "mapping"),
        ({"lr": {"type": "loguniform", "low": 0.1, "high": 1}}, "mapping"),
        ({"type": ["adam", "sgd"]}, "mapping"),
        ({"type": "adam", "lr": "loguniform(1e-4, 1e-1)"}, "mapping"),
        ([{"name": "adam", "lr": "loguniform(1e-4, 1e-2)"}, {"name": "sgd"}], "options"),
        ([{"act": "relu()"}, {"act": "tanh()", "p": "uniform(0, 1)"}], "options"),
        (["relu()", "tanh(x)"], "choice"),
        ([{"type": "adam"}, {"type": "sgd", "lr": "uniform(0, 1)"}], "options"),
        ("constant('uniform(0, 1)')", "constant"),
        ("uniform", "constant"),
        ({"min": 0.1, "max": 0.5}, "uniform"),
        ({"min": 1, "max": 8}, "randint"),
        ({"low": 0.1, "high": 1, "log": True}, "loguniform"),
        ({"type": "float", "low": 1, "high": 8}, "uniform"),
        ({"type": "int", "low": 1, "high": 8, "log": True}, "lograndint"),
        ({"type": "categorical", "choices": ["a", "b"]}, "choice"),
        ({"values": [16, 32]}, "choice"),
        ({"value": [16, 32]}, "constant"),
        ({"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1}, "loguniform"),
        ({"distribution": "int_uniform", "min": 1, "max": 8}, "randint"),
        ({"distribution": "q_uniform", "min": 0, "max": 8, "q": 2}, "quantized"),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 8, "q": 2}, "quantized"),
        ({"distribution": "categorical", "values": ["a"]}, "choice"),
        ({"distribution": "constant", "value": 3}, "constant"),
        ({"distribution": "even", "bits": 3}, "constant"),
        ({"min": "uniform(0, 1)", "max": "uniform(1, 2)"}, "mapping"),
        ({"type": "cosine", "min": 0.1, "warmup": [1, 2]}, "mapping"),
    ],
)
def test_both_languages_read_the_same(
    tmp_path: Path, kind: str, written: object, meant: str
) -> None:
    document = space_of({"x": written}, tmp_path, kind=kind).to_json()
    assert document["x"]["type"] == meant
    if meant != "constant":
        assert "uniform(" not in json.dumps(document)


@both_kinds
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("logunifrm(1, 2)", "'logunifrm' is no domain: did you mean 'loguniform'?"),
        ("log-uniform(1e-4, 1e-1)", "'log-uniform(1e-4, 1e-1)' is no domain: write it as"),
        ("loguniform[1e-4:1e-1]", "is no domain: write it as"),
        ("~loguniform(1e-4, 1e-1)", "is no domain: write it as"),
        ("uniform 0 1", "is no domain: write it as"),
        ("tune.loguniform(1e-4, 1e-1)", "'tune.loguniform' is no domain"),
        ("normal(0, 1)", "'normal' is no domain"),
        ("interval(0.1, 0.5)", "'interval' is no domain"),
        ("uniform(0, 1", "lacks its closing parenthesis"),
        ({"lr": "logunifrm(1, 2)"}, "x.lr: 'logunifrm' is no domain"),
        ({"lr": "1e-5"}, "x.lr: '1e-5' is text, not a number"),
        ({"a": {"b": ["uniform(0, 1)"]}}, "x.a.b[0]: a list holds values, no domains"),
        ([["uniform(0, 1)"], [1]], "x[0]: a list holds values, no domains"),
        ([{"min": 0.1, "max": 0.5}, 1], "x[0]: a list holds values, no domains"),
        ([{"grid_search": [1, 2]}], "x[0]: a list holds values, no domains"),
        ([{"lr": "log-uniform(0.1, 1)"}], "x[0].lr: 'log-uniform(0.1, 1)' is no domain"),
        ([{"lr": "uniform(0, 1)", "momentum": [0.0, 0.9]}], "x[0].momentum: write choice([0.0"),
        ({"type": "unifrm", "low": 0, "high": 1}, "did you mean 'uniform'?"),
        ({"min": 0.1}, "needs one lower and one upper end"),
        ({"min": 0.1, "low": 0, "max": 1}, "needs one lower and one upper end"),
        ({"min": 0.1, "max": 1, "step": 0.1}, "step is not understood"),
        ({"min": 0.1, "max": 1, "log": 3}, "log is not understood"),
        ({"values": [1, 2], "probabilities": [0.1, 0.9]}, "list a value twice"),
        ({"distribution": "log_uniform", "min": -4, "max": -1}, "its bounds are exponents"),
        ({"distribution": "normal", "mu": 0, "sigma": 1}, "write scipy.stats.norm(mu, sigma)"),
        ({"distribution": "beta", "min": 0, "max": 1}, "there are constant, categorical"),
        ({"distribution": "uniform", "min": 0}, "the distribution 'uniform' takes min, max"),
        ({"_type": "loguniform", "_value": [1e-4, 0.1]}, "is NNI's way to write a domain"),
        ({"grid_search": [1, 2]}, "is Ray Tune's way"),
        ({"type": "range", "bounds": [1e-4, 0.1], "log_scale": True}, "is Ax's way"),
        ({"type": "log", "minval": -4, "maxval": -1, "base": 10}, "is Determined's way"),
        ({"type": "discrete", "step": 3}, "is another program's way"),
        ({"parameters": {"lr": {"min": 0.1, "max": 1}}}, "is Weights & Biases's way"),
    ],
)
def test_what_looks_like_a_domain_never_becomes_a_constant(
    tmp_path: Path, kind: str, written: object, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        space_of({"x": written}, tmp_path, kind=kind)
    assert message in str(caught.value)
    assert "Traceback" not in str(caught.value)
    if kind == "yaml":
        assert "mine.yaml:1: x" in str(caught.value)


@both_kinds
def test_all_that_is_wrong_below_is_told_at_once(tmp_path: Path, kind: str) -> None:
    space = {"x": {"a": "unifrm(0, 1)", "b": {"min": 1}}, "y": "uniform(2, 1)"}
    with pytest.raises(SettingsError) as caught:
        space_of(space, tmp_path, kind=kind)
    assert len(caught.value.problems) == 3


@both_kinds
def test_set_reaches_below_a_mapping(tmp_path: Path, kind: str) -> None:
    space = {"optimizer": {"lr": "loguniform(1e-4, 1e-1)", "momentum": [0.0, 0.9]}}
    read = space_of(
        space, tmp_path, kind=kind, overrides=["space.optimizer.lr=uniform(0, 1)"]
    ).to_json()["optimizer"]["fields"]
    assert [read[name]["type"] for name in ("lr", "momentum")] == ["uniform", "choice"]
    for name in ("optimizer.zzz", "optimizer.lr.deep", "zzz.lr"):
        with pytest.raises(SettingsError, match=f"the space has no '{name}'"):
            space_of(space, tmp_path, kind=kind, overrides=[f"space.{name}=1"])


def test_tuples_of_text_are_looked_at_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a list holds values, no domains"):
        space_of({"x": ("uniform(0, 1)", "b", "c")}, tmp_path, kind="py")
