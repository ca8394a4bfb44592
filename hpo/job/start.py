"""How a process of a job starts: `python …/hpo/job/start.py seat DIR`, by its path.

Not with -m, which looks first in the folder where the job starts: a module or folder of the user's
with the name `hpo` must not hide the package, neither there nor beside the configuration. And not
submitit's own program, which would import numpy and more before the user's code comes to its turn.
Processes that the user's code spawns run this file, too, as their main module.
"""

import gc
import sys
from pathlib import Path

HERE = Path(__file__).absolute().parent
HOME = str(HERE.parents[1])


def import_the_package() -> None:
    """Import `hpo` from where this file lies, whatever the import path has before it."""
    sys.path.insert(0, HOME)
    import hpo  # noqa: F401  # because what is imported stays

    sys.path.remove(HOME)


if __name__ == "__main__":
    # What is imported here stays to the end, so that to look for garbage in it is in vain: now, and
    # when the interpreter ends, which takes longer than to write a result.
    gc.disable()
    if Path(sys.path[0]) == HERE:  # its modules would hide the user's
        del sys.path[0]
    import_the_package()
    if HOME not in sys.path:
        sys.path.append(HOME)
    what, *words = sys.argv[1:]
    if what == "trial":
        from hpo.job.many.fresh_main import main

        gc.freeze()
        gc.enable()
        main(*words)
    from hpo.job.main import run_job

    gc.freeze()
    gc.enable()
    sys.exit(run_job(words[0]))
elif __name__ == "__mp_main__":
    import_the_package()
