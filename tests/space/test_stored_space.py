"""The space that campaign.json shows is the space that was searched."""

from __future__ import annotations

import json
from typing import Any

import pytest
import scipy.stats

from hpo import loguniform, randint, uniform
from hpo.space.domains import constant, lograndint, ordinal, quantized
from hpo.space.space import read_space
from hpo.space.stored import stored_space

SPACES: list[dict[str, Any]] = [
    {"lr": loguniform(1e-4, 1e-1), "layers": randint(1, 5), "width": lograndint(8, 512)},
    {"batch": [16, 32], "size": ordinal([1, 2, 4]), "drop": quantized(uniform(0, 1), 0.1)},
    {"lr": scipy.stats.loguniform(1e-4, 1e-1), "shift": scipy.stats.norm(0, 1)},
    {"optimizer": {"lr": uniform(0, 1), "name": "adam"}, "fixed": {"a": 1, "type": "x"}},
    {"model": [{"name": "mlp", "width": randint(1, 9)}, {"name": "linear"}], "max_epochs": 9},
    {"pair": constant([1, 2]), "text": constant("uniform(0, 1)")},
]


@pytest.mark.parametrize("raw", SPACES, ids=lambda raw: "-".join(raw))
def test_a_space_reads_back_as_it_was(raw: dict[str, Any]) -> None:
    space, problems = read_space(raw)
    assert problems == []
    found = stored_space(json.loads(json.dumps(space.to_json())))
    assert found.to_json() == space.to_json()
    for number in range(20):
        quantiles = [(number + 0.5) / 20.0] * len(space.free)
        assert found.config(quantiles) == space.config(quantiles)


@pytest.mark.parametrize(
    "document",
    [{"lr": 3}, {"lr": {}}, {"lr": {"type": "uniform"}}, {"lr": {"type": "mapping", "fields": 3}}],
)
def test_what_is_none_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each says something else
        stored_space(document)
