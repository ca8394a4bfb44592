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


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
