"""The parser of the commands, and what each of their files adds itself to."""

from __future__ import annotations

import argparse
from typing import NoReturn, TypeAlias

from hpo.shown import one_line


class Parser(argparse.ArgumentParser):
    """Its errors repeat what was typed, such as the names of files that `*` stood for."""

    def error(self, message: str) -> NoReturn:
        """See argparse."""
        super().error(one_line(message))

    @property
    def commands(self) -> dict[str, Parser]:
        """The parsers of its commands, by name."""
        found = (action for action in self._actions if isinstance(action, _Subparsers))
        return {name: parser for action in found for name, parser in action.choices.items()}


_Subparsers = argparse._SubParsersAction
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
