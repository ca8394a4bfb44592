"""What `hpo plan` takes for granted, where it comes from, and the model that follows from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.cluster.simulated.arrival import Arrival
from hpo.cluster.simulated.model import ClusterModel
from hpo.errors import SettingsError
from hpo.folder.files import Layout, read_object
from hpo.folder.opening import settled
from hpo.record.fields import LATEST_S
from hpo.record.result import MOST_RESOURCE
from hpo.settings.spec import CampaignSpec

EPOCH_S = 60.0
EPOCH_SPREAD = 0.5
QUEUE_WAIT_S = 1800.0
START_S = 20.0  # Python, torch and the user's package, from a network filesystem
LOAD_S = 10.0
STRAGGLE = 0.1  # jobs of one array stand beside each other in the queue
POLL_S = 60.0
TICK_S = 10.0  # coarser than a real manager's 2 s, which would cost time here change little
MOST_TRIALS = 2000  # of a folder of results; more would only cost time
LEAST_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All that the settings do not tell; times in s. `sources` are sentences for people."""

    arrival: Arrival
    seats: int
    epoch_s: float = EPOCH_S
    epoch_spread: float = EPOCH_SPREAD
    start_s: float = START_S
    load_s: float = LOAD_S
    preemptions_per_hour: float = 0.0
    sources: tuple[str, ...] = ()

    def model(self, spec: CampaignSpec, seed: int) -> ClusterModel:
        """The cluster on which the campaign is simulated."""
        return ClusterModel(
            seats=self.seats,
            arrival=self.arrival,
            straggle=STRAGGLE,
            start_s=self.start_s,
            load_s=self.load_s,
            epoch_s=self.epoch_s,
            epoch_spread=self.epoch_spread,
            preemptions_per_hour=self.preemptions_per_hour,
            time_min=spec.slurm.time_min,
            legs_per_job=spec.hpo.legs_per_job,
            mem_mb=spec.slurm.mem_mb,
            poll_s=POLL_S,
            tick_s=TICK_S,
            seed=seed,
        )


def sentences(assumed: Assumptions, spec: CampaignSpec) -> Sequence[str]:
    """What is taken for granted, one line each."""
    hpo = spec.hpo
    lines = [*assumed.sources]
    lines.append(
        f"{assumed.seats} seats (max_concurrent_jobs {hpo.max_concurrent_jobs}); a job starts in "
        f"{assumed.start_s:.0f} s, a leg in {assumed.load_s:.0f} s"
    )
    if assumed.preemptions_per_hour:
        lines.append(f"a running job is preempted {assumed.preemptions_per_hour:g} times an hour")
    if hpo.max_gpu_hours or hpo.max_wallclock_time or hpo.target_error is not None:
        lines.append("max_gpu_hours, max_wallclock_time and target_error are left aside")
    lines.append("results follow invented learning curves: your objective is not run")
    return lines


def epoch_times(root: Path) -> tuple[float, float]:
    """Median over trials (s), and the sigma of the log-normal that goes with their spread.

    Raises:
        SettingsError: no trial in `root` tells how long it trained.
    """
    found = list(_epochs_s(Layout(settled(root))))
    if not found:
        problem = (
            f"{root} holds no results that tell how long an epoch took; name the folder of a "
            "campaign in which a trial has ended, or give --epoch-seconds"
        )
        raise SettingsError([problem], where="--like")
    logs = [math.log(seconds) for seconds in found]
    spread = statistics.pstdev(logs) if len(logs) > 1 else LEAST_SPREAD
    return statistics.median(found), max(LEAST_SPREAD, spread)


def _epochs_s(layout: Layout) -> Iterator[float]:
    for path in sorted(layout.results.glob("trial_*.json"))[:MOST_TRIALS]:
        found = read_object(path)
        resource, info = found.get("resource"), found.get("additional_info")
        spent_s = info.get("training_time") if isinstance(info, dict) else None
        if not isinstance(resource, int) or not isinstance(spent_s, (int, float)):
            continue
        if 0 < resource <= MOST_RESOURCE and 0.0 < spent_s < LATEST_S:
            yield spent_s / resource
