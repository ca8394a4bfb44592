"""How good is what each searcher finds for a budget?

    python benchmarks/search_quality.py                     the problems that are reported
    python benchmarks/search_quality.py --problems chosen   those by which settings were chosen
    python benchmarks/search_quality.py --only tables --searchers random tpe gp --seeds 5

Eight workers in virtual time. This program runs through its own manager on its simulated cluster
(`search_runs.py`), Optuna, where it is installed, by its ask and tell. What was run lies in
`--results` and is not run again. Prints a table for each kind of problem, and draws a picture with
quartiles. What the problems are says `search_problems.py`.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from search_problems import CHOSEN_ON, REPORTED, Problem, load
from search_runs import STEPS, Trace, run_campaign, run_optuna

HERE = Path(__file__).resolve().parent
AT = (24, 50, 100)  # per cent of the budget
WHOLE: Mapping[str, Callable[..., Trace]] = {
    "random": partial(run_campaign, name="random"),
    "sobol": partial(run_campaign, name="sobol"),
    "local": partial(run_campaign, name="local"),
    "tpe": partial(run_campaign, name="tpe"),
    "gp": partial(run_campaign, name="gp"),
    "tpe, not fresh": partial(run_campaign, name="tpe", fresh=False),
    "gp, not fresh": partial(run_campaign, name="gp", fresh=False),
    "Optuna TPE": partial(run_optuna, sampler="tpe"),
    "Optuna GP": partial(run_optuna, sampler="gp"),
}
"""Whole trainings."""
RUNGS: Mapping[str, Callable[..., Trace]] = {
    "ASHA": partial(run_campaign, name="random", rungs=True),
    "ASHA, tpe": partial(run_campaign, name="tpe", rungs=True),
    "ASHA, gp": partial(run_campaign, name="gp", rungs=True),
    "Optuna TPE, Hyperband": partial(run_optuna, sampler="tpe", pruner=True),
}
"""With rungs at 1, 3, 9, 27 epochs, where there are epochs."""

Runs = dict[tuple[str, str], dict[int, np.ndarray[Any, Any]]]
"""By (searcher, problem) and seed: the regrets along the budget."""


def main() -> None:
    """Run what is missing, print the tables, draw the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", choices=["reported", "chosen"], default="reported")
    parser.add_argument("--only", nargs="+", default=list(REPORTED), help="kinds of problems")
    parser.add_argument("--searchers", nargs="+", default=[*WHOLE, *RUNGS])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--results", type=Path, default=Path("search_quality.csv"))
    parser.add_argument("--picture", type=Path, default=HERE / "search_quality.png")
    parser.add_argument("--limit", type=float, default=1e9, help="seconds, then what is there")
    arguments = parser.parse_args()
    listed = REPORTED if arguments.problems == "reported" else CHOSEN_ON
    names = [(kind, name) for kind in arguments.only for name in listed[kind]]
    begin = time.monotonic()
    for seed in range(arguments.seeds):
        for kind, name in names:
            for searcher in arguments.searchers:
                if time.monotonic() - begin < arguments.limit:
                    _run(arguments.results, kind, name, searcher, seed)
    runs = read(arguments.results)
    for kind in arguments.only:
        problems = [f"{kind}/{name}" for name in listed[kind]]
        print("\n".join(table(runs, kind, problems, arguments.searchers)), flush=True)
    draw(runs, arguments.only, listed, arguments.searchers, arguments.picture)


def _run(results: Path, kind: str, name: str, searcher: str, seed: int) -> None:
    """One search, unless it was done."""
    problem: Problem = load(kind, name)
    if (searcher in RUNGS and problem.max_t == 1) or seed in read(results).get(
        (searcher, problem.name), {}
    ):
        return
    try:
        trace = (WHOLE | RUNGS)[searcher](problem, seed)  # type: ignore[operator]
    except ImportError as err:
        print(f"{searcher} is left out: {err}", flush=True)
        return
    with results.open("a", newline="", encoding="utf-8") as file:
        asked = 1000 * trace.asked_s / max(1, trace.asks)
        csv.writer(file).writerow(
            [searcher, problem.name, seed, trace.trials, f"{asked:.2f}"]
            + [f"{regret:.5f}" for regret in trace.regrets]
        )


