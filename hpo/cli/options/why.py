"""What can be typed behind `hpo why`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    why = commands.add_parser(
        "why",
        help="what happened to a trial, and why it stands where it stands",
        description="Tell the story of one trial: when it was drawn, which jobs took it on which"
        " nodes, how each attempt ended, and where it stands now. Only reads.",
    )
    why.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    why.add_argument("trial", metavar="TRIAL", help="its number")
    why.add_argument("--json", action="store_true", help="print it for programs")
