"""`hpo.SLURM`: what each job asks for, as keyword arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hpo.settings.slurm import SlurmSettings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from hpo.api.options import SlurmOptions


class SLURM(dict[str, Any]):
    """What each job asks SLURM for: `hpo.SLURM(partition="gpu", gpus=1, time="4:00:00")`.

    Each option is described in docs/reference/settings.md; `hpo.Campaign` checks them all at once.
    """

    def __init__(self, **options: Unpack[SlurmOptions]) -> None:
        super().__init__(options)

    def __repr__(self) -> str:
        """As it is written; of `extra`, which may hold a password, only the names."""
        words = [f"{name}={self._shown(name)}" for name in self]
        return f"hpo.SLURM({', '.join(words)})"

    def _shown(self, name: str) -> str:
        value = self[name]
        return f"{sorted(value)}" if name == "extra" and isinstance(value, dict) else repr(value)


# So that notebooks complete the options, too, which look at the running program.
setattr(SLURM, "__signature__", inspect.signature(SlurmSettings))  # noqa: B010
