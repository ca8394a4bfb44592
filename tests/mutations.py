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
from random import Random
from typing import Any, TypeVar

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


ODD: list[Any] = [
    None, True, False, 0, -1, 10**25, 10**299, 10**400, 1e300, 2**63, 0.0, -1.5,
    1e308, float("nan"), float("inf"), "", "x", "a|b", "../..", "\x00", "\x1b[2J\nto go on: x",
    "é😀", "9" * 5000, [], [[]], {}, {"a": {}}, [None] * 3, "1", "1e5",
]  # fmt: skip
DEEP = b"[" * 5_000
CHARS = "ab0_ .:{}[]\"'\\\n\x00\x1bé中😀\u202e\ud800"
T = TypeVar("T")


def _seeded(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """One draw of a seed for each input: drawing its parts one by one takes ten times as long."""
    return st.integers(0, 2**64 - 1).map(lambda seed: make(Random(seed)))


def _text(random: Random) -> str:
    return "".join(random.choices(CHARS, k=random.randrange(8)))


def _value(random: Random, depth: int = 0) -> Any:
    if random.random() < 0.5:
        return random.choice(ODD)
    plain = [
        random.getrandbits(random.choice([1, 8, 64, 200])),
        random.gauss(0.0, 10.0 ** random.randrange(-300, 300)),
        _text(random),
    ]
    if depth > 2 or random.random() < 0.6:
        return random.choice(plain)
    inner = [_value(random, depth + 1) for _ in range(random.randrange(4))]
    return inner if random.random() < 0.5 else {_text(random): value for value in inner}


values = _seeded(_value)


def garbled(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """A sample with bytes cut out, put in, turned or repeated; sometimes nothing of it is left."""
    return _seeded(lambda random: _garbled(random, samples))


def _garbled(random: Random, samples: list[bytes]) -> bytes:
    data = bytearray(random.choice(samples))
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(data))
        upto = min(len(data), at + random.choice([1, 8, random.randint(0, 400)]))
        match random.choice(["cut", "drop", "insert", "odd", "repeat", "turn", "zero", "all"]):
            case "cut":
                del data[at:]
            case "drop":
                del data[at:upto]
            case "insert":
                data[at:at] = random.randbytes(random.randint(0, 40))
            case "odd":
                data[at:upto] = as_bytes(random.choice(ODD))
            case "repeat":
                data[at:at] = data[at:upto]
            case "turn" if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case "zero":  # what a crashed file server leaves of a block
                data[at:upto] = bytes(upto - at)
            case "all" if random.random() < 0.2:
                data = bytearray(random.choice([random.randbytes(random.randint(0, 200)), DEEP]))
    return bytes(data)


def misshapen(samples: list[Any]) -> st.SearchStrategy[Any]:
    """A JSON sample in which some values, at any depth, are of another kind or missing."""
    return _seeded(lambda random: _misshapen(random, samples))


def _misshapen(random: Random, samples: list[Any]) -> Any:
    found = json.loads(json.dumps(random.choice(samples)))
    for _ in range(random.randint(1, 3)):
        found = _changed(random, found)
    return found


def _changed(random: Random, node: Any, depth: int = 0) -> Any:
    if isinstance(node, dict) and node and (depth == 0 or random.random() < 0.5):
        key = random.choice(sorted(node))
        what = random.choice(["value", "value", "value", "drop", "more"])
        if what == "drop":
            return {k: v for k, v in node.items() if k != key}
        if what == "more":
            return node | {_text(random): _value(random)}
        return node | {key: _changed(random, node[key], depth + 1)}
    if isinstance(node, list) and node and random.random() < 0.5:
        at = random.randrange(len(node))
        return [*node[:at], _changed(random, node[at], depth + 1), *node[at + 1 :]]
    return _value(random)


def as_bytes(value: Any) -> bytes:
    """JSON as Python writes it, NaN and all."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def files_of(samples: list[Any]) -> st.SearchStrategy[bytes]:
    """Damaged JSON documents of both kinds."""
    texts = [as_bytes(sample) for sample in samples]
    return garbled(texts) | misshapen(samples).map(as_bytes)
