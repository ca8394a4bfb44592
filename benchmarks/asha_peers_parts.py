"""The peers of asha_peers.py, each behind the same few verbs. Runs in their environment only."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def _old(folder: str, name: str) -> Any:
    """A module of Syne Tune 0.13, whose names must not be taken for those of 0.16."""
    for known in [m for m in sys.modules if m.partition(".")[0] == "syne_tune"]:
        del sys.modules[known]
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(f"syne_tune.optimizer.schedulers.{name}")
    finally:
        sys.path.remove(folder)
        for known in [m for m in sys.modules if m.partition(".")[0] == "syne_tune"]:
            del sys.modules[known]


class OldPromotion:
    """Syne Tune 0.13's promotion rungs."""

    def __init__(self, folder: str) -> None:
        self._module = _old(folder, "hyperband_promotion")

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        shares = [1 / eta] * (len(levels) - 1)
        self._levels = levels
        self._rungs = self._module.PromotionRungSystem(
            levels[:-1], shares, "loss", "min", "epoch", levels[-1]
        )

    def ask(self, new: int) -> tuple[int, int]:
        """What a free seat gets, (trial, rung); `new` is the number of a new trial."""
        promoted = self._rungs.on_task_schedule(str(new))
        if not promoted:
            self._rungs.on_task_add(str(new), 0)
            return new, 0
        self._rungs.on_task_add(
            promoted["trial_id"],
            0,
            new_config=False,
            **{key: promoted[key] for key in ("milestone", "resume_from")},
        )
        return int(promoted["trial_id"]), self._levels.index(promoted["milestone"])

    def tell(self, trial: int, rung: int, value: float) -> None:
        """The result of a leg."""
        report = {"epoch": self._levels[rung], "loss": value}
        self._rungs.on_task_report(str(trial), report, 0)


class OldStopping:
    """Syne Tune 0.13's stopping rungs."""

    def __init__(self, folder: str) -> None:
        self._module = _old(folder, "hyperband_stopping")

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        shares = [1 / eta] * (len(levels) - 1)
        self._levels = levels
        self._rungs = self._module.StoppingRungSystem(
            levels[:-1], shares, "loss", "min", "epoch", levels[-1]
        )

    def goes_on(self, trial: int, rung: int, value: float) -> bool:
        """Whether the trial goes on with this result."""
        report = {"epoch": self._levels[rung], "loss": value}
        said = self._rungs.on_task_report(str(trial), report, 0)
        return bool(said["task_continues"])


class NewStopping:
    """Syne Tune 0.16's bracket, which is Ray Tune's."""

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        from syne_tune.optimizer.schedulers.asha import Bracket

        self._levels = levels
        self._bracket = Bracket(levels[0], levels[-1], eta, 0)

    def goes_on(self, trial: int, rung: int, value: float) -> bool:
        """Whether the trial goes on with this result."""
        said = self._bracket.on_result(trial, self._levels[rung], {"loss": value})
        return str(said) == "CONTINUE"
