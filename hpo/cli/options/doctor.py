"""What can be typed behind `hpo doctor`."""

from __future__ import annotations

from hpo.cli.options.configuration import add_configuration
from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    doctor = commands.add_parser(
        "doctor",
        help="check that a campaign can run here, before it starts",
        description="Check the configuration, the objective, the cluster and the disk for what a"
        " campaign needs, and say what to do where something is wrong. Exit code 2 where something"
        " will fail. Submits nothing without --job, and leaves nothing behind.",
    )
    add_configuration(doctor)
    doctor.add_argument(
        "--executor",
        choices=("auto", "slurm", "local"),
        default="auto",
        help="where trials are to run; auto: SLURM where it is installed, else this machine",
    )
    doctor.add_argument("--output-dir", metavar="DIR", help="instead of the configured output_dir")
    doctor.add_argument(
        "--job",
        action="store_true",
        help="also submit one job that tries an epoch and a checkpoint of a real trial",
    )
    doctor.add_argument("--json", action="store_true", help="print it for programs")
