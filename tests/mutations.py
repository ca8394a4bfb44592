"""What may happen to a file or an answer: cut, doubled, garbled, or sound and of a wrong kind.

Hypothesis strategies over recorded samples; each gives whole inputs, never a fault to carry out.
`fuzzed` says how many of them a test takes (the variable HPO_FUZZ asks for more), and what one may
take: 5 s and 300 MB.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ASKED = int(os.environ.get("HPO_FUZZ") or 0)
INPUTS = ASKED or max(25, settings().max_examples // 2)
MOST_CPU_S = 5.0
MOST_WAIT_S = 60.0  # for what blocks: the machine may have much else to do
MOST_BYTES = 300_000_000
PAGE = os.sysconf("SC_PAGE_SIZE")


class TooSlowError(Exception):
    """An input was not done with in time."""


@contextmanager
def quiet() -> Iterator[None]:
    """What is told of thousands of inputs would fill the memory."""
    ours = logging.getLogger("hpo")
    before = ours.level
    ours.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.setLevel(before)


@contextmanager
def limits() -> Iterator[None]:
    """What is done within may take MOST_CPU_S of the processor and MOST_BYTES more of memory."""

    def late(number: int, _frame: object) -> None:
        raise TooSlowError(signal.Signals(number).name)

    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    handlers = {n: signal.signal(n, late) for n in (signal.SIGVTALRM, signal.SIGALRM)}
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, before[1]))
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    signal.setitimer(signal.ITIMER_REAL, MOST_WAIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def fuzzed(
    _share: int = 1, **inputs: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with many inputs; one in `_share` where each takes long."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def limited(*args: Any, **kwargs: Any) -> None:
            with quiet(), limits():
                test(*args, **kwargs)

        made: Callable[..., None] = settings(
            max_examples=max(10, INPUTS // _share),
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )(given(**inputs)(limited))
        return made

    return decorate


SMALL = st.integers(0, 400)
ODD: list[Any] = [
    None, True, False, 0, -1, 10**25, 10**299, 10**400, 1e300, 2**63, 0.0, -1.5,
    1e308, float("nan"), float("inf"), "", "x", "a|b", "../..", "\x00", "\x1b[2J\nto go on: x",
    "é😀", "9" * 5000, [], [[]], {}, {"a": {}}, [None] * 3, "1", "1e5",
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
