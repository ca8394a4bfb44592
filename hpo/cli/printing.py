"""What commands print: every line of it passes the one filter of `hpo.shown`."""

from __future__ import annotations

import sys

from hpo.shown import many_lines, one_line


def say(line: object) -> None:
    """One line on standard output, at once."""
    print(one_line(line), flush=True)


def complain(text: object) -> None:
    """An error on standard error, of one or several lines."""
    print(f"hpo: {many_lines(text)}", file=sys.stderr)
