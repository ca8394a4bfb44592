"""What may happen to a file or an answer: cut, doubled, garbled, or sound and of a wrong kind.

Hypothesis strategies over recorded samples; each gives whole inputs, never a fault to carry out.
`many` says how many of them a test takes; the variable HPO_FUZZ asks for more.
"""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

INPUTS = int(os.environ.get("HPO_FUZZ") or max(150, settings().max_examples))
many = settings(
    max_examples=INPUTS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SMALL = st.integers(0, 400)
ODD: list[Any] = [
    None, True, False, 0, -1, 10**400, 0.0, -1.5, 1e308, float("nan"), float("inf"), "", "x", "a|b",
    "../..", "\x00", "é😀", "9" * 5000, [], [[]], {}, {"a": {}}, [None] * 3, "1", "1e5",
]  # fmt: skip
values = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
DEEP = b"[" * 5_000


@st.composite
def garbled(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A sample with bytes cut out, put in, turned or repeated; sometimes nothing of it is left."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        upto = min(len(data), at + draw(SMALL))
        what = draw(st.sampled_from(["cut", "drop", "insert", "repeat", "zero", "all"]))
        if what == "cut":
            del data[at:]
        elif what == "drop":
            del data[at:upto]
        elif what == "insert":
            data[at:at] = draw(st.binary(max_size=40))
        elif what == "repeat":
            data[at:at] = data[at:upto]
        elif what == "zero":  # what a crashed file server leaves of a block
            data[at:upto] = bytes(upto - at)
        else:
            data = bytearray(draw(st.binary(max_size=200) | st.just(DEEP)))
    return bytes(data)


@st.composite
def misshapen(draw: st.DrawFn, samples: list[Any]) -> Any:
    """A JSON sample in which some values, at any depth, are of another kind or missing."""
    found = json.loads(json.dumps(draw(st.sampled_from(samples))))
    for _ in range(draw(st.integers(1, 3))):
        found = _changed(draw, found)
    return found


def _changed(draw: st.DrawFn, node: Any, depth: int = 0) -> Any:
    if isinstance(node, dict) and node and (depth == 0 or draw(st.booleans())):
        key = draw(st.sampled_from(sorted(node)))
        what = draw(st.sampled_from(["value", "value", "value", "drop", "more"]))
        if what == "drop":
            return {k: v for k, v in node.items() if k != key}
        if what == "more":
            return node | {draw(st.text(max_size=6)): draw(values)}
        return node | {key: _changed(draw, node[key], depth + 1)}
    if isinstance(node, list) and node and draw(st.booleans()):
        at = draw(st.integers(0, len(node) - 1))
        return [*node[:at], _changed(draw, node[at], depth + 1), *node[at + 1 :]]
    return draw(values)


def as_bytes(value: Any) -> bytes:
    """JSON as Python writes it, NaN and all."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def files_of(samples: list[Any]) -> st.SearchStrategy[bytes]:
    """Damaged JSON documents of both kinds."""
    texts = [as_bytes(sample) for sample in samples]
    return garbled(texts) | misshapen(samples).map(as_bytes)
