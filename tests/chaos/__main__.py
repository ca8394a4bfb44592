"""`make chaos`: kill campaigns at random, and print what that cost. Exit code 1 on any fault."""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos import in_simulation, on_processes
from chaos.audit import Findings
from chaos.training import CODES

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[[Path, int, int], tuple[Counter[str], Findings]]
RUNS: dict[str, tuple[Run, int]] = {  # and how many kills one campaign gets
    "simulation": (in_simulation.run, 30),
    "local": (on_processes.run, 12),
    "training": (on_processes.run_training, 12),
}


def main() -> int:
    """Run the campaigns and print one table."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--executor", choices=[*RUNS, "slurm", "all"], default="all")
    parser.add_argument("--campaigns", type=int, default=20, help="campaigns of each executor")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for what happened")
    parser.add_argument("--kills", type=int, default=None, help="of each campaign, at most")
    parser.add_argument("--code", default=None, help=f"one of {', '.join(CODES)}; default: any")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    logging.disable(logging.CRITICAL)
    known = os.environ.get("PYTHONPATH")  # for the processes that are started
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), known]))
    runs = dict(RUNS)
    if arguments.executor in ("slurm", "all"):
        from chaos import on_slurm  # because it needs a SLURM

        runs["slurm"] = (on_slurm.run, 8)
    if arguments.executor != "all":
        runs = {arguments.executor: runs[arguments.executor]}
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="hpo-chaos-") as folder:
        where = arguments.keep or Path(folder)
        for name, (run, kills) in runs.items():
            if arguments.code is not None and name in ("training", "slurm"):
                run = partial(run, name=arguments.code)  # type: ignore[call-arg]
            kills = arguments.kills or kills
            faults += _campaigns(name, run, kills, arguments.campaigns, seed, where)
    return 1 if faults else 0


def _campaigns(
    name: str, run: Run, kills: int, campaigns: int, seed: int, folder: Path
) -> list[str]:
    began, done, found = time.monotonic(), Counter[str](), Findings()
    for number in range(campaigns):
        happened, judged = run(folder / f"{name}-{number}", seed + number, kills)
        done += happened
        found.add(judged)
    took_s = time.monotonic() - began
    print(f"\n{name}: {campaigns} campaigns, {done.total()} kills and other faults, {took_s:.0f} s")
    for what, count in sorted(done.items()):
        print(f"  {what:32} {count:6}")
    for what in ("lost", "doubled", "undone", "unended", "failed_by_kill"):
        print(f"  {what.replace('_', ' '):32} {len(getattr(found, what)):6}")
    for what in ("trials", "failed", "epochs", "epochs_again"):
        print(f"  ({what.replace('_', ' trained ')})".ljust(35) + f"{getattr(found, what):6}")
    for line in found.faults:
        print(f"  FAULT {line}")
    sys.stdout.flush()
    return found.faults


if __name__ == "__main__":
    sys.exit(main())
