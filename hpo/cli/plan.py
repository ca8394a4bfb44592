"""`hpo plan`: what a campaign will take, before anything is spent.

Nothing is submitted, and nothing is left behind but the picture that was asked for.
"""

from __future__ import annotations

import importlib.util
import json
import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.cli.options.configuration import overrides_of
from hpo.cluster.simulated.arrival import Arrival, Backfill, LogNormal
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder.safety import other_owner
from hpo.plan import assumptions as known
from hpo.plan.assumptions import Assumptions
from hpo.plan.plan import Plan, make_plan
from hpo.settings.reading.loading import Loaded, load
from hpo.settings.spec import CampaignSpec
from hpo.shown import one_line

if TYPE_CHECKING:
    from rich.console import Console

MOST_SEATS, MOST_SEEDS, MOST_TRIALS = 10_000, 100, 100_000
PICTURES = (".png", ".pdf", ".svg")
WIDTH = 120  # of a table in a file, a pipe or a notebook, of which nobody knows the width
_UNITS = {"s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>s|m|min|h|d|)")


def plan(arguments: Namespace) -> int:
    """Print the plan; the exit code.

    Raises:
        SettingsError: with all problems of the configuration, or of what was typed.
    """
    made = make(arguments, load(arguments.config, overrides=overrides_of(arguments)))
    if arguments.json:
        from hpo.plan.table import as_data

        print(json.dumps(as_data(made), indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        if not console.is_terminal:
            console.width = WIDTH
        print_to(console, made)
    return EXIT_FINISHED


def make(arguments: Namespace, loaded: Loaded) -> Plan:
    """The plan of a configuration with what was typed; draws the picture that was asked for.

    Raises:
        SettingsError: with all problems of the configuration, or of what was typed.
    """
    loaded.problems += _problems(arguments)
    spec = loaded.spec()
    made = make_plan(
        spec, _assumptions(arguments, spec), n_seeds=arguments.seeds, most_trials=arguments.trials
    )
    if arguments.plot is not None:
        _draw(made, Path(arguments.plot))
    return made


def seconds(text: str) -> float | None:
    """30m, 2h, 90s, 1.5d or a number of seconds; None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    return None if match is None else float(match["number"]) * _UNITS[match["unit"]]


def _problems(arguments: Namespace) -> list[str]:
    """What is wrong with what was typed, besides the configuration."""
    found = []
    for option, value, most in (
        ("--seats", arguments.seats, MOST_SEATS),
        ("--seeds", arguments.seeds, MOST_SEEDS),
        ("--trials", arguments.trials, MOST_TRIALS),
    ):
        if value is not None and not 1 <= value <= most:
            found.append(f"{option} {value}: must be from 1 to {most}")
    epoch_s = arguments.epoch_seconds
    if epoch_s is not None and not 0.0 < epoch_s < 1e7:
        found.append(f"--epoch-seconds {epoch_s:g}: must be a positive number of seconds")
    rate = arguments.preemptions_per_hour
    if not 0.0 <= rate <= 60.0:
        found.append(f"--preemptions-per-hour {rate:g}: must be from 0 to 60")
    wait = arguments.queue_wait
    if wait is not None and seconds(wait) is None:
        found.append(f"--queue-wait {wait}: must be a time such as 30m, 2h or 90s")
    if arguments.plot is not None:
        path = Path(arguments.plot)
        if path.suffix not in PICTURES:
            found.append(f"--plot {path}: must end in {', '.join(PICTURES)}")
        elif not path.absolute().parent.is_dir():
            found.append(f"--plot {path}: there is no folder {path.absolute().parent}")
        elif importlib.util.find_spec("matplotlib") is None:
            found.append("--plot needs matplotlib: pip install 'hpo-campaign[report]'")
    return found


def _assumptions(arguments: Namespace, spec: CampaignSpec) -> Assumptions:
    """What was typed, measured or assumed, with a sentence for each."""
    arrival, waits = _arrival(arguments, spec)
    epoch_s, spread, epochs = _epochs(arguments)
    return Assumptions(
        arrival=arrival,
        seats=arguments.seats or spec.hpo.max_concurrent_jobs,
        epoch_s=epoch_s,
        epoch_spread=spread,
        preemptions_per_hour=arguments.preemptions_per_hour,
        sources=(*epochs, *waits),
    )


def _epochs(arguments: Namespace) -> tuple[float, float, list[str]]:
    if arguments.epoch_seconds is not None:
        epoch_s, spread, whence = arguments.epoch_seconds, known.EPOCH_SPREAD, "as given"
    elif arguments.like is not None:
        epoch_s, spread = known.epoch_times(Path(arguments.like))
        owner = other_owner(Path(arguments.like))
        whence = f"as in {arguments.like}" + ("" if owner is None else f", which is {owner}'s")
    else:
        epoch_s, spread = known.EPOCH_S, known.EPOCH_SPREAD
        whence = "assumed: give --epoch-seconds, or --like an earlier campaign"
    line = f"an epoch takes {epoch_s:.3g} s (median over trials, sigma {spread:.2g}; {whence})"
    return epoch_s, spread, [line]


def _arrival(arguments: Namespace, spec: CampaignSpec) -> tuple[Arrival, list[str]]:
    if arguments.history is not None:
        from hpo.cluster.slurm.history import read_history

        waits = read_history(Path(arguments.history), partition=spec.slurm.partition)
        of_time = waits.history.of_class(spec.slurm.time_min)
        mean_min = sum(of_time) / len(of_time) / 60.0
        line = (
            f"jobs wait as {len(waits.history.waits)} did in {arguments.history}: those of about "
            f"{spec.slurm.longest_time} waited {mean_min:.3g} min (mean of {len(of_time)})"
        )
        return waits.history, [*waits.notes, line]
    given = arguments.queue_wait and seconds(arguments.queue_wait)
    mean_s = known.QUEUE_WAIT_S if given is None else given
    whence = "assumed: give --queue-wait or --history" if given is None else "as given"
    line = (
        f"jobs of {spec.slurm.longest_time} wait {mean_s / 60.0:.3g} min (mean, heavy tail; "
        f"{whence}), jobs of a quarter of that time half as long"
    )
    return Backfill(LogNormal(mean_s), spec.slurm.time_min), [line]


def _draw(made: Plan, path: Path) -> None:
    from hpo.plan.picture import draw

    try:
        draw(made, path)
    except OSError as err:
        problem = f"--plot {path} cannot be written: {err.strerror or err}"
        raise SettingsError([problem], where="the command") from err


def print_to(console: Console, made: Plan) -> None:
    """The plan as tables and lines."""
    from hpo.plan.table import assumption_lines, comparison, rung_table

    spec = made.spec
    what = "whole trials" if spec.asha() is None else "rungs"
    name = one_line(spec.name)
    console.print(f"{name}: {spec.hpo.n_trials} trials, {what}", markup=False, emoji=False)
    console.print(rung_table(made))
    console.print(comparison(made))
    for line in assumption_lines(made):
        console.print(f"- {one_line(line)}", markup=False, emoji=False)
