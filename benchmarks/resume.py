"""How resuming and idling grow with the number of finished trials.

    python benchmarks/resume.py [--finished 100 1000 10000] [--repeats 5] [--ticks 300]

Every measurement runs in a fresh process, and the sizes take turns, so that a busy spell of the
machine meets all of them alike. This process stays small, because a child inherits its parent's
peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PARTS = Path(__file__).resolve().with_name("resume_parts.py")
STRACE_TICKS = (50, 350)  # the difference leaves the ticks alone
MIB = 2**20


def part(*words: object, under: Sequence[str] = ()) -> str:
    """What one of the two halves prints."""
    command = [*under, sys.executable, str(PARTS), *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def system_calls(campaign: Path) -> float | None:
    """System calls per idle tick; None where strace is missing or not allowed."""
    if shutil.which("strace") is None:
        return None
    totals = []
    for ticks in STRACE_TICKS:
        summary = campaign.parent / "strace"
        try:
            part("measure", campaign, ticks, under=["strace", "-f", "-c", "-o", str(summary)])
            words = summary.read_text(encoding="utf-8").splitlines()[-1].split()
        except (subprocess.CalledProcessError, OSError, IndexError):
            return None
        totals.append(int(words[3]))  # % time, seconds, usecs/call, calls, errors, "total"
    return (totals[1] - totals[0]) / (STRACE_TICKS[1] - STRACE_TICKS[0])


def spread(values: Sequence[float], scale: float, digits: int) -> str:
    """Median, and from least to most, in the unit that `scale` leads to."""
    middle, least, most = (scale * v for v in (statistics.median(values), min(values), max(values)))
    return f"{middle:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})"


def show(rows: Sequence[Sequence[str]]) -> None:
    """A plain table, the first row as its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> None:
    """Build the campaigns, measure them in turn, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--finished", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ticks", type=int, default=300)
    parser.add_argument(
        "--folder", type=Path, help="where to write; the default is a temporary one"
    )
    arguments = parser.parse_args()
    sizes: list[int] = sorted(set(arguments.finished))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        campaigns = {size: Path(folder) / f"finished-{size}" / "campaign" for size in sizes}
        for size, campaign in campaigns.items():
            campaign.parent.mkdir()
            part("make", campaign, size)
        found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
        for _ in range(arguments.repeats):
            for size in sizes:
                found[size].append(json.loads(part("measure", campaigns[size], arguments.ticks)))
        calls = {size: system_calls(campaigns[size]) for size in sizes}
    _print(found, calls, arguments.ticks)


def _print(
    found: dict[int, list[dict[str, float]]], calls: dict[int, float | None], ticks: int
) -> None:
    rows = [
        [
            "finished",
            "resume s",
            "of it journal s",
            "peak MiB",
            "of it imports",
            "idle tick us",
            "95 % us",
            "file calls/tick",
            "system calls/tick",
            "journal KiB",
        ]
    ]
    for size, runs in found.items():
        counted = calls[size]
        rows.append(
            [
                str(size),
                spread([run["read_s"] + run["start_s"] for run in runs], 1, 3),
                spread([run["read_s"] for run in runs], 1, 3),
                spread([run["peak"] for run in runs], 1 / MIB, 0),
                spread([run["peak_imports"] for run in runs], 1 / MIB, 0),
                spread([run["tick_s"] for run in runs], 1e6, 0),
                spread([run["tick_p95_s"] for run in runs], 1e6, 0),
                f"{statistics.median(run['calls'] for run in runs):.2f}",
                "-" if counted is None else f"{counted:.1f}",
                f"{runs[0]['journal'] / 1024:.0f}",
            ]
        )
    show(rows)
    first, *_, last = found if len(found) > 1 else [*found, *found]
    pairs = [
        (many["tick_s"] / few["tick_s"], _resume(many) / _resume(few))
        for few, many in zip(found[first], found[last], strict=True)
    ]
    print()
    print(f"{last} finished trials against {first}, runs paired:")
    print(f"  idle tick  x {spread([tick for tick, _ in pairs], 1, 2)}")
    print(f"  resume     x {spread([resume for _, resume in pairs], 1, 1)}")
    before, after = calls[first], calls[last]
    if before and after:
        print(f"  system calls per tick  x {after / before:.3f}")
    if last > first:
        added = found[last][0]["journal"] - found[first][0]["journal"]
        print(f"  journal    {added / (last - first):.0f} bytes for each finished trial")
    load = os.getloadavg()[1]
    repeats = len(found[first])
    print(
        f"median (least-most) of {repeats} processes, {ticks} ticks each; 8 legs run, 1000 are "
        f"offered; Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f}"
    )


def _resume(run: dict[str, float]) -> float:
    return run["read_s"] + run["start_s"]


if __name__ == "__main__":
    main()
