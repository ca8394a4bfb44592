"""Seconds that a seat stands idle for each trial: this program beside what one would use instead.

    python benchmarks/dead_seconds.py [--repeats 3] [--only WORDS]

64 trials that sleep for about 3 s (log-normal, sigma 0.8) on 8 seats, the same times in the same
order for every tool, the tools taking turns in one run. Dead seconds of a seat per trial are the
seats' time without a trial between the first start and the last start (from then on there is not
work for every seat), for each trial but every seat's first. The tools that keep their job pay the
start of an interpreter once a seat, before the first trial, and it is not in the figure.

On SLURM: `tests/slurm/start_cluster.sh` starts one with eight GPUs. The peers are installed in a
folder of their own (a few minutes); `--python` names an interpreter that has them already.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from slurm_campaign import ROOT, require_slurm

PEERS = ["torch==2.13.0", "optuna>=4", "neural-pipeline-search==0.17.0", "syne-tune==0.16.0"]
PEERS += ["ray[tune]>=2.49", "submitit>=1.5.1"]


def install(home: Path) -> Path:
    """An interpreter with the peers and this program."""
    venv.create(home, with_pip=True)
    pip = [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    for package in [*PEERS, f"-e {ROOT}"]:
        subprocess.run([*pip, *package.split()], check=True)
    return home / "bin/python"


def dead_s(folder: Path, seats: int) -> float:
    """Dead seconds of a seat per trial, from the log of what started and ended when."""
    events = []
    for line in (folder / "log.txt").read_text(encoding="utf-8").splitlines():
        what, when = line.split()
        events.append((float(when), what))
    starts = sorted(when for when, what in events if what == "start")
    ends = sorted(when for when, what in events if what == "end")
    first, last = starts[0], starts[-1]
    # The order of pairs does not matter for a sum; what has no end still ran at the last start.
    ended = sum(min(end, last) for end in ends) + (len(starts) - len(ends)) * last
    busy = ended - sum(starts)
    return (seats * (last - first) - busy) / (len(starts) - seats)


def main() -> None:
    """Run the tools, taking turns, and print the table; inside the peers' environment."""
    # As in a user's shell: some containers set it, and every interpreter compiles its imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[""], help="tools whose name holds a word")
    parser.add_argument("--python", type=Path, help="an interpreter that has the peers")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    require_slurm()
    if not arguments.inside:
        with tempfile.TemporaryDirectory(prefix="peers_") as folder:
            python = arguments.python or install(Path(folder))
            sys.exit(subprocess.run([python, *sys.argv, "--inside"], check=False).returncode)
    import seat_tools

    tools = seat_tools.ON_SLURM | seat_tools.LOCAL
    chosen = {
        name: run for name, run in tools.items() if any(word in name for word in arguments.only)
    }
    found: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(arguments.repeats):
        for name, run in chosen.items():
            with tempfile.TemporaryDirectory(prefix="dead_seconds_") as folder:
                seat_tools.wait_for_free_seats()
                begin = time.monotonic()
                try:
                    run(Path(folder))
                    found[name].append(dead_s(Path(folder), seat_tools.SEATS))
                except (OSError, subprocess.CalledProcessError) as err:
                    print(f"{name} failed: {err}", file=sys.stderr)
                    continue
                took = time.monotonic() - begin
            print(f"{name}: {found[name][-1]:.2f} ({took:.0f} s in all)", file=sys.stderr)
    floor = found.get("bare sbatch --array")
    print(f"{'':32}  dead s a trial     ratio to array  of {arguments.repeats} runs")
    for name, values in found.items():
        if not values:
            print(f"{name:32}  failed")
            continue
        ratio = f"{statistics.median(values) / statistics.median(floor):.2f}" if floor else "-"
        spread = f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        print(f"{name:32}  {spread:17}  {ratio}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
