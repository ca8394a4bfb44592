"""The parser of the whole command line, in the order in which help lists the commands."""

from __future__ import annotations

from hpo.cli.options import (
    clean,
    completion,
    doctor,
    enqueue,
    export,
    extend,
    init,
    list,
    plan,
    plots,
    report,
    retrain,
    retry,
    run,
    schema,
    status,
    stop,
    watch,
    why,
)
from hpo.cli.options.parser import Parser


def build_parser() -> Parser:
    """The whole parser; `command` names the subcommand."""
    parser = Parser(
        prog="hpo", description="Hyperparameter-optimisation campaigns on SLURM and on a laptop."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    init.add(commands)
    doctor.add(commands)
    schema.add(commands)
    completion.add(commands)
    run.add(commands)
    retrain.add(commands)
    plan.add(commands)
    status.add(commands)
    watch.add(commands)
    report.add(commands)
    plots.add(commands)
    why.add(commands)
    stop.add(commands)
    retry.add(commands)
    extend.add(commands)
    enqueue.add(commands)
    export.add(commands)
    clean.add(commands)
    list.add(commands)
    return parser
