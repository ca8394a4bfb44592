"""What one check came to, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "warn", "fail", "unknown"]
VERDICTS: tuple[Verdict, ...] = ("ok", "unknown", "warn", "fail")  # the worst last


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: its name, one word or two.
        verdict: `fail` where something will fail, `warn` where it will go worse than it could,
            `unknown` where nobody answered.
        found: what is there, for people.
        advice: what to do; never empty behind `warn` and `fail`.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        """A complaint without a way out is a mistake of the check."""
        assert self.advice or self.verdict in ("ok", "unknown"), self

    def to_json(self) -> dict[str, str | None]:
        """For programs; `do` is None where there is nothing to do."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "found": self.found,
            "do": self.advice or None,
        }


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst of all; `ok` without any."""
    return max((finding.verdict for finding in findings), key=VERDICTS.index, default="ok")
