"""What can be typed behind `hpo retrain`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    retrain = commands.add_parser(
        "retrain",
        help="train the best configurations again over several seeds: mean and spread",
        description="Write a configuration whose trials are the best configurations of a campaign"
        " with each seed, run it as a campaign of its own (beside that one, as DIR-retrain), and"
        " tell the mean and the spread of each. The same command goes on, and tells the table"
        " again.",
    )
    retrain.add_argument("campaign", metavar="DIR", help="the campaign's output directory")
    retrain.add_argument(
        "--best", type=int, default=3, metavar="N", help="how many configurations; default 3"
    )
    retrain.add_argument("--seeds", type=int, default=5, metavar="N", help="default 5: 0 to 4")
    retrain.add_argument(
        "--seed-name",
        default="seed",
        metavar="NAME",
        help="the hyperparameter by which the objective takes its seed; default: seed",
    )
    retrain.add_argument("-o", "--output-dir", metavar="DIR", help="instead of DIR-retrain")
    retrain.add_argument(
        "--executor",
        choices=("auto", "slurm", "local", "simulated"),
        default="auto",
        help="as of hpo run",
    )
    retrain.add_argument(
        "--fresh", action="store_true", help="choose the best anew, and begin from the start"
    )
    retrain.add_argument(
        "--only-write", action="store_true", help="write the configuration, and run nothing"
    )
