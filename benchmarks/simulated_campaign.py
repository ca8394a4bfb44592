"""Whole campaigns in virtual time: the package's own manager on its simulated cluster.

Owns the folder, the clock and the cluster; what the cluster is like, how it is searched and what
that came to is for each benchmark to say. The learning curves are those of `curves.py`.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curves import error

from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.cluster import SimulatedCluster
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Scheduler
from hpo.folder.files import Layout, publish_json
from hpo.folder.journal import Header, Journal
from hpo.job.orders import LegSettings
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.loop import Manager, Surroundings
from hpo.record.goal import Goal
from hpo.search.random import AsyncRandomSearch
from hpo.space.domains import loguniform, uniform
from hpo.space.space import read_space

NAME, METRIC, MODE = "benchmark", "validation_error", "min"
HEADER = Header(NAME, "0123456789abcdef")


def objective(config: dict[str, Any], trial: Any) -> None:
    """Report the end of the leg.

    Time passes in the simulator, by the leg's own epochs; the error follows from the epoch alone,
    so that there is no state to save.
    """
    value = error(config, trial.max_resource)
    trial.report(epoch=trial.max_resource, validation_error=value)


def random_search(max_epochs: int, seed: int) -> AsyncRandomSearch:
    """Over the hyperparameters of the curves."""
    space, problems = read_space(
        {
            "learning_rate": loguniform(1e-4, 1.0),
            "dropout": uniform(0.0, 0.9),
            "momentum": uniform(0.0, 0.99),
            "max_epochs": max_epochs,
        }
    )
    assert not problems
    return AsyncRandomSearch(space, seed)


class SimulatedCampaign:
    """A campaign's folder, new or as it lies there, and the cluster that serves it."""

    def __init__(
        self,
        root: Path,
        model: ClusterModel,
        *,
        claim_timeout: float = 60.0,
        kind: type[SimulatedCluster] = SimulatedCluster,
        trains: Callable[[dict[str, Any], Any], None] = objective,
    ) -> None:
        self.layout = Layout(root)
        self.layout.create()
        publish_json(self.layout.campaign, {"seat": {}})
        self.clock = SimulatedClock()
        settings = LegSettings(NAME, "curves:error", [], Goal(METRIC, MODE), 0, claim_timeout)
        self.cluster = kind(self.layout, self.clock, model, settings, lambda: trains)

    def manager(
        self,
        scheduler: Scheduler,
        seats: SeatLimits,
        *,
        until_target: bool = False,
        until_s: float = math.inf,
        checkpoints: CheckpointKeeper | None = None,
    ) -> Manager:
        """A manager; with `until_target` it leaves when that is met, and waits for no leg.

        So it does when `until_s` seconds have passed.
        """
        leaving: list[Manager] = []
        manager = Manager(
            Surroundings(
                self.layout,
                self.cluster,
                self.clock,
                lambda: (
                    self.clock.now() > until_s
                    or any(one.state.ending is not None for one in leaving)
                ),
            ),
            Journal(self.layout.journal, HEADER),
            scheduler,
            seats,
            goal=Goal(METRIC, MODE),
            checkpoints=checkpoints,
        )
        if until_target:
            leaving.append(manager)
        return manager


def sync_nothing() -> None:
    """In this process; no machine dies here."""
    os.fsync = lambda _descriptor: None


def memory() -> Path | None:
    """A disk in memory, where there is one: thousands of small files are written and deleted."""
    path = Path("/dev/shm")
    return path if os.access(path, os.W_OK) else None


@contextmanager
def campaign_folder() -> Iterator[Path]:
    """A folder that is removed again."""
    with tempfile.TemporaryDirectory(dir=memory()) as root:
        yield Path(root) / "campaign"
