"""One campaign as the user asked for it, with all resolved; and what makes two the same search."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.record.goal import Goal
from hpo.settings.search import HpoSettings, SlurmSettings

if TYPE_CHECKING:
    from hpo.decisions.asha import Asha
    from hpo.decisions.whole_trials import LegPolicy
    from hpo.space.space import Space


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """One campaign as the user asked for it, with everything resolved."""

    name: str
    source: Path | None
    """The configuration file; None when the campaign was built in a program."""
    space: Space
    slurm: SlurmSettings
    hpo: HpoSettings
    objective: str
    """"package.module:function", "/absolute/file.py:function" or "script:/absolute/file.py"."""
    pythonpath: tuple[str, ...]
    """Absolute folders from which the jobs import, first to last."""
    output_dir: Path
    """Absolute path of the campaign folder."""
    searcher: str | None = None
    """A searcher of the user's own, written like an objective; None: random search."""

    def asha(self) -> Asha | None:
        """The rungs of the campaign; None: random search over whole trials."""
        scheduler = self.hpo.scheduler
        if scheduler is None or scheduler.type == "random":
            return None
        from hpo.decisions.asha import Asha

        max_t = scheduler.max_t or self.space.constant_int(self.hpo.max_resource_attr)
        assert max_t is not None, "checked while the configuration was loaded"
        return Asha(
            max_t=max_t,
            grace_period=scheduler.grace_period,
            reduction_factor=scheduler.reduction_factor,
            stopping=scheduler.type == "stopping",
            brackets=scheduler.brackets,
            seed=self.hpo.seed,
        )

    def legs(self) -> LegPolicy:
        """How trials are cut into legs."""
        from hpo.decisions.whole_trials import WholeTrials

        return self.asha() or WholeTrials(self.hpo.max_resource_attr)

    @property
    def goal(self) -> Goal:
        """What trials are compared by."""
        return Goal(self.hpo.metric, self.hpo.mode, self.hpo.resource_attr)

    def identity(self) -> dict[str, Any]:
        """What makes two runs the same search, so that one may resume the other.

        Of an objective in a file only the file's name counts: a moved project is the same search.
        """
        asha = self.asha()
        return {
            "space": self.space.to_json(),
            "seed": self.hpo.seed,
            "objective": self.objective.rsplit("/", 1)[-1],
            "metric": self.hpo.metric,
            "mode": self.hpo.mode,
            "points_to_evaluate": self.hpo.points_to_evaluate,
            "scheduler": None if asha is None else asha.to_json(),
            "searcher": None if self.searcher is None else self.searcher.rsplit("/", 1)[-1],
        }

    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for `identity`."""
        text = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """All resolved settings as plain data, for campaign.json."""
        return {
            "name": self.name,
            "source": None if self.source is None else str(self.source),
            "digest": self.digest(),
            "objective": self.objective,
            "pythonpath": list(self.pythonpath),
            "output_dir": str(self.output_dir),
            "space": self.space.to_json(),
            "slurm": self.slurm.model_dump(mode="json"),
            "hpo": self.hpo.model_dump(mode="json"),
        }