def read(results: Path) -> Runs:
    """What was run."""
    runs: Runs = defaultdict(dict)
    if results.exists():
        with results.open(newline="", encoding="utf-8") as file:
            for searcher, problem, seed, _, _, *regrets in csv.reader(file):
                runs[searcher, problem][int(seed)] = np.array(regrets, dtype=float)
    return runs


def table(
    runs: Runs, kind: str, problems: Sequence[str], searchers: Sequence[str]
) -> Iterator[str]:
    """Quartiles of the regret, each averaged over the problems; pairs won; how much sooner."""
    yield f"\n{kind}: {', '.join(name.partition('/')[2] for name in problems)}"
    yield (
        f"{'searcher':22} {'seeds':>5} "
        + " ".join(f"{at:>3} %".rjust(20) for at in AT)
        + " pairs won  sooner"
    )
    for searcher in searchers:
        found = [runs.get((searcher, name), {}) for name in problems]
        if not all(found):
            continue
        against = "ASHA" if searcher in RUNGS else "random"
        quartiles = np.mean(
            [np.percentile(list(seeds.values()), [25, 50, 75], axis=0) for seeds in found], axis=0
        )
        cells = []
        for at in AT:
            low, middle, high = quartiles[:, at * STEPS // 100 - 1]
            cells.append(f"{middle:.3f} ({low:.3f}-{high:.3f})".rjust(20))
        won, sooner = [], []
        for name, seeds in zip(problems, found, strict=True):
            others = runs.get((against, name), {})
            for seed in seeds.keys() & others.keys():
                mine, other = seeds[seed][-1], others[seed][-1]
                won.append(0.5 if mine == other else float(mine < other))
            if plain := runs.get(("random", name)):
                sooner.append(_sooner(list(seeds.values()), list(plain.values())))
        pairs = f"{100 * np.mean(won):.0f} %" if won else "-"
        factor = f"{statistics.geometric_mean(sooner):.1f}" if sooner else "-"
        count = min(map(len, found))
        yield f"{searcher:22} {count:5} {' '.join(cells)} {pairs:>9} {factor:>7}"


def _sooner(mine: list[Any], plain: list[Any]) -> float:
    """How many times sooner the median comes to where random search ends."""
    own, other = np.median(mine, axis=0), np.median(plain, axis=0)
    hit = np.flatnonzero(own <= other[-1] + 1e-9)
    needed = int(np.flatnonzero(other <= other[-1] + 1e-9)[0]) + 1
    return needed / (int(hit[0]) + 1) if len(hit) else needed / (2 * STEPS)


def draw(
    runs: Runs,
    kinds: Sequence[str],
    listed: Mapping[str, Sequence[str]],
    searchers: Sequence[str],
    picture: Path,
) -> None:
    """The median regret along the budget, with its quartiles, a panel for each kind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(kinds), 4.2), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    share = 100 * np.arange(1, STEPS + 1) / STEPS
    for panel, kind in zip(panels, kinds, strict=True):
        for number, searcher in enumerate(searchers):
            found = [runs.get((searcher, f"{kind}/{name}"), {}) for name in listed[kind]]
            if not all(found):
                continue
            quartiles = np.mean(
                [np.percentile(list(seeds.values()), [25, 50, 75], axis=0) for seeds in found],
                axis=0,
            )
            style = "-" if searcher in WHOLE else "--"
            (line,) = panel.plot(
                share, quartiles[1], style, label=searcher, color=f"C{number % 10}"
            )
            panel.fill_between(
                share, quartiles[0], quartiles[2], color=line.get_color(), alpha=0.1, linewidth=0
            )
        panel.set(title=kind, xlabel="budget (%)", ylabel="regret", yscale="log")
        panel.legend(fontsize=7)
    figure.savefig(picture, dpi=130)


if __name__ == "__main__":
    main()
