"""What can be typed behind `hpo enqueue`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    enqueue = commands.add_parser(
        "enqueue",
        help="add points to a campaign, to be tried next",
        description="Add configurations to a campaign, while it runs or when it is started next."
        " Each is a trial more, drawn before the searcher is asked again. What a point leaves out"
        " gets the middle of its domain.",
    )
    enqueue.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    enqueue.add_argument(
        "point", nargs="*", metavar="NAME=VALUE", help="one point, as in lr=0.01 batch_size=64"
    )
    enqueue.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        help="points from a .json (a list of objects) or .csv (a line each, names in the first)",
    )
    enqueue.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
