"""One campaign as the user asked for it, with all resolved; and what makes two the same search."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from hpo.command_line import CommandLine
from hpo.record.goal import Goal
from hpo.settings.search import HpoSettings, SlurmSettings
from hpo.settings.searchers import GridSettings, RandomSettings, SobolSettings
from hpo.settings.types import Settings
from hpo.values import JsonValue

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
    """"package.module:function", "/absolute/file.py:function", "script:/absolute/file.py", or
    "command: python -m package" for a command that runs no file of Python's."""
    pythonpath: tuple[str, ...]
    """Absolute folders from which the jobs import, first to last."""
    output_dir: Path
    """Absolute path of the campaign folder."""
    searcher: str | None = None
    """A searcher of the user's own, written like an objective; None: as `hpo.searcher` says."""
    command_line: CommandLine | None = None
    """How a script is run; None: the objective is a function."""

    def asha(self, ladder: tuple[int, ...] = ()) -> Asha | None:
        """The rungs of the campaign; None: random search over whole trials.

        `ladder` are those that it began with, where `max_t` was raised since.
        """
        scheduler = self.hpo.scheduler
        if scheduler is None or scheduler.type == "random":
            return None
        from hpo.decisions.asha import Asha

        constant = self.space.constant_int(self.hpo.max_resource_attr)
        max_t = scheduler.max_t or constant
        assert max_t is not None, "checked while the configuration was loaded"
        return Asha(
            max_t=max_t,
            grace_period=scheduler.grace_period,
            reduction_factor=scheduler.reduction_factor,
            stopping=scheduler.type == "stopping",
            brackets=scheduler.brackets,
            seed=self.hpo.seed,
            ladder=ladder,
            max_resource_attr="" if constant is None else self.hpo.max_resource_attr,
        )

    def legs(self, ladder: tuple[int, ...] = ()) -> LegPolicy:
        """How trials are cut into legs; `ladder` as in `asha`."""
        from hpo.decisions.whole_trials import WholeTrials

        return self.asha(ladder) or WholeTrials(self.hpo.max_resource_attr)

    @property
    def searcher_name(self) -> str:
        """Of a searcher of this program, or the reference to one's own."""
        settings = self.hpo.searcher
        name = settings.name if isinstance(settings, Settings) else settings
        return name or "random"

    @property
    def is_learning(self) -> bool:
        """Whether what is drawn depends on the results so far."""
        blind = (NoneType, RandomSettings, SobolSettings, GridSettings)
        return not isinstance(self.hpo.searcher, blind)

    @property
    def rung_attr(self) -> str | None:
        """The hyperparameter that tells the objective its rung: where the user said which it is."""
        is_said = "max_resource_attr" in self.hpo.model_fields_set
        return self.hpo.max_resource_attr if is_said and self.asha() is not None else None

    @property
    def goal(self) -> Goal:
        """What trials are compared by."""
        hpo = self.hpo
        return Goal(hpo.metric, hpo.mode, hpo.resource_attr, hpo.trial_value)

    def identity(self, levels: Sequence[int] = ()) -> dict[str, Any]:
        """What makes two runs the same search, so that one may resume the other.

        Of an objective in a file only the file's name counts: a moved project is the same search.
        So is one whose rungs go further than the `levels` that it began with.
        """
        asha, space = self.asha(), self.space.to_json()
        if asha is not None and levels and asha.max_t > levels[-1]:
            asha = replace(asha, max_t=levels[-1])
            if asha.max_resource_attr:
                space[asha.max_resource_attr] = {"type": "constant", "value": levels[-1]}
        return {
            "space": space,
            "seed": self.hpo.seed,
            "objective": self.objective.rsplit("/", 1)[-1],
            "metric": self.hpo.metric,
            "mode": self.hpo.mode,
            "points_to_evaluate": self.hpo.points_to_evaluate,
            "scheduler": None if asha is None else asha.to_json(),
            "searcher": self._searcher_identity(),
            # Where it is not the default, so that campaigns begun before it are the same search.
        } | ({} if self.hpo.trial_value == "last" else {"trial_value": self.hpo.trial_value})

    def _searcher_identity(self) -> JsonValue:
        """The file's name of one's own; None: random search, also where it is named."""
        if self.searcher is not None:
            return self.searcher.rsplit("/", 1)[-1]
        settings = self.hpo.searcher
        if not isinstance(settings, Settings) or settings.name == "random":
            return None
        # Without defaults, which may become better ones.
        said: dict[str, Any] = settings.model_dump(mode="json", exclude_defaults=True)
        return {"name": settings.name} | said

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
            # Who is told is nobody else's business, and an address may hold a token.
            "hpo": self.hpo.model_dump(mode="json", exclude={"notify"}),
        }
