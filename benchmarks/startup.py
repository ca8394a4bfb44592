"""What starting costs: the command's help, and the imports of a job and of a manager.

    python benchmarks/startup.py [--repeats 7]

Each repeat runs all rows once, one after the other, each in a fresh process, so that a busy spell
of the machine meets all of them alike. The ratio of the least times is the one that other work on
the machine disturbs least.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BARE = "python -c pass"
COMMANDS = {
    BARE: ["-c", "pass"],
    "main_hpo.py --help": [str(ROOT / "main_hpo.py"), "--help"],
    "import hpo.job.main": ["-c", "import hpo.job.main"],
    "import submitit's": ["-c", "import submitit.core._submit"],
    "import hpo.cli.run": ["-c", "import hpo.cli.run"],
    "import scipy.stats": ["-c", "import scipy.stats"],
}


def seconds(arguments: Sequence[str]) -> float:
    """Wall time of one fresh interpreter."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print the table."""
    # As in a user's shell: some containers set it, and every interpreter compiles its imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats: int = parser.parse_args().repeats
    for arguments in COMMANDS.values():
        seconds(arguments)  # once for the bytecode and the disk's cache
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats):
        for name, arguments in COMMANDS.items():
            took[name].append(seconds(arguments))
    bare = took[BARE]
    print(f"{'':20}  {'ms':>4}  {'least-most':>10}  {'x bare':>6}  least x least bare")
    for name, times in took.items():
        around = f"{1e3 * min(times):.0f}-{1e3 * max(times):.0f}"
        print(
            f"{name:20}  {1e3 * statistics.median(times):4.0f}  {around:>10}  "
            f"{statistics.median(times) / statistics.median(bare):6.1f}  "
            f"{min(times) / min(bare):.1f}"
        )
    print(
        f"median of {repeats}; Python {sys.version.split()[0]}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[1]:.1f}"
    )


if __name__ == "__main__":
    main()
