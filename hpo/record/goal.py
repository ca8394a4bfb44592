"""What a campaign compares its trials by; nothing else knows that `mode` may be min or max."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """The metric and the resource as reports name them; `mode` is min or max."""

    metric: str = "validation_error"
    mode: str = "min"
    resource: str = "epoch"

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Goal:
        """As jobs find it in campaign.json.

        Raises:
            KeyError: a part of it is missing.
        """
        return cls(found["metric"], found["mode"], found["resource_attr"])

    def to_json(self) -> dict[str, str]:
        """As jobs find it in campaign.json."""
        return {"metric": self.metric, "mode": self.mode, "resource_attr": self.resource}

    @property
    def sign(self) -> int:
        """What to multiply values by so that smaller is better, and once more to get them back."""
        return -1 if self.mode == "max" else 1

    def key(self, value: float | None) -> float:
        """What to sort by: smaller is better; what is not finite, or not there, is the worst."""
        return math.inf if value is None or not math.isfinite(value) else self.sign * value

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return self.key(value) < self.key(other)
