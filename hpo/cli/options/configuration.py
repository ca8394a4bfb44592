"""What names and changes a configuration, for each command that reads one."""

from __future__ import annotations

import argparse


def overrides_of(arguments: argparse.Namespace) -> list[str]:
    """All that was typed to replace settings, as `section.key=value`."""
    chosen = arguments.scheduler
    scheduler = [] if chosen is None else [f"hpo.scheduler.type={chosen}"]
    return [*arguments.overrides, *scheduler]


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """What names and changes a configuration, for each command that reads one."""
    parser.add_argument(
        "--config",
        metavar="NAME|FILE",
        help="a .py or .yaml file, or the name of one here, in config/, or that ships (mlp_example,"
        " digits_example); without it, the names of those that are found are told",
    )
    parser.add_argument(
        "--scheduler",
        choices=("random", "asha", "promotion", "stopping"),
        help="how trials are cut into legs, instead of the configured one",
    )
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help="replace settings: hpo.n_trials=20 slurm.partition=gpu space.max_epochs=5",
    )
