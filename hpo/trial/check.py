"""The objective tried out before anything is submitted, in a process of its own.

User code may print, exit, crash or hang there, and torch stays out of the manager.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import hpo
from hpo.errors import ObjectiveError
from hpo.folder.files import read_json
from hpo.seats import environment

IMPORT_TIMEOUT_S = 120.0  # importing torch from a slow network filesystem takes a minute at worst

# Runs in the child, as a job begins: the package first, which a module of the user's with its name
# must not hide. Then what the manager can import comes last, and hides nothing of the user's.
_CHILD = """
import sys
if sys.path[:1] == [""]:
    del sys.path[:1]
import json
asked = json.loads(sys.argv[1])
lacks = [] if sys.version_info >= (3, 10) else ["Python 3.10 or newer"]
if asked["reference"].startswith("script:") and not lacks:
    import importlib.util
    lacks = ["the package psutil"] if importlib.util.find_spec("psutil") is None else []
if lacks:
    with open(asked["answer"], "w") as file:
        json.dump([
            "the Python of the jobs, %s (%s), lacks what hpo needs there: %s; install it in the "
            "environment that env_setup activates, or name another Python as 'python'"
            % (sys.executable, sys.version.split()[0], ", ".join(lacks))
        ], file)
    sys.exit(0)
sys.path[:0] = asked["hpo_at"]
import hpo.trial.check
del sys.path[:1]
sys.path[:0] = asked["pythonpath"]
sys.path.extend(asked["hpo_at"])
from hpo.trial.check import answer
answer(asked["reference"], asked["space_names"], asked["answer"])
"""


def check_objective(
    reference: str,
    space_names: Collection[str],
    pythonpath: Sequence[str] = (),
    *,
    python: Sequence[str] | None = None,
    env_setup: Sequence[str] = (),
    timeout_s: float = IMPORT_TIMEOUT_S,
) -> list[str]:
    """Import the objective in a subprocess and check its signature; return what is wrong.

    `python` and `env_setup` are those of the jobs: what they can import may differ from what the
    manager can.
    """
    # A folder, not pipes: a process that the user's module leaves behind would keep a pipe open.
    with tempfile.TemporaryDirectory(prefix="hpo_check_") as folder:
        answer_file, noise_file = Path(folder, "answer.json"), Path(folder, "noise.txt")
        asked = {
            "reference": reference,
            "space_names": list(space_names),
            "pythonpath": [str(Path(entry).resolve()) for entry in pythonpath],
            "hpo_at": [str(Path(hpo.__file__).resolve().parents[1])],
            "answer": str(answer_file),
        }
        with noise_file.open("wb") as noise:
            child = subprocess.Popen(
                # Through a shell also without env_setup, so that a `python` that is not there ends
                # with a message.
                environment.command(
                    env_setup or [":"], python, sys.executable, ["-c", _CHILD, json.dumps(asked)]
                ),
                stdin=subprocess.DEVNULL,
                stdout=noise,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                exit_code = child.wait(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                return [_too_slow(reference, timeout_s)]
            finally:
                _end(child)
        problems = read_json(answer_file)
        if isinstance(problems, list):
            return [str(problem) for problem in problems]
        return [_crashed(reference, exit_code, noise_file)]


def answer(reference: str, space_names: Collection[str], path: str) -> None:
    """Check in this process, write the problems to `path` and end the process at once."""
    from hpo.trial.objective import bind, load_objective
    from hpo.trial.references import arguments_of

    problems = []
    sys.argv = arguments_of(reference)
    try:
        bind(load_objective(reference), space_names)
    except ObjectiveError as err:
        problems.append(str(err))
    Path(path).write_text(json.dumps(problems), encoding="utf-8")
    os._exit(0)  # because threads and exit handlers of the user's module may not want to end


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole group, so that nothing the user's module started stays behind."""
    # Suppressed, because in the usual case all of it has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _too_slow(reference: str, timeout_s: float) -> str:
    return (
        f"importing the objective {reference!r} took longer than {timeout_s:.0f} s; move training"
        " and downloads from the top of the module into the function"
    )


def _crashed(reference: str, exit_code: int, noise_file: Path) -> str:
    if exit_code < 0:
        end = f"was killed by {signal.Signals(-exit_code).name}"
    else:
        end = f"ended its process with exit code {exit_code}"
    lines = noise_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    return (
        f"importing the objective {reference!r} {end}; last output: {' | '.join(lines) or 'none'}"
    )
