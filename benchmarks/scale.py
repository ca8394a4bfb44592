"""Large campaigns in virtual time: what the manager costs as trials and seats grow.

    python benchmarks/scale.py [--sizes 1000:50 10000:500 100000:5000] [--picture scale.png]

Each size is a whole campaign of promotion ASHA (1 to 81 epochs, reduction factor 3) through the
package's own manager, offers, legs and journal, on the simulated cluster, in a fresh process; a
second fresh process then resumes it, which has ended: it reads the journal, applies every event and
checks the files. An epoch takes 10 min (median, log-normal with sigma 0.8); the manager looks every
30 s (virtual) and polls every minute. The times of ticks are the manager's own: what the simulated
jobs do is not in them.

The folder lies in memory where /dev/shm is there: the largest takes about 3 GB of it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from schedulers_parts import ETA, MAX_T
from simulated_campaign import SimulatedCampaign, memory, random_search, sync_nothing

from hpo.cluster.simulated.arrival import Exponential
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.loop import Manager

EPOCH_S, SPREAD, TICK_S = 600.0, 0.8, 30.0
MIB = 2**20
Figures = dict[str, float]


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


def part(*words: object) -> Figures:
    """What one of the two halves tells, `run` or `resume`, in a process of its own."""
    command = [sys.executable, __file__, *map(str, words)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(out))


def measure(trials: int, seats: int, folder: Path) -> Figures:
    """One campaign, run and resumed."""
    root = folder / f"{trials}"
    found = part("run", root, trials, seats) | part("resume", root, trials, seats)
    subprocess.run(["rm", "-rf", str(root)], check=True)
    return found | {"trials": trials, "seats": seats}


def main() -> None:
    """Run the sizes one after the other, print the table, draw the curves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["1000:50", "10000:500", "100000:5000"])
    parser.add_argument("--folder", type=Path, help="default: in memory, where there is room")
    parser.add_argument("--picture", type=Path, help="where to draw it; default: nowhere")
    parser.add_argument("--figures", type=Path, help="keep the figures there, to go on later")
    arguments = parser.parse_args()
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(dir=arguments.folder or memory()) as folder:
        for size in arguments.sizes:
            trials, _, seats = size.partition(":")
            found.append(measure(int(trials), int(seats), Path(folder)))
            _row(found[-1], first=len(found) == 1)
            if arguments.figures is not None:
                arguments.figures.write_text(json.dumps(found, indent=1))
    load = os.getloadavg()[1]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f}")
    if arguments.picture is not None:
        draw(found, arguments.picture)


COLUMNS = (
    ("trials", lambda f: f"{f['trials']:.0f}"),
    ("seats", lambda f: f"{f['seats']:.0f}"),
    ("legs", lambda f: f"{f['legs']:.0f}"),
    ("virtual h", lambda f: f"{f['virtual_s'] / 3600:.1f}"),
    ("tick ms", lambda f: f"{1e3 * f['tick_s']:.2f}"),
    ("95 % ms", lambda f: f"{1e3 * f['tick_p95_s']:.1f}"),
    ("idle tick ms", lambda f: f"{1e3 * f['idle_s']:.2f}"),
    ("CPU ms/leg", lambda f: f"{1e3 * f['cpu_s'] / f['legs']:.2f}"),
    ("CPU s/h", lambda f: f"{3600 * f['cpu_s'] / f['virtual_s']:.1f}"),
    ("polls/h", lambda f: f"{3600 * f['polls'] / f['virtual_s']:.0f}"),
    ("sbatch", lambda f: f"{f['submits']:.0f}"),
    ("peak MiB", lambda f: f"{f['peak'] / MIB:.0f}"),
    ("journal MiB", lambda f: f"{f['journal'] / MIB:.1f}"),
    ("files KiB/trial", lambda f: f"{f['bytes'] / 1024 / f['trials']:.1f}"),
    ("resume s", lambda f: f"{f['resume_s']:.2f}"),
    ("resume MiB", lambda f: f"{f['resume_peak'] / MIB:.0f}"),
)


def _row(found: Figures, *, first: bool) -> None:
    if first:
        print("  ".join(name for name, _ in COLUMNS))
    cells = (show(found).rjust(len(name)) for name, show in COLUMNS)
    print("  ".join(cells), flush=True)


def draw(found: Sequence[Figures], path: Path) -> None:
    """Four curves over the number of trials, each beside a line that grows in proportion."""
    import matplotlib as mpl  # because the table needs none

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    trials = [f["trials"] for f in found]
    panels = (
        ("peak memory of the manager, MiB", [f["peak"] / MIB for f in found]),
        ("journal, MiB", [f["journal"] / MIB for f in found]),
        ("manager's CPU for a leg, ms", [1e3 * f["cpu_s"] / f["legs"] for f in found]),
        ("resume, s", [f["resume_s"] for f in found]),
    )
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
    for ax, (title, values) in zip(axes.flat, panels, strict=True):
        ax.loglog(trials, values, "o-", color="#0072b2", label="measured")
        guide = [values[-1] * n / trials[-1] for n in trials]
        if "a leg" not in title:
            ax.loglog(trials, guide, ":", color="0.5", label="in proportion to the trials")
        ax.set_title(title, fontsize="medium")
        ax.set_ylim(min(values) / 3, max(values) * 3)
        labels = [f"{f['trials']:.0f}\n({f['seats']:.0f})" for f in found]
        ax.set_xticks(trials, labels)
        ax.minorticks_off()
        ax.yaxis.set_major_formatter("{x:g}")
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("trials (seats)")
    axes[0, 0].legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=110)


def half() -> None:
    """One of the two halves, by the arguments: run or resume, FOLDER, TRIALS, SEATS."""
    logging.getLogger("hpo").setLevel(logging.CRITICAL)
    what, folder, trials, seats = sys.argv[1:]
    act = run if what == "run" else resume
    print(json.dumps(act(Path(folder), int(trials), int(seats))))


if __name__ == "__main__":
    if sys.argv[1:2] in (["run"], ["resume"]):
        half()
    else:
        main()
