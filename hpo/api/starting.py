"""Starts the manager of a campaign outside this process, which may end without harm to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import hpo
from hpo.folder.files import publish_json, read_json, read_tail
from hpo.job import process_start
from hpo.record.fields import from_json

# The package first, as it was imported here; then the path is the user's again.
PROGRAM = (
    "import json, sys; at, words = json.loads(sys.argv[1]); "
    "sys.path = [at, *(p for p in sys.path if p)]; import hpo.cli; del sys.path[0]; "
    "sys.argv = ['hpo', *words]; sys.exit(hpo.cli.main(words))"
)
# A notebook may run in a job that was requeued, which is not the manager's.
_OF_NOTEBOOK = ("JPY_", "PYDEVD_", "VSCODE_", "SLURM_RESTART_COUNT")


@dataclass(frozen=True, slots=True)
class Started:
    """A manager that was started: as a process of `host`, or as job `job_id`.

    Its output goes to `output`. `began` names the process beyond its number.
    """

    time: float
    host: str
    output: str
    job_id: str | None = None
    pid: int | None = None
    began: str = ""

    @property
    def process_lives(self) -> bool | None:
        """Whether its process lives; None: that cannot be told here, or it is a job."""
        if self.pid is None or self.host != socket.gethostname():
            return None
        now = process_start.began(self.pid)
        return now is not None and now == (self.began or now)

    def said(self) -> str:
        """The end of what it printed so far."""
        try:
            return "\n".join(read_tail(Path(self.output)))
        except OSError:
            return ""


def record(path: Path, started: Started) -> None:
    """Remember it, for who comes back later."""
    publish_json(path, asdict(started))


def recorded(path: Path) -> Started | None:
    """What was remembered; None: nothing that can be read, or not by this user.

    It names a job that may be cancelled and a file that is shown, so nobody else may say so.
    """
    try:
        if path.lstat().st_uid != os.geteuid():
            return None
        started = from_json(Started, read_json(path))
    except (OSError, ValueError):
        return None
    return started if started.job_id is None or started.job_id.isdecimal() else None


def environment() -> dict[str, str]:
    """That of this process, without what only a notebook has, or its job."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OF_NOTEBOOK)}
    if "inline" in kept.get("MPLBACKEND", ""):
        del kept["MPLBACKEND"]  # jobs may not have the module of it
    return kept


def start_process(arguments: Sequence[str], *, folder: Path, output: Path) -> Started:
    """A manager as a process that this one does not hold: it lives on when this one ends.

    Raises:
        OSError: `output` cannot be written, or no process can be started.
    """
    output.write_text("", encoding="utf-8")
    begun = time.time()
    # Through a shell that ends at once, so that it is nobody's child here.
    line = 'out=$1; shift; "$@" >>"$out" 2>&1 </dev/null & echo $!'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", str(output), *command(arguments)],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    pid = int(done.stdout)
    began = process_start.began(pid) or ""
    return Started(begun, socket.gethostname(), str(output), pid=pid, began=began)


def start_child(
    arguments: Sequence[str], *, folder: Path, output: Path | None
) -> subprocess.Popen[bytes]:
    """A manager that leaves when this process is interrupted or its terminal is closed.

    With `output` None it prints where this process does.
    """
    if output is None:
        return subprocess.Popen(command(arguments), cwd=folder, env=environment())
    with output.open("wb") as file:
        return subprocess.Popen(
            command(arguments),
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def start_job(arguments: Sequence[str], *, folder: Path, options: Mapping[str, object]) -> Started:
    """A manager as a SLURM job.

    Raises:
        SubmissionError: SLURM refused it.
        SubmissionLimitError: it takes no more jobs now.
        SubmissionUncertainError: it did not answer.
    """
    from hpo.cluster.slurm.manager_job import submit_manager

    environ = environment() | {"HPO_PYTHON": sys.executable}
    if not _is_found_without_help(environ):
        path = [str(_home()), *filter(None, [environ.get("PYTHONPATH")])]
        environ["PYTHONPATH"] = os.pathsep.join(path)
    job_id = submit_manager(arguments, options=options, folder=folder, environ=environ)
    output = folder / f"hpo_manager_{job_id}.out"
    return Started(time.time(), socket.gethostname(), str(output), job_id=job_id)


def ask_to_leave(child: subprocess.Popen[bytes]) -> None:
    """The manager saves what it knows and ends; what runs goes on."""
    child.send_signal(signal.SIGTERM)


def command(arguments: Sequence[str]) -> list[str]:
    """The words that call `hpo run` with these arguments, as this interpreter has it."""
    words = json.dumps([str(_home()), ["run", *arguments]])
    return [sys.executable, "-u", "-c", PROGRAM, words]


def _home() -> Path:
    return Path(hpo.__file__).resolve().parents[1]


def _is_found_without_help(environ: Mapping[str, str]) -> bool:
    """Whether the interpreter finds this very package from anywhere."""
    line = "import sys; sys.path = [p for p in sys.path if p]; import hpo; print(hpo.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", line],
        cwd="/",
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = done.stdout.strip()
    return bool(found) and Path(found).resolve() == Path(hpo.__file__).resolve()
