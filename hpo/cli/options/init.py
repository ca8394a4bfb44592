"""What can be typed behind `hpo init`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    init = commands.add_parser(
        "init",
        help="write a first configuration for a script or a function",
        description="Write a commented configuration for a training script, or for a function, from"
        " its text: its arguments, with domains proposed from names and defaults, and where it"
        " tells its metric. Nothing of it is run, and no file is overwritten.",
    )
    init.add_argument(
        "script",
        metavar="SCRIPT.py|FILE.py:FUNCTION|MODULE:FUNCTION",
        help="what trains",
    )
    init.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the configuration; default: SCRIPT_search.yaml in the current folder",
    )
