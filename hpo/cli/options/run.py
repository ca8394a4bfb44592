"""What can be typed behind `hpo run`."""

from __future__ import annotations

import argparse

from hpo.cli.options.configuration import add_configuration
from hpo.cli.options.parser import Commands

EXIT_CODES = """\
exit codes:
  0   finished
  1   ended without a usable result, or stopped because the first trials all failed alike
  2   bad configuration or usage; nothing was submitted
  3   another manager holds this campaign
  75  interrupted or stopped; start again with the same command to go on
"""


def add(commands: Commands) -> None:
    """The command and its options."""
    run = commands.add_parser(
        "run",
        help="start a campaign, or go on with it",
        description="Start a campaign, or go on with the one in its output directory.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_configuration(run)
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
