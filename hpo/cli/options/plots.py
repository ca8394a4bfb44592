"""What can be typed behind `hpo plots`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    plots = commands.add_parser(
        "plots",
        help="pictures for a paper: incumbent, learning curves, rungs, seats, slices, importance",
        description="Draw a campaign's pictures into files, while it runs or after it. Only reads"
        " the campaign's files, and asks no cluster.",
    )
    plots.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    plots.add_argument(
        "--format", choices=("pdf", "png", "svg"), default="pdf", help="default: pdf"
    )
    plots.add_argument("-o", "--output", metavar="DIR", help="default: plots/ in the campaign's")
