"""What can be typed behind `hpo export`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    export = commands.add_parser(
        "export",
        help="a campaign in the files of other programs, or its best configuration to hand on",
        description="Write a campaign's results as tables, as a study of Optuna or as runs of an"
        " experiment tracker that is installed; or, by --best, a folder that trains the best"
        " configuration anywhere. Only reads the campaign's files, and asks no cluster.",
    )
    export.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    export.add_argument("folder", metavar="OUT", nargs="?", help="the same as -o")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to", choices=("csv", "parquet", "optuna", "tensorboard", "mlflow", "wandb")
    )
    what.add_argument("--best", action="store_true", help="the best configuration, to train it")
    export.add_argument(
        "-o", "--output", metavar="OUT", help="a folder; default: exports/ in the campaign's"
    )
    export.add_argument(
        "--follow",
        action="store_true",
        help="with --to optuna: go on until the campaign has ended",
    )
    export.add_argument(
        "--every", type=float, default=10.0, metavar="S", help="with --follow; default 10"
    )
