"""What can be typed behind `hpo clean`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    clean = commands.add_parser(
        "clean",
        help="make room: remove what a campaign will not need again",
        description="Tell what of a campaign could go, and how much room that makes: checkpoints"
        " that no trial goes on from, logs of jobs, what jobs were submitted with, and campaigns"
        " that --fresh moved aside. Removed after a yes, and only where no manager and no job of"
        " it lives. Results, reports, the best and its checkpoint stay.",
    )
    clean.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    answer = clean.add_mutually_exclusive_group()
    answer.add_argument("--yes", action="store_true", help="remove without asking")
    answer.add_argument("--dry-run", action="store_true", help="only tell")
