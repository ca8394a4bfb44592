"""What a seat spends between two trials: forked, in the same process, or in a fresh interpreter.

    python benchmarks/trial_process.py [--trials 20] [--rounds 3]

One seat of a campaign's folder, without a manager and on a local disk, takes trials that do
nothing; the time between the end of one objective and the start of the next is dead. `job` is one
process per trial, started here as soon as the one before has ended: what `trials_per_job: 1` costs
on a cluster without a queue. `training` makes an optimizer and takes a step, which counts as dead:
it is next to nothing, but for what torch loads at its first use. All variants take turns within
each round.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from hpo.folder import offers
from hpo.folder.files import Layout, publish_json
from hpo.folder.offers import Leg
from hpo.job import start

ROOT = Path(__file__).resolve().parents[1]
TRAIN = """
import os, threading, time
{imports}
def note(word):
    file = os.open({notes!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{{word}} {{time.time()}}\\n".encode())
    os.close(file)
def objective(config, trial):
    note("begins")
    {step}
    trial.report(loss=1.0)
    note("ends")
"""
STEP = """model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(4, 8)).mean().backward()
    optimizer.step()"""
IMPORTS = {
    "nothing": ("", ""),
    "numpy": ("import numpy", ""),
    "torch": ("import torch", ""),
    "training": ("import torch", STEP),
}
# A thread of the user's own is one of the reasons for a fresh interpreter.
THREAD = "\nthreading.Thread(target=time.sleep, args=(10_000,), daemon=True).start()"
WAYS = {
    "same": {"trials_per_job": "auto", "trial_process": "same"},
    "fork": {"trials_per_job": "auto"},
    "fresh": {"trials_per_job": "auto"},
    "job": {"trials_per_job": 1},
}


def main() -> None:
    """Print the table."""
    # As in a user's shell: some containers set it, and every interpreter compiles its imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.rounds):
        for imports in IMPORTS:
            for way in WAYS:
                found.setdefault((imports, way), []).extend(dead_s(imports, way, arguments.trials))
    print(f"{'imports':10}" + "".join(f"{way:>10}" for way in WAYS) + "   (median ms a trial)")
    for imports in IMPORTS:
        cells = [statistics.median(found[imports, way]) for way in WAYS]
        print(f"{imports:10}" + "".join(f"{1000 * cell:10.1f}" for cell in cells))


def dead_s(imports: str, way: str, trials: int) -> list[float]:
    """Seconds between the end of each trial and the start of the next, of one seat."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "c")
        layout.create()
        notes, train = Path(folder) / "notes.txt", Path(folder) / "train.py"
        lines, step = IMPORTS[imports]
        lines += THREAD if way == "fresh" else ""
        train.write_text(TRAIN.format(imports=lines, step=step, notes=str(notes)))
        seat = {
            "campaign": "benchmark",
            "objective": f"{train}:objective",
            "pythonpath": [folder],
            "metric": "loss",
            "mode": "min",
            "resource_attr": "epoch",
            "checkpoint_interval": 1,
            "claim_timeout": 0.0,
        }
        publish_json(layout.campaign, {"seat": seat | WAYS[way]})
        content = {"config": {"x": 1.0}, "target": 1, "final": True}
        offers.publish_offers(layout, [(Leg(i, 0, 0), content) for i in range(trials)])
        environment = os.environ | {"HPO_JOB_ID": "benchmark", "PYTHONPATH": str(ROOT)}
        for _ in range(trials if way == "job" else 1):
            command = [sys.executable, start.__file__, "seat", str(layout.root)]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        times = [float(line.split()[1]) for line in notes.read_text().splitlines()]
    assert len(times) == 2 * trials, times
    if IMPORTS[imports][1]:  # from report to report, because the step begins the trial
        return [later - end for end, later in itertools.pairwise(times[1::2])]
    ends, begins = times[1::2], times[2::2]
    return [begin - end for end, begin in zip(ends, begins, strict=False)]


if __name__ == "__main__":
    main()
