"""What can be typed behind `hpo list`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    listing = commands.add_parser(
        "list",
        help="the campaigns in a folder",
        description="The campaigns right below a folder, the one that changed last first: how each"
        " stands, its trials, the best, and how much room it takes. Only reads.",
    )
    listing.add_argument(
        "folder", metavar="DIR", nargs="?", help="where campaigns lie; default: hpo_results"
    )
    listing.add_argument("--json", action="store_true", help="for programs: a line each")
