"""What can be typed behind `hpo report`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    report = commands.add_parser(
        "report",
        help="the campaign as one HTML page, while it runs or after it",
        description="Write one self-contained page that opens in any browser, from the campaign's"
        " files alone: whether it runs, has ended, or lies there as a copy. Asks no cluster.",
    )
    report.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    report.add_argument(
        "-o", "--output", metavar="FILE", help="the page; default: report.html in DIR"
    )
