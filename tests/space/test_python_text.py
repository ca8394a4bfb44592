"""A space as Python text: read again, it is the same space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

import hpo
from hpo.space.python_text import python_text
from hpo.space.space import read_space


@pytest.mark.parametrize(
    "written",
    [
        hpo.uniform(0, 1),
        hpo.loguniform(1e-5, 0.1),
        hpo.randint(1, 8),
        hpo.lograndint(1, 1024),
        hpo.quantized(hpo.uniform(0, 1), 0.05),
        hpo.quantized(scipy.stats.norm(0, 1), 0.5),
        hpo.ordinal(["small", "medium", "large"]),
        [32, 64, 128],
        [[1024, 512], [2048]],
        ["uniform", None, True, 1.5],
        50,
        "adam",
        None,
        hpo.constant("uniform(0, 1)"),
        hpo.constant("uniform(0, x)"),
        hpo.constant([1, 2]),
        hpo.constant({"a": [1, 2]}),
        "loguniform(1e-4, 1e-2)",
        {"lr": hpo.loguniform(1e-4, 1e-2), "deep": {"n": [1, 2], "fixed": hpo.constant([3])}},
        [{"kind": "sgd", "momentum": hpo.uniform(0, 1)}, {"kind": "adam"}, "none", 3],
        [{"n": hpo.choice([1, 2]), "l": hpo.constant([1])}, {"m": hpo.constant([1, 2])}],
        scipy.stats.loguniform(1e-4, 1e-2),
        scipy.stats.beta(2, 5, loc=1, scale=2.5),
        scipy.stats.randint(1, 5),
        scipy.stats.norm(np.float64(0.0), 1),
    ],
)
def test_read_again_it_is_the_same(written: Any) -> None:
    space, problems = read_space({"x": written})
    assert problems == []
    text = python_text(space.domains["x"])
    again, problems = read_space({"x": eval(text, {"hpo": hpo, "scipy": scipy})})
    assert problems == []
    assert again.to_json() == space.to_json()
    assert again.config([0.3] * len(again.free)) == space.config([0.3] * len(space.free))


def test_a_distribution_of_ones_own_has_no_text() -> None:
    own = scipy.stats.rv_histogram(np.histogram([1.0, 2.0, 2.5], bins=2))()
    space, _ = read_space({"x": own})
    with pytest.raises(ValueError, match="a distribution of your own"):
        python_text(space.domains["x"])
