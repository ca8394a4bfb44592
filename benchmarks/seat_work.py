"""What every trial of dead_seconds.py does, whoever starts it: sleep, and write down when.

Standard library only, because each job of each tool imports it. The n-th trial to start sleeps the
n-th time of one list, so that all tools get the same work in the same order.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from pathlib import Path
from statistics import NormalDist

N_TRIALS = 64
MEAN_S, SIGMA = 3.0, 0.8


def durations() -> list[float]:
    """Log-normal times in s, the same ones in every process."""
    rng = random.Random(0)
    law = NormalDist(math.log(MEAN_S) - SIGMA**2 / 2, SIGMA)
    return [math.exp(law.inv_cdf(rng.random())) for _ in range(N_TRIALS)]


def work(folder: str) -> float:
    """Do the next piece; its number, as something to report."""
    number = _next_number(Path(folder))
    _note(folder, "start")
    time.sleep(durations()[number % N_TRIALS])
    _note(folder, "end")
    return float(number)


def _next_number(folder: Path) -> int:
    number = 0
    while True:
        try:
            (folder / f"taken-{number}").mkdir()
        except FileExistsError:
            number += 1
        else:
            return number


def _note(folder: str, what: str) -> None:
    # One write a line: many processes append at once.
    log = os.open(f"{folder}/log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{what} {time.time()}\n".encode())
    os.close(log)


if __name__ == "__main__":
    work(sys.argv[1])
