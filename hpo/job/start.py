"""How a process of a job starts: `python …/hpo/job/start.py seat DIR`, by its path.

Not with -m, which looks first in the folder where the job starts: a module or folder of the user's
with the name `hpo` must not hide the package, neither there nor beside the configuration. And not
submitit's own program, which would import numpy and more before the user's code comes to its turn.
Processes that the user's code spawns run this file, too, as their main module.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).absolute().parent
HOME = str(HERE.parents[1])


def import_the_package() -> None:
    """Import `hpo` from where this file lies, whatever the import path has before it."""
    sys.path.insert(0, HOME)
    import hpo  # noqa: F401  # because what is imported stays

    sys.path.remove(HOME)


def is_up() -> None:
    """Tell that the job has started here: the mark of its start becomes that of its node."""
    for name in ("HPO_START_TRY", "HPO_START_SINCE"):
        os.environ.pop(name, None)
    if mark:
        node, _, _ = mark.rpartition(".")
        with contextlib.suppress(OSError):  # nothing hangs on it
            Path(mark).rename(f"{node}.up")


def cannot_start(why: str) -> None:
    """Wait and try again, as the shell before did; returns where that is in vain."""
    if mark:
        import runpy  # here, because no other job needs it

        runpy.run_path(str(HERE / "failed_start.py"))["try_again"](mark, sys.argv[2], why)


if __name__ == "__main__":
    # What is imported here stays to the end, so that to look for garbage in it is in vain: now, and
    # when the interpreter ends, which takes longer than to write a result.
    gc.disable()
    mark = os.environ.pop("HPO_START_MARK", "")
    if Path(sys.path[0]) == HERE:  # its modules would hide the user's
        del sys.path[0]
    what, *words = sys.argv[1:]
    try:
        import_the_package()
        if HOME not in sys.path:
            sys.path.append(HOME)
        run: Callable[..., int | None]
        if what == "trial":
            from hpo.job.many.fresh_main import main as run
        elif what == "check":
            from hpo.job.ground import check as run
        else:
            from hpo.job.main import run_job as run

            del words[1:]  # submitit appended some to the command of 0.1.0
    except (ImportError, OSError, SyntaxError) as err:
        cannot_start(f"{type(err).__name__}: {err}")
        raise
    is_up()
    gc.freeze()
    gc.enable()
    code = run(*words)
    if what == "check":
        os._exit(code or 0)  # because threads of the user's module may not want to end
    sys.exit(code)
elif __name__ == "__mp_main__":
    import_the_package()
