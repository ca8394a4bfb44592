"""`hpo export DIR`: a campaign for other programs. Only reads, but for what it is to write."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.cli.printing import complain, say
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.exports.optuna_journal import StudyWriter
from hpo.exports.optuna_trials import Converter
from hpo.folder import opening
from hpo.folder.campaign import require
from hpo.folder.files import Layout, publish, read_object
from hpo.folder.safety import other_owner
from hpo.report.page.sources import Plan
from hpo.report.results import read_results
from hpo.shown import shell_words

LEAST_S, MOST_S = 1.0, 3600.0


def export(arguments: Namespace) -> int:
    """Write what was asked for; the exit code.

    Raises:
        SettingsError: no such campaign, or what was typed makes no sense.
        MissingExtraError: the program is not installed that it is for.
        OSError: something cannot be read or written now.
    """
    layout, document = require(Path(arguments.campaign))
    output = _output(arguments, layout)
    if arguments.best:
        from hpo.exports.best import write_best

        for line in write_best(layout, document, output):
            say(line)
    elif arguments.to == "optuna":
        _optuna(layout, document, output, every_s=arguments.every if arguments.follow else None)
    elif arguments.to in ("csv", "parquet"):
        from hpo.exports.tables import write_csv, write_parquet
        from hpo.report.frames import load_campaign

        make = write_csv if arguments.to == "csv" else write_parquet
        for path in make(load_campaign(layout.root), output):
            say(path)
    else:
        from hpo.exports.trackers import TRACKERS

        plan = Plan.of(document)
        results = read_results(layout, plan.goal.resource)
        for path in TRACKERS[arguments.to](_name(layout, document), results, plan.goal, output):
            say(path)
    return EXIT_FINISHED


def _output(arguments: Namespace, layout: Layout) -> Path:
    """The folder to write to, made if it is not there."""
    problems = []
    given = [name for name in (arguments.folder, arguments.output) if name is not None]
    owner = other_owner(layout.root)
    if len(given) > 1:
        problems.append(f"two folders to write to: {given[0]} and {given[1]}")
    if arguments.best and not given:
        problems.append("--best needs a folder to write to: hpo export --best DIR OUT")
    if owner is not None and not given:
        problems.append(f"the campaign in {layout.root} belongs to {owner}: name a folder of yours")
    if arguments.follow and arguments.to != "optuna":
        problems.append("--follow goes with --to optuna only")
    if not LEAST_S <= arguments.every <= MOST_S:
        problems.append(f"--every {arguments.every:g}: must be from {LEAST_S:g} to {MOST_S:g} s")
    if problems:
        raise SettingsError(problems, where="the command")
    if not given:
        opening.make_folder(layout.exports)
        return layout.exports
    if owner is not None:
        complain(f"the campaign in {layout.root} belongs to {owner}")
    folder = opening.settled(Path(given[0]))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _optuna(
    layout: Layout, document: Mapping[str, Any], folder: Path, *, every_s: float | None
) -> None:
    """Write the study; with `every_s`, bring it up to date until the campaign has ended."""
    plan, name = Plan.of(document), _name(layout, document)
    path = folder / f"{name}.optuna.log"
    converter = Converter(plan.space, plan.goal)
    writer = StudyWriter(name, plan.goal, {"campaign": name, "metric": plan.goal.metric})
    ended, is_new = False, True
    while not ended:
        # First, so that nothing is missed which comes in between.
        ended = every_s is None or read_object(layout.status).get("ended") is not None
        results = read_results(layout, plan.goal.resource)
        text = writer.text(converter.trials(results, goes_on=not ended))
        if is_new:
            publish(path, text, durable=False)
            say(f"{path}: study {name}, {len(results)} trials")
            say(f"to look at it: {shell_words(['optuna-dashboard', str(path)])}")
        elif text:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        is_new = False
        if not ended and every_s is not None:
            time.sleep(every_s)


def _name(layout: Layout, document: Mapping[str, Any]) -> str:
    name = document["settings"].get("name")
    return name if isinstance(name, str) and name.isidentifier() else str(document["campaign"])
