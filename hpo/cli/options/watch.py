"""What can be typed behind `hpo watch`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    watch = commands.add_parser(
        "watch",
        help="look at a campaign, on a screen that refreshes itself",
        description="Look at campaigns while they run, or later, on the whole terminal: all trials,"
        " what happened to one of them, its curve and its log, the seats, the best result, the"
        " manager's log. It reads the campaign's files alone. Needs Textual: pip install"
        " 'hpo-campaign[watch]'.",
    )
    watch.add_argument(
        "campaigns",
        nargs="*",
        metavar="DIR",
        help="output directories, or folders that hold some; default: hpo_results",
    )
    watch.add_argument(
        "--readonly", action="store_true", help="no key stops a trial or the campaign"
    )
