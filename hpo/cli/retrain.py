"""`hpo retrain DIR`: the best configurations over several seeds, as a campaign of its own."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.cli.printing import complain, say
from hpo.cli.run import run
from hpo.errors import EXIT_BAD_SETTINGS, EXIT_FINISHED, HpoError, SettingsError
from hpo.exports import again, retrained
from hpo.folder.campaign import require
from hpo.folder.files import Layout, publish
from hpo.folder.opening import settled
from hpo.folder.safety import other_owner
from hpo.report.page.sources import Plan
from hpo.report.results import read_results
from hpo.shown import shell_words

MOST_BEST, MOST_SEEDS = 100, 1000
TABLE = "retrain.csv"


def retrain(arguments: Namespace) -> int:
    """Write the configuration, run it, tell what came of it; the exit code.

    Raises:
        SettingsError: no such campaign, no result in it, or what was typed makes no sense.
        HpoError: as of `hpo run`.
    """
    layout, document = require(Path(arguments.campaign))
    plan = Plan.of(document)
    chosen = again.best_results(
        read_results(layout, plan.goal.resource), plan.goal, max(0, arguments.best)
    )
    _check(arguments, layout, chosen)
    if (owner := other_owner(layout.root)) is not None:
        complain(f"the campaign in {layout.root} belongs to {owner}")
    output = layout.root.with_name(f"{layout.root.name}-retrain")
    if arguments.output_dir is not None:
        output = settled(Path(arguments.output_dir))
    path = output.with_name(f"{output.name}.yaml")
    if is_old := path.exists() and not arguments.fresh:
        say(f"{path} is used as it is; with --fresh the best are chosen anew")
    else:
        _write(path, document["settings"], chosen, arguments, output)
    if arguments.only_write:
        say(f"to train them: {shell_words(['hpo', 'run', '--config', str(path)])}")
        return EXIT_FINISHED
    try:
        code = _run(path, arguments)
    except HpoError as err:
        if err.exit_code == EXIT_BAD_SETTINGS and not is_old:
            path.unlink(missing_ok=True)  # or the next try, with other words, would use it
        raise
    if arguments.executor == "simulated":
        output = output.with_name(f"{output.name}-simulated")  # as `hpo run` does
    _tell(Layout(output), plan, arguments, chosen=read_results(layout, plan.goal.resource))
    return code


def _run(path: Path, arguments: Namespace) -> int:
    """As `hpo run --config PATH` does."""
    given = Namespace(config=str(path), overrides=[], scheduler=None, output_dir=None)
    given.executor, given.fresh = arguments.executor, arguments.fresh
    given.show_command, given.typed = False, arguments.typed
    return run(given)


def _check(arguments: Namespace, layout: Layout, chosen: Sequence[Mapping[str, Any]]) -> None:
    problems = []
    if not 1 <= arguments.best <= MOST_BEST:
        problems.append(f"--best {arguments.best}: must be from 1 to {MOST_BEST}")
    elif not chosen:
        problems.append(f"no trial in {layout.root} has a result yet")
    if not 1 <= arguments.seeds <= MOST_SEEDS:
        problems.append(f"--seeds {arguments.seeds}: must be from 1 to {MOST_SEEDS}")
    if problems:
        raise SettingsError(problems, where="the command")


def _write(
    path: Path,
    settings: Mapping[str, Any],
    chosen: Sequence[Mapping[str, Any]],
    arguments: Namespace,
    output: Path,
) -> None:
    """The configuration, for the user alone to read: settings of jobs may hold passwords."""
    configs = [result.get("config") or {} for result in chosen]
    seeds = range(arguments.seeds)
    trials = again.points(configs, seeds, arguments.seed_name)
    told = ", ".join(f"{result['trial_id']} ({result['error']:.6g})" for result in chosen)
    comment = f"Trials {told} of {arguments.campaign}, each with seeds 0 to {arguments.seeds - 1}."
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # Never readable by others, not even for a moment.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(again.text(comment, again.sections(settings, trials, output)))
    temporary.replace(path)
    say(f"{path}: {len(trials)} trials")


def _tell(
    layout: Layout, plan: Plan, arguments: Namespace, chosen: Mapping[int, Mapping[str, Any]]
) -> None:
    """The table, on the screen and as a file beside the results, of what is there."""
    results = read_results(layout, plan.goal.resource)
    known = {retrained.key(r, arguments.seed_name) for r in results.values()}
    mine = [
        r
        for r in again.best_results(chosen, plan.goal, len(chosen))
        if retrained.key(r, arguments.seed_name) in known
    ]
    rows = retrained.rows(mine, results, arguments.seed_name, plan.goal)
    if not any(row.values for row in rows):
        return
    for line in retrained.to_lines(rows, plan.goal.metric):
        say(line)
    publish(layout.root / TABLE, retrained.to_csv(rows), durable=False)
    say(f"{layout.root / TABLE}")
