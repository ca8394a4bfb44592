"""The two halves of `scale.py`, each in a process of its own: run a campaign, resume it.

python benchmarks/scale_parts.py run FOLDER TRIALS SEATS
python benchmarks/scale_parts.py resume FOLDER TRIALS SEATS
"""

from __future__ import annotations

import json
import logging
import resource
import statistics
import sys
import time
from pathlib import Path

from schedulers_parts import ETA, MAX_T
from simulated_campaign import SimulatedCampaign, random_search, sync_nothing

from hpo.cluster.simulated.arrival import Exponential
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.loop import Manager

EPOCH_S, SPREAD, TICK_S = 600.0, 0.8, 30.0


def build(root: Path, trials: int, seats: int) -> tuple[Manager, SimulatedCampaign]:
    """The campaign, new or as it lies there."""
    model = ClusterModel(
        seats=seats,
        arrival=Exponential(600.0),
        straggle=0.1,
        load_s=10.0,
        epoch_s=EPOCH_S,
        epoch_spread=SPREAD,
        tick_s=TICK_S,
        poll_s=60.0,
    )
    campaign = SimulatedCampaign(root, model)
    asha = Asha(max_t=MAX_T, reduction_factor=ETA)
    manager = campaign.manager(
        Scheduler(random_search(MAX_T, 0), Limits(n_trials=trials), asha),
        SeatLimits(seats, max(450, seats + seats // 4)),
        checkpoints=CheckpointKeeper(campaign.layout, asha, "promotable", trials),
    )
    return manager, campaign


def run(root: Path, trials: int, seats: int) -> dict[str, float]:
    """The whole campaign; what its manager cost."""
    sync_nothing()
    manager, campaign = build(root, trials, seats)
    tick, journal = manager.tick, campaign.layout.journal
    took: list[float] = []
    idle: list[float] = []
    cpu_s = 0.0

    def timed() -> None:
        nonlocal cpu_s
        cpu, size, begin = time.process_time(), journal.stat().st_size, time.perf_counter()
        tick()
        seconds = time.perf_counter() - begin
        cpu_s += time.process_time() - cpu
        took.append(seconds)
        if journal.stat().st_size == size:
            idle.append(seconds)

    manager.tick = timed
    manager.run()
    assert manager.state.ended is not None
    assert len(manager.state.trials) == trials
    return {
        "legs": len(campaign.cluster.lives.use.legs_run),
        "virtual_s": campaign.clock.now(),
        "ticks": len(took),
        "tick_s": statistics.median(took),
        "tick_p95_s": sorted(took)[int(0.95 * len(took))],
        "idle_s": statistics.median(idle or took),
        "cpu_s": cpu_s,
        "polls": campaign.cluster.calls["poll"],
        "submits": campaign.cluster.calls["submit"],
        "peak": _peak(),
        "journal": journal.stat().st_size,
        "bytes": sum(p.stat().st_size for p in root.rglob("*") if p.is_file()),
    }


def resume(root: Path, trials: int, seats: int) -> dict[str, float]:
    """A new manager of what has ended."""
    begin = time.perf_counter()
    manager, _ = build(root, trials, seats)
    manager.start()
    return {"resume_s": time.perf_counter() - begin, "resume_peak": _peak()}


def _peak() -> int:
    """Peak resident memory of this process in bytes (macOS counts in bytes, Linux in KiB)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    logging.getLogger("hpo").setLevel(logging.CRITICAL)
    what, folder, n_trials, n_seats = sys.argv[1:]
    act = run if what == "run" else resume
    print(json.dumps(act(Path(folder), int(n_trials), int(n_seats))))
