"""What a campaign compares its trials by; nothing else knows that `mode` may be min or max."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Goal(NamedTuple):
    """The metric and the resource as reports name them; `mode` is min or max.

    `trial_value` says which report of a trial tells what it is worth: the last, or the best.
    """

    metric: str = "validation_error"
    mode: str = "min"
    resource: str = "epoch"
    trial_value: str = "last"

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Goal:
        """As jobs find it in campaign.json.

        Raises:
            KeyError: a part of it is missing.
        """
        parts = (found["metric"], found["mode"], found["resource_attr"])
        return cls(*parts, found.get("trial_value", "last"))

    def to_json(self) -> dict[str, str]:
        """As jobs find it in campaign.json."""
        return {
            "metric": self.metric,
            "mode": self.mode,
            "resource_attr": self.resource,
            "trial_value": self.trial_value,
        }

    @property
    def sign(self) -> int:
        """What to multiply values by so that smaller is better, and once more to get them back."""
        return -1 if self.mode == "max" else 1

    def key(self, value: float | None) -> float:
        """What to sort by: smaller is better; what is not finite, or not there, is the worst."""
        return math.inf if value is None or not math.isfinite(value) else self.sign * value

    def value(self, reports: Sequence[Mapping[str, Any]]) -> float | None:
        """What a trial with these reports is worth; None: not finite, or nothing was reported."""
        values = [report.get(self.metric) for report in reports]
        if self.trial_value == "best":
            return min((value for value in values if value is not None), key=self.key, default=None)
        return values[-1] if values else None

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return self.key(value) < self.key(other)
