"""ASHA against random search over the same trials, on the real SLURM with 8 seats.

    python benchmarks/asha_against_random.py [--seeds 3 4 5] [--epoch-s 0.05]

81 trials, at most 27 epochs, reduction factor 3. For each seed both campaigns run one after the
other with the same 81 configurations and the same learning curves (`curves.py`); an epoch is a
sleep. Every epoch appends one line to a common file, so that epochs are counted in the order in
which they ended, whoever ran them.

Two targets, both taken from the finished random search of the same seed: the best error it found
(what a user would otherwise get), and its third best (3 of 81 trials is what ASHA takes to its last
rung; less a matter of one lucky trial's place in the order).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slurm_campaign import OUTPUT, legs, require_slurm, run_campaign

N_TRIALS, MAX_T, SEATS = 81, 27, 8
RUNGS = {"type": "asha", "max_t": MAX_T, "grace_period": 1, "reduction_factor": 3}

CONFIG = """
import os, time
from curves import error
from hpo import loguniform, uniform

def get_config_space():
    return {"learning_rate": loguniform(1e-4, 1.0), "dropout": uniform(0.0, 0.9),
            "momentum": uniform(0.0, 0.99), "max_epochs": %(max_t)d}

def get_slurm_config():
    return {"time": "0:30:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(n_trials)d, "max_concurrent_jobs": %(seats)d, "seed": %(seed)d,
            "output_dir": "%(output)s", "poll_interval": 5, "claim_timeout": 10,
            "result_grace": 5} | %(more)r

def objective(config, trial):
    state = {"epochs": 0}
    trial.restore(state=state)
    log = os.open("epochs.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for epoch in trial.epochs():
        time.sleep(%(epoch_s)g)
        state["epochs"] += 1
        value = error(config, state["epochs"])
        os.write(log, f"{trial.trial_id} {epoch} {time.time()} {value}\\n".encode())
        trial.report(epoch=epoch, validation_error=value)
"""


@dataclass(frozen=True)
class Epoch:
    """One epoch that was trained."""

    trial_id: int
    epoch: int
    ended_at: float
    error: float


@dataclass(frozen=True)
class Campaign:
    """What one campaign came to; epochs in the order in which they ended, times in s."""

    epochs: list[Epoch]
    started_at: float
    whole_s: float
    n_legs: int

    def until(self, target: float) -> tuple[int, float] | None:
        """Epochs and seconds until the first value at or below `target`; None: never."""
        for count, epoch in enumerate(self.epochs, 1):
            if epoch.error <= target:
                return count, epoch.ended_at - self.started_at
        return None


def campaign(folder: Path, seed: int, epoch_s: float, *, asha: bool) -> Campaign:
    """Run one campaign on SLURM."""
    values = {
        "n_trials": N_TRIALS,
        "max_t": MAX_T,
        "seats": SEATS,
        "seed": seed,
        "output": OUTPUT,
        "epoch_s": epoch_s,
        "more": {"scheduler": RUNGS} if asha else {},
    }
    whole_s = run_campaign(folder, CONFIG % values)
    lines = (folder / "epochs.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines]
    epochs = [Epoch(int(w[0]), int(w[1]), float(w[2]), float(w[3])) for w in words]
    if len({(e.trial_id, e.epoch) for e in epochs}) != len(epochs):
        raise RuntimeError(f"{folder}: an epoch was trained twice")
    ran = legs(folder)
    return Campaign(epochs, ran[0].start, whole_s, len(ran))


def main() -> None:
    """Run the pairs and print their figures and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--epoch-s", type=float, default=0.05)
    arguments = parser.parse_args()
    require_slurm()
    print("seed    search  epochs  legs  manager s   best    to 3rd best: epochs     s", end="")
    print("   to best: epochs     s")
    ratios: dict[str, list[float]] = {}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            random = campaign(Path(folder) / "random", seed, arguments.epoch_s, asha=False)
            asha = campaign(Path(folder) / "asha", seed, arguments.epoch_s, asha=True)
        finals = sorted(e.error for e in random.epochs if e.epoch == MAX_T)
        targets = {"third best": finals[2], "best": finals[0]}
        for name, run in (("random", random), ("asha", asha)):
            print(_row(seed, name, run, list(targets.values())), flush=True)
        _compare(ratios, random, asha, targets)
    print(
        "\nrandom search / ASHA, median (least-most) over the seeds; more than 1: ASHA needs less"
    )
    for what, values in ratios.items():
        print(f"  {what:30} {_spread(values)}")
    load = os.getloadavg()[1]
    print(
        f"{SEATS} seats, an epoch sleeps {arguments.epoch_s} s; {os.cpu_count()} cores, "
        f"load {load:.1f}"
    )


def _row(seed: int, name: str, run: Campaign, targets: Sequence[float]) -> str:
    best = min(epoch.error for epoch in run.epochs)
    text = (
        f"{seed:4}  {name:>8}  {len(run.epochs):6}  {run.n_legs:4}  {run.whole_s:9.0f}  {best:5.3f}"
    )
    for width, target in zip((24, 19), targets, strict=True):
        reached = run.until(target)
        count, seconds = ("never", "-") if reached is None else (reached[0], f"{reached[1]:.0f}")
        text += f"{count:>{width}}  {seconds:>4}"
    return text


def _compare(
    ratios: dict[str, list[float]], random: Campaign, asha: Campaign, targets: dict[str, float]
) -> None:
    def add(what: str, value: float) -> None:
        ratios.setdefault(what, []).append(value)

    add("epochs, whole campaign", len(random.epochs) / len(asha.epochs))
    add("manager's s, whole campaign", random.whole_s / asha.whole_s)
    for name, target in targets.items():
        first, second = random.until(target), asha.until(target)
        if first is not None and second is not None:
            add(f"epochs to the {name}", first[0] / second[0])
            add(f"s to the {name}", first[1] / second[1])


def _spread(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.1f} ({min(values):.1f}-{max(values):.1f}), {len(values)} seeds"


if __name__ == "__main__":
    main()
