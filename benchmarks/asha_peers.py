"""Records what other implementations of ASHA decide, for tests/decisions/test_asha_peers.py.

    python benchmarks/asha_peers.py           installs the peers in a folder of their own (1 min)

Promotion: Syne Tune 0.13, the last that has it; stopping: Syne Tune 0.13 and 0.16 (whose rule is
Ray Tune's). This program promotes |rung|/eta trials, rounded down, as the paper's top_k does; the
peers round up or count one more, and with fewer than eta trials at a rung the stopping peers differ
from each other. So values are drawn such that no decision hangs on any of that. What is left is
common ground: the peers must agree with each other here, and this program with them in the test.
NePS 0.17 is no peer: it takes the share of those that were not promoted yet, with those that still
run.
"""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "tests" / "data" / "asha_decisions.json"
GAMES = [(eta, seed) for eta in (2, 3, 4) for seed in range(5)]
ASKS = 60


def install(home: Path) -> Path:
    """The peers in `home`: two versions of Syne Tune cannot share a folder."""
    venv.create(home / "env", with_pip=True)
    pip = [str(home / "env/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "syne-tune==0.16.0"], check=True)
    subprocess.run(
        [*pip, "--no-deps", "--target", str(home / "old"), "syne-tune==0.13.0"], check=True
    )
    return home / "env/bin/python"


Rung = tuple[list[tuple[float, int]], set[int]]
"""Results, best first, and who was promoted."""


def is_clear(rung: Rung, eta: int) -> bool:
    """Whether the same trials may be promoted however |rung|/eta is rounded."""
    ranked, promoted = rung
    down, up = len(ranked) // eta, -(-len(ranked) // eta)
    return down == up or len(ranked) == 1 or ranked[down][1] in promoted


def value_for(trial: int, rung: Rung, eta: int, rng: random.Random) -> float:
    """A result that leaves the rung clear, if there is one."""
    for _ in range(50):
        value = round(rng.random(), 6)
        if is_clear((sorted([*rung[0], (value, trial)]), rung[1]), eta):
            break
    return value


def play_promotion(peers: list[Any], eta: int, seed: int) -> dict[str, Any]:
    """Ask for work, give its result, and so on; what every peer decided alike.

    Asks only where all rungs are clear. A rung is told of a result only when as many are under way
    as it needs to become clear again.
    """
    rng = random.Random(f"{eta}-{seed}")
    levels = [eta**k for k in range(4)]
    rungs: list[Rung] = [([], set()) for _ in levels]
    held: list[tuple[int, int]] = []
    steps: list[list[Any]] = []
    n_new = 0
    for peer in peers:
        peer.start(levels, eta)
    while len(steps) < 2 * ASKS:
        unclear = [k for k, rung in enumerate(rungs[:-1]) if not is_clear(rung, eta)]
        under_way = Counter(rung for _, rung in held)
        ready = [
            (trial, rung)
            for trial, rung in held
            if (rung in unclear if unclear else under_way[rung] >= eta or rung == len(levels) - 1)
        ]
        if not unclear and (not ready or rng.random() < 0.5):
            said = {peer.ask(n_new) for peer in peers}
            assert len(said) == 1, f"eta {eta}, game {seed}: the peers disagree: {said}"
            trial, rung = said.pop()
            n_new += rung == 0
            if rung:
                rungs[rung - 1][1].add(trial)
            held.append((trial, rung))
            steps.append(["ask", trial, rung])
            continue
        trial, rung = rng.choice(ready)
        held.remove((trial, rung))
        value = value_for(trial, rungs[rung], eta, rng)
        rungs[rung][0].append((value, trial))
        rungs[rung][0].sort()
        for peer in peers:
            peer.tell(trial, rung, value)
        steps.append(["tell", trial, rung, value])
    return {"eta": eta, "levels": levels, "steps": steps}


def play_stopping(peers: list[Any], eta: int, seed: int) -> dict[str, Any]:
    """Let trials run side by side, each to its next rung; who goes on."""
    rng = random.Random(f"{eta}-{seed}")
    levels = [eta**k for k in range(4)]
    rungs: list[list[float]] = [[] for _ in levels]
    live: list[tuple[int, int]] = []
    steps: list[list[Any]] = []
    n_new = 0
    for peer in peers:
        peer.start(levels, eta)
    for _ in range(2 * ASKS):
        if len(live) < 6:
            live.append((n_new, 0))
            n_new += 1
        trial, rung = live.pop(rng.randrange(len(live)))
        seen = rungs[rung]
        n = len(seen) + 1
        for _ in range(200):
            value = round(rng.random(), 6)
            rank = sum(other < value for other in seen) + 1
            # The first few all go on if the best comes last; from then on rounding must not matter.
            if rank == 1 if n < eta else rank != n // eta + 1:
                break
        else:
            value = round(min(seen) * rng.random(), 9)
        seen.append(value)
        said = {peer.goes_on(trial, rung, value) for peer in peers}
        assert len(said) == 1, f"eta {eta}, game {seed}: the peers disagree at {trial, rung}"
        goes_on = said.pop()
        steps.append([trial, rung, value, goes_on])
        if goes_on and rung < len(levels) - 2:
            live.append((trial, rung + 1))
    return {"eta": eta, "levels": levels, "steps": steps}


def _old(folder: str, name: str) -> Any:
    """A module of Syne Tune 0.13, whose names must not be taken for those of 0.16."""
    for known in [m for m in sys.modules if m.partition(".")[0] == "syne_tune"]:
        del sys.modules[known]
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(f"syne_tune.optimizer.schedulers.{name}")
    finally:
        sys.path.remove(folder)
        for known in [m for m in sys.modules if m.partition(".")[0] == "syne_tune"]:
            del sys.modules[known]


class OldPromotion:
    """Syne Tune 0.13's promotion rungs."""

    def __init__(self, folder: str) -> None:
        self._module = _old(folder, "hyperband_promotion")

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        shares = [1 / eta] * (len(levels) - 1)
        self._levels = levels
        self._rungs = self._module.PromotionRungSystem(
            levels[:-1], shares, "loss", "min", "epoch", levels[-1]
        )

    def ask(self, new: int) -> tuple[int, int]:
        """What a free seat gets, (trial, rung); `new` is the number of a new trial."""
        promoted = self._rungs.on_task_schedule(str(new))
        if not promoted:
            self._rungs.on_task_add(str(new), 0)
            return new, 0
        self._rungs.on_task_add(
            promoted["trial_id"],
            0,
            new_config=False,
            **{key: promoted[key] for key in ("milestone", "resume_from")},
        )
        return int(promoted["trial_id"]), self._levels.index(promoted["milestone"])

    def tell(self, trial: int, rung: int, value: float) -> None:
        """The result of a leg."""
        report = {"epoch": self._levels[rung], "loss": value}
        self._rungs.on_task_report(str(trial), report, 0)


class OldStopping:
    """Syne Tune 0.13's stopping rungs."""

    def __init__(self, folder: str) -> None:
        self._module = _old(folder, "hyperband_stopping")

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        shares = [1 / eta] * (len(levels) - 1)
        self._levels = levels
        self._rungs = self._module.StoppingRungSystem(
            levels[:-1], shares, "loss", "min", "epoch", levels[-1]
        )

    def goes_on(self, trial: int, rung: int, value: float) -> bool:
        """Whether the trial goes on with this result."""
        report = {"epoch": self._levels[rung], "loss": value}
        said = self._rungs.on_task_report(str(trial), report, 0)
        return bool(said["task_continues"])


class NewStopping:
    """Syne Tune 0.16's bracket, which is Ray Tune's."""

    def start(self, levels: list[int], eta: int) -> None:
        """A game with rungs at `levels`."""
        from syne_tune.optimizer.schedulers.asha import Bracket

        self._levels = levels
        self._bracket = Bracket(levels[0], levels[-1], eta, 0)

    def goes_on(self, trial: int, rung: int, value: float) -> bool:
        """Whether the trial goes on with this result."""
        said = self._bracket.on_result(trial, self._levels[rung], {"loss": value})
        return str(said) == "CONTINUE"


def main() -> None:
    """Install and record, or with a folder as argument, inside the peers' environment, play."""
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory(prefix="asha_peers_") as folder:
            python = install(Path(folder))
            command = [str(python), __file__, str(Path(folder) / "old")]
            found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        TARGET.write_text(found.splitlines()[-1] + "\n", encoding="utf-8")
        return
    old = sys.argv[1]
    promotion = [OldPromotion(old)]
    stopping = [OldStopping(old), NewStopping()]
    print(
        json.dumps(
            {
                "promotion": [play_promotion(promotion, *game) for game in GAMES],
                "stopping": [play_stopping(stopping, *game) for game in GAMES],
            }
        )
    )


if __name__ == "__main__":
    main()
