"""What can be typed: the parser of the command line. Imports nothing slow."""

from __future__ import annotations

import argparse
from typing import NoReturn

from hpo.shown import one_line

EXIT_CODES = """\
exit codes:
  0   finished
  1   ended without a usable result, or stopped because the first trials all failed alike
  2   bad configuration or usage; nothing was submitted
  3   another manager holds this campaign
  75  interrupted or stopped; start again with the same command to go on
"""


class _Parser(argparse.ArgumentParser):
    """Its errors repeat what was typed, such as the names of files that `*` stood for."""

    def error(self, message: str) -> NoReturn:
        """See argparse."""
        super().error(one_line(message))


def build_parser() -> argparse.ArgumentParser:
    """The whole parser; `command` names the subcommand."""
    parser = _Parser(
        prog="hpo", description="Hyperparameter-optimisation campaigns on SLURM and on a laptop."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="start a campaign, or go on with it",
        description="Start a campaign, or go on with the one in its output directory.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_configuration(run)
    run.add_argument(
        "--executor",
        choices=("auto", "slurm", "local", "simulated"),
        default="auto",
        help="where trials run; auto: SLURM where one answers, else processes of this machine",
    )
    run.add_argument("--output-dir", metavar="DIR", help="instead of the configured output_dir")
    run.add_argument(
        "--fresh",
        action="store_true",
        help="move the campaign that lies in the output directory aside and start a new one",
    )
    run.add_argument(
        "--show-command",
        action="store_true",
        help="check all, print the command of the first trial of a training script, run nothing",
    )
    _add_plan(commands)
    stop = commands.add_parser(
        "stop",
        help="stop a campaign, its waiting and its running jobs",
        description="Stop the campaign in a directory, from any node, whether its manager lives or"
        " not. Nothing new starts, waiting jobs are cancelled, and what runs may finish its trial."
        " `hpo run` goes on with the campaign later.",
    )
    stop.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    harder = stop.add_mutually_exclusive_group()
    harder.add_argument(
        "--now", action="store_true", help="what runs saves and leaves at its next report"
    )
    harder.add_argument(
        "--kill",
        action="store_true",
        help="cancel what runs at once; its trials go on from their last checkpoints later",
    )
    why = commands.add_parser(
        "why",
        help="what happened to a trial, and why it stands where it stands",
        description="Tell the story of one trial: when it was drawn, which jobs took it on which"
        " nodes, how each attempt ended, and where it stands now. Only reads.",
    )
    why.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    why.add_argument("trial", metavar="TRIAL", help="its number")
    return parser


def overrides_of(arguments: argparse.Namespace) -> list[str]:
    """All that was typed to replace settings, as `section.key=value`."""
    chosen = arguments.scheduler
    scheduler = [] if chosen is None else [f"hpo.scheduler.type={chosen}"]
    return [*arguments.overrides, *scheduler]


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    """What names and changes a configuration, for each command that reads one."""
    parser.add_argument(
        "--config",
        metavar="NAME|FILE",
        help="a .py or .yaml file, or the name of one here, in config/, or that ships (mlp_example,"
        " digits_example); without it, the names of those that are found are told",
    )
    parser.add_argument(
        "--scheduler",
        choices=("random", "asha", "promotion", "stopping"),
        help="how trials are cut into legs, instead of the configured one",
    )
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help="replace settings: hpo.n_trials=20 slurm.partition=gpu space.max_epochs=5",
    )


def _add_plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    plan = commands.add_parser(
        "plan",
        help="what a campaign will take, before anything is spent",
        description="Simulate a campaign, as it is set and with single settings changed: rungs,"
        " legs, hours, GPU-hours. The objective is not run, nothing is submitted, and nothing is"
        " written but the picture.",
    )
    _add_configuration(plan)
    plan.add_argument(
        "--epoch-seconds", type=float, metavar="S", help="how long an epoch takes (median)"
    )
    plan.add_argument(
        "--like", metavar="DIR", help="take that from the results of an earlier campaign"
    )
    plan.add_argument(
        "--queue-wait", metavar="30m", help="how long jobs wait that ask for `time` (mean)"
    )
    plan.add_argument(
        "--history", metavar="FILE", help="take that from what sacct tells of your own jobs"
    )
    plan.add_argument("--seats", type=int, metavar="N", help="default: max_concurrent_jobs")
    plan.add_argument(
        "--preemptions-per-hour",
        type=float,
        default=0.0,
        metavar="X",
        help="of a running job; default 0",
    )
    plan.add_argument("--seeds", type=int, default=5, metavar="N", help="default 5")
    plan.add_argument(
        "--trials", type=int, metavar="N", help="simulate so many trials; default: some seconds"
    )
    plan.add_argument("--plot", metavar="FILE", help="draw it: .png, .pdf or .svg")
    plan.add_argument("--json", action="store_true", help="print it for programs")
