"""What can be typed: the parser of the command line. Imports argparse alone."""

from __future__ import annotations

import argparse

EXIT_CODES = """\
exit codes:
  0   finished
  1   ended without a usable result, or stopped because the first trials all failed alike
  2   bad configuration or usage; nothing was submitted
  3   another manager holds this campaign
  75  interrupted or stopped; start again with the same command to go on
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole parser; `command` names the subcommand."""
    parser = argparse.ArgumentParser(
        prog="hpo",
        description="Hyperparameter-optimisation campaigns on SLURM and on a laptop.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="start a campaign, or go on with it",
        description="Start a campaign, or go on with the one in its output directory.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "--config",
        required=True,
        metavar="NAME|FILE",
        help="a .py or .yaml file, or the name of one here, in config/, or that ships (mlp_example,"
        " digits_example)",
    )
    run.add_argument(
        "--executor",
        choices=("auto", "slurm", "local", "simulated"),
        default="auto",
        help="where trials run; auto: SLURM where one answers, else processes of this machine",
    )
    run.add_argument(
        "--scheduler",
        choices=("random", "asha", "promotion", "stopping"),
        help="how trials are cut into legs, instead of the configured one",
    )
    run.add_argument("--output-dir", metavar="DIR", help="instead of the configured output_dir")
    run.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help="replace settings: hpo.n_trials=20 slurm.partition=gpu space.max_epochs=5",
    )
    run.add_argument(
        "--fresh",
        action="store_true",
        help="move the campaign that lies in the output directory aside and start a new one",
    )
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
