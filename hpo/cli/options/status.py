"""What can be typed behind `hpo status`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    status = commands.add_parser(
        "status",
        help="how a campaign stands",
        description="Tell how campaigns stand: trials, rungs, the best, jobs, hours, failures, and"
        " when they will end. Only reads files of theirs, also where the manager is dead, and in a"
        " copied folder; SLURM is not asked.",
    )
    status.add_argument(
        "campaigns",
        metavar="DIR",
        nargs="*",
        help="campaigns' output directories, a line each for several, or a folder of campaigns, of"
        " which the newest is told; default: hpo_results",
    )
    status.add_argument("--json", action="store_true", help="for programs: a line each")
    status.add_argument(
        "--every", type=float, metavar="S", help="tell it again every S seconds, until the end"
    )
