"""What looking at a large campaign costs: loading it, its two pictures, and its export to Optuna.

    python benchmarks/read_results.py [--trials 10000] [--repeats 5]

Writes the result files of a campaign that never ran: trials of 1, 3, 9 and 27 epochs, as ASHA
leaves them. Each repeat is a fresh process for each row; times are CPU seconds, without imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hpo.folder import all_results  # noqa: E402 - because it is found from the line above
from hpo.folder.files import Layout  # noqa: E402

BEGIN = 1.7e9
SPACE = {
    "lr": {"type": "loguniform", "low": 1e-4, "high": 0.1},
    "dropout": {"type": "uniform", "low": 0.0, "high": 0.6},
    "width": {"type": "lograndint", "low": 8, "high": 512},
    "activation": {"type": "choice", "values": ["relu", "gelu", "tanh"]},
}
TIMED = """
import sys, time
from pathlib import Path
{imports}
root = sys.argv[1]
begin = time.process_time()
{act}
print(time.process_time() - begin)
"""
LOAD = "import hpo; hpo.load_campaign"
PLOTS = """import hpo, io, matplotlib; matplotlib.use("Agg"); from matplotlib import pyplot
frames = hpo.load_campaign(sys.argv[1])"""
ROWS = {
    "load_campaign, by all.jsonl": (LOAD, "hpo.load_campaign(root)"),
    "load_campaign, file by file": (
        LOAD + "\nfrom hpo.folder import all_results; all_results.read = lambda layout: {}",
        "hpo.load_campaign(root)",
    ),
    "both pictures": (PLOTS, "frames.plot(); frames.plot_learning_curves()"),
    "both pictures, saved as png": (
        PLOTS,
        "for plot in (frames.plot, frames.plot_learning_curves):"
        " plot().figure.savefig(io.BytesIO(), format='png')",
    ),
    "hpo export --to optuna": (
        "from hpo.cli import main; import hpo.cli.export",
        "main(['export', root, '--to', 'optuna'])",
    ),
}


def make(root: Path, trials: int) -> None:
    """The files of a campaign, as far as results are read from them."""
    layout = Layout(root)
    layout.results.mkdir(parents=True)
    seat = {"metric": "loss", "mode": "min", "resource_attr": "epoch", "gpus": 1}
    settings = {"name": "large", "hpo": {"metric": "loss", "mode": "min"}}
    document = {"campaign": "large", "created": BEGIN, "identity": {"space": SPACE}}
    layout.campaign.write_text(json.dumps(document | {"seat": seat, "settings": settings}))
    dice = random.Random(0)
    lines = []
    for trial_id in range(trials):
        made = result(trial_id, dice)
        layout.result(trial_id).write_text(json.dumps(made, indent=2))
        lines.append(all_results.line_of(made) or "")
    all_results.append(layout, lines)


def result(trial_id: int, dice: random.Random) -> dict[str, object]:
    """The standing result of a trial that never ran."""
    epochs = dice.choices([1, 3, 9, 27], [27, 9, 3, 1])[0]
    start = BEGIN + 20 * trial_id
    reports = [
        {
            "epoch": epoch,
            "loss": dice.random() + 1 / epoch,
            "accuracy": dice.random(),
            "time": start + 60 * epoch + dice.random(),
            "elapsed": 60 * epoch + dice.random(),
        }
        for epoch in range(1, epochs + 1)
    ]
    return {
        "trial_id": trial_id,
        "status": "completed" if epochs == 27 else "paused",
        "error": reports[-1]["loss"],
        "metric": "loss",
        "mode": "min",
        "config": {
            "lr": 10 ** dice.uniform(-4, -1),
            "dropout": dice.uniform(0, 0.6),
            "width": dice.randint(8, 512),
            "activation": dice.choice(["relu", "gelu", "tanh"]),
        },
        "resource": epochs,
        "rung": 0,
        "attempt": 0,
        "job_id": f"1_{trial_id}",
        "cause": None,
        "message": None,
        "traceback": None,
        "additional_info": {
            "training_time": 60.0 * epochs,
            "start_time": start,
            "end_time": start + 60.0 * epochs,
            "leg_time": 60.0 * epochs,
            "host": "gpu017",
            "code": "69b427fd65870759",
            "gpu_use": dice.uniform(0, 100),
            "gpu_mem_mb": dice.randint(1000, 40000),
        },
        "reports": reports,
    }


def seconds(imports: str, act: str, root: Path) -> float:
    """CPU time of the act in a fresh interpreter."""
    code = TIMED.format(imports=imports, act=act)
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hpo_large_") as folder:
        root = Path(folder) / "large"
        make(root, given.trials)
        size = Layout(root).all_results.stat().st_size / 1e6
        took: dict[str, list[float]] = {name: [] for name in ROWS}
        for _ in range(given.repeats):
            for name, (imports, act) in ROWS.items():
                took[name].append(seconds(imports, act, root))
    print(f"{given.trials} trials, all.jsonl has {size:.1f} MB; CPU seconds, median (least-most)")
    for name, times in took.items():
        around = f"{min(times):.2f}-{max(times):.2f}"
        print(f"{name:30}  {statistics.median(times):5.2f}  {around:>11}")
    print(
        f"of {given.repeats}; Python {sys.version.split()[0]}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[1]:.1f}"
    )


if __name__ == "__main__":
    main()
