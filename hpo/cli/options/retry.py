"""What can be typed behind `hpo retry`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    retry = commands.add_parser(
        "retry",
        help="offer trials again that failed or were stopped",
        description="Offer trials again, while the campaign runs or when it is started next: after"
        " a bug was mended, or because you want one again. They go on from their last checkpoint.",
    )
    retry.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    retry.add_argument("trials", nargs="*", metavar="TRIAL", help="numbers, as in `3 7`")
    retry.add_argument("--failed", action="store_true", help="all that failed")
    retry.add_argument(
        "--cause",
        action="append",
        default=[],
        metavar="CAUSE",
        help="all that failed so, as in ScriptError or cuda_out_of_memory",
    )
    retry.add_argument(
        "--from-start",
        action="store_true",
        help="from the beginning, as if they had never run; also a trial that is complete",
    )
    retry.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
