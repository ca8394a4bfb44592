"""What can be typed behind `hpo extend`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    extend = commands.add_parser(
        "extend",
        help="more trials for a campaign, or more rungs",
        description="Let a campaign go further than it was to, while it runs or when it is started"
        " next. With more rungs, trials that rest or are complete go on from their checkpoints, by"
        " the rules of promotion.",
    )
    extend.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    extend.add_argument(
        "--n-trials", metavar="N|+N", help="trials in all (120), or so many more (+40)"
    )
    extend.add_argument("--max-t", type=int, metavar="T", help="resource of the last rung")
    extend.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
