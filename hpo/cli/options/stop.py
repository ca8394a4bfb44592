"""What can be typed behind `hpo stop`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    stop = commands.add_parser(
        "stop",
        help="stop a campaign, its waiting and its running jobs",
        description="Stop the campaign in a directory, or single trials of it, from any node,"
        " whether its manager lives or not. Nothing new starts, waiting jobs are cancelled, and"
        " what runs may finish its trial."
        " `hpo run` goes on with the campaign later.",
    )
    stop.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    stop.add_argument("--json", action="store_true", help="print it for programs")
    harder = stop.add_mutually_exclusive_group()
    harder.add_argument(
        "--now", action="store_true", help="what runs saves and leaves at its next report"
    )
    harder.add_argument(
        "--trial",
        action="append",
        default=[],
        dest="trials",
        metavar="TRIAL",
        help="only this trial: it saves and leaves at its next report, and stays stopped until"
        " `hpo retry`; may be given several times",
    )
    harder.add_argument(
        "--kill",
        action="store_true",
        help="cancel what runs at once; its trials go on from their last checkpoints later",
    )
