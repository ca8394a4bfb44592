"""Domains of other programs: Syne Tune's by what they are, others refused by name."""

from __future__ import annotations

import pytest

from hpo.space.space import read_space
from hpo.space.written import as_domain

# As Syne Tune's are, as far as they are looked at.
SYNE_TUNE = """
class _Uniform: pass
class _LogUniform: pass
class _ReverseLogUniform: pass
class Quantized:
    def __init__(self, sampler, q): self.sampler, self.q = sampler, q
class Domain:
    sampler = None
class Float(Domain):
    value_type = float
    def __init__(self, lower, upper, sampler=None):
        self.lower, self.upper, self.sampler = lower, upper, sampler
class Integer(Float):
    value_type = int
class Categorical(Domain):
    def __init__(self, categories): self.categories = categories
class OrdinalNearestNeighbor(Categorical): pass
class FiniteRange(Domain):
    lower, upper, log_scale, values = 1, 4, True, [1, 2, 4]
class Function(Domain): pass
"""


def home(name: str) -> dict[str, type]:
    names = {"__name__": name}
    exec(SYNE_TUNE, names)
    return names  # type: ignore[return-value]


@pytest.fixture
def syne() -> dict[str, type]:
    return home("syne_tune.config_space")


def test_syne_tunes_domains_are_those_of_the_same_name(syne: dict[str, type]) -> None:
    log, even = syne["_LogUniform"](), syne["_Uniform"]()
    pairs = [
        (syne["Float"](0.01, 1, log), {"type": "loguniform", "low": 0.01, "high": 1.0}),
        (syne["Float"](0, 1), {"type": "uniform", "low": 0.0, "high": 1.0}),
        (syne["Integer"](32, 256, even), {"type": "randint", "low": 32, "high": 256}),
        (syne["Integer"](1, 64, log), {"type": "lograndint", "low": 1, "high": 64}),
        (
            syne["Integer"](8, 64, syne["Quantized"](even, 8)),
            {
                "type": "quantized",
                "domain": {"type": "randint", "low": 8, "high": 64},
                "step": 8,
            },
        ),
        (syne["Categorical"](["a", "b"]), {"type": "choice", "values": ["a", "b"]}),
        (syne["OrdinalNearestNeighbor"]([1, 2]), {"type": "ordinal", "values": [1, 2]}),
        (syne["FiniteRange"](), {"type": "ordinal", "values": [1, 2, 4]}),
    ]
    for foreign, document in pairs:
        assert as_domain(foreign).to_json() == document
        assert read_space({"x": foreign})[1] == []


def test_they_may_stand_in_options(syne: dict[str, type]) -> None:
    space, problems = read_space({"x": [{"lr": syne["Float"](0, 1)}, {"lr": 3}]})
    assert problems == []
    assert space.size is None


def test_what_cannot_be_drawn_is_refused_by_name(syne: dict[str, type]) -> None:
    ray = home("ray.tune.search.sample")
    refused = {
        "Float of syne_tune with the sampler ReverseLogUniform": syne["Float"](
            0.9, 0.99, syne["_ReverseLogUniform"]()
        ),
        "Function of syne_tune": syne["Function"](),
        "Integer of ray": ray["Integer"](1, 8, ray["_Uniform"]()),
        "Categorical of ray": ray["Categorical"]([1, 2]),
    }
    for name, foreign in refused.items():
        (problem,) = read_space({"x": foreign})[1]
        assert f"{name} cannot be drawn here: write uniform" in problem


def test_bounds_that_are_no_numbers_are_told(syne: dict[str, type]) -> None:
    (problem,) = read_space({"x": syne["Float"]("0", 1)})[1]
    assert "low must be a number, not '0'" in problem
    assert "type type" in read_space({"x": syne["Float"]})[1][0]
