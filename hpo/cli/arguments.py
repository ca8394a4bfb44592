"""The parser of the whole command line, in the order in which help lists the commands."""

from __future__ import annotations

from hpo.cli.options import plan, run, stop, watch, why
from hpo.cli.options.parser import Parser


def build_parser() -> Parser:
    """The whole parser; `command` names the subcommand."""
    parser = Parser(
        prog="hpo", description="Hyperparameter-optimisation campaigns on SLURM and on a laptop."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run.add(commands)
    plan.add(commands)
    stop.add(commands)
    why.add(commands)
    watch.add(commands)
    return parser
