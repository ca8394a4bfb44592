"""What can be typed behind `hpo plan`."""

from __future__ import annotations

from hpo.cli.options.configuration import add_configuration
from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    plan = commands.add_parser(
        "plan",
        help="what a campaign will take, before anything is spent",
        description="Simulate a campaign, as it is set and with single settings changed: rungs,"
        " legs, hours, GPU-hours. The objective is not run, nothing is submitted, and nothing is"
        " written but the picture.",
    )
    add_configuration(plan)
    plan.add_argument(
        "--epoch-seconds", type=float, metavar="S", help="how long an epoch takes (median)"
    )
    plan.add_argument(
        "--like", metavar="DIR", help="take that from the results of an earlier campaign"
    )
    plan.add_argument(
        "--queue-wait", metavar="30m", help="how long jobs wait that ask for `time` (mean)"
    )
    plan.add_argument(
        "--history", metavar="FILE", help="take that from what sacct tells of your own jobs"
    )
    plan.add_argument("--seats", type=int, metavar="N", help="default: max_concurrent_jobs")
    plan.add_argument(
        "--preemptions-per-hour",
        type=float,
        default=0.0,
        metavar="X",
        help="of a running job; default 0",
    )
    plan.add_argument("--seeds", type=int, default=5, metavar="N", help="default 5")
    plan.add_argument(
        "--trials", type=int, metavar="N", help="simulate so many trials; default: some seconds"
    )
    plan.add_argument("--plot", metavar="FILE", help="draw it: .png, .pdf or .svg")
    plan.add_argument("--json", action="store_true", help="print it for programs")
