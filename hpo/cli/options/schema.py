"""What can be typed behind `hpo schema`."""

from __future__ import annotations

from hpo.cli.options.parser import Commands


def add(commands: Commands) -> None:
    """The command."""
    commands.add_parser(
        "schema",
        help="the JSON Schema of a configuration in YAML, for editors",
        description="Print the JSON Schema of a configuration in YAML: with it, an editor completes"
        " settings, shows what they mean and marks what is wrong. docs/how-to/yaml.md says how.",
    )
