"""The command line: `hpo` and `main_hpo.py`. Each subcommand imports only what it needs."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from hpo.cli.arguments import build_parser
from hpo.cli.printing import complain
from hpo.cli.welcome import welcome
from hpo.errors import EXIT_BAD_SETTINGS, EXIT_FINISHED, EXIT_RESUMABLE, HpoError

# As imported; what else is missing is missed by the user's code.
NEEDED = frozenset(
    {"submitit", "numpy", "scipy", "pandas", "yaml", "filelock", "pydantic", "rich", "psutil"}
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code (see `hpo.errors`)."""
    try:
        try:
            return _main(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FINISHED


def _main(argv: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not given:
        return welcome(parser.commands)
    arguments = parser.parse_args(given)
    arguments.typed = given
    try:
        return _command(arguments)
    except HpoError as err:
        complain(err)
        return err.exit_code
    except ModuleNotFoundError as err:
        if err.name not in NEEDED:
            raise
        complain(
            f"{sys.executable} has no package {err.name}. Activate the environment that hpo "
            "is installed in (`conda activate hpo`), also before `sbatch`, or name its "
            "interpreter in HPO_PYTHON; see docs/start/install.md"
        )
        return EXIT_BAD_SETTINGS
    except KeyboardInterrupt:  # a manager listens to it from the start of its campaign on
        before = " before the campaign was opened" if arguments.command == "run" else ""
        complain(f"interrupted{before}")
        return EXIT_RESUMABLE
    except BrokenPipeError:
        raise
    except OSError as err:
        complain(f"a file cannot be used now: {err}. Nothing is lost; try again later")
        return EXIT_RESUMABLE


def _command(arguments: Namespace) -> int:
    """The subcommand, imported here because the others and --help must not pay for it.

    It is the function in `hpo.cli` that is called as its module.
    """
    module = import_module(f"hpo.cli.{arguments.command}")
    act: Callable[[Namespace], int] = getattr(module, arguments.command)
    return act(arguments)


def main_hpo(argv: Sequence[str] | None = None) -> int:
    """`python main_hpo.py …` is `hpo run …`."""
    return main(["run", *(sys.argv[1:] if argv is None else argv)])
