"""The command line: `hpo` and `main_hpo.py`. Each subcommand imports only what it needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hpo.cli.arguments import build_parser
from hpo.errors import EXIT_RESUMABLE, HpoError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code (see `hpo.errors`)."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = build_parser().parse_args(given)
    try:
        from hpo.cli.run import run  # because --help must not pay for it

        return run(arguments, given)
    except HpoError as err:
        print(f"hpo: {err}", file=sys.stderr)  # noqa: T201  # because this is the command
        return err.exit_code
    except KeyboardInterrupt:  # later on the manager listens to it and leaves in order
        print("hpo: interrupted before the campaign was opened", file=sys.stderr)  # noqa: T201
        return EXIT_RESUMABLE


def main_hpo(argv: Sequence[str] | None = None) -> int:
    """`python main_hpo.py …` is `hpo run …`."""
    return main(["run", *(sys.argv[1:] if argv is None else argv)])
