"""The settings of the promoter, under the key `scheduler` of the HPO settings.

Owns names, defaults and bounds. No I/O, no clock.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class SchedulerSettings(BaseModel):
    """Which trials go on, and how far."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    type: Literal["random", "asha", "promotion", "stopping"] = "asha"
    """`random`: whole trials. `asha` or `promotion`: pause at rungs, promote the best. `stopping`:
    decide once, when a trial reaches a rung."""

    max_t: Annotated[int, Field(ge=1)] | None = None
    """Resource of the last rung; default: the constant `max_epochs` of the space."""

    grace_period: Annotated[int, Field(ge=1)] = 1
    """Resource of the first rung."""

    reduction_factor: Annotated[int, Field(ge=2)] = 3
    """One in so many trials goes on from a rung."""

    brackets: Annotated[int, Field(ge=1)] = 1
    """Brackets; bracket s starts at rung s, so that more brackets stop fewer trials early."""


def read_scheduler(value: object) -> object:
    """A scheduler given by its name alone."""
    return {"type": value} if isinstance(value, str) else value
