"""What can be typed behind `hpo completion`."""

from __future__ import annotations

import argparse

from hpo.cli.options.parser import Commands

HOW = """\
for bash, in ~/.bashrc:  eval "$(hpo completion bash)"
for zsh, in ~/.zshrc:    eval "$(hpo completion zsh)"
faster, as nothing is started: write it to a file once, and source that.
"""


def add(commands: Commands) -> None:
    """The command and its argument."""
    completion = commands.add_parser(
        "completion",
        help="a script that lets bash or zsh complete commands, options, campaigns",
        description="Print a script for the shell: it completes commands, options, the folders of"
        " campaigns and the names of configurations.",
        epilog=HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=("bash", "zsh"))
