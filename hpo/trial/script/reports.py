"""How `hpo.Reporter` in a training script reaches the job that started the script.

Owns both ends of a local socket and what is said over it: one connection a report, answered when
the report is written, so that a pause is exact. A socket with a name, not an inherited descriptor:
launchers such as torchrun close what they inherit, and the number may be another file by then.
Knows no trial. The script's end is imported by users' code: standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from hpo.errors import ReportError
from hpo.folder.report_lines import to_number

VARIABLE = "HPO_SCRIPT_REPORTS"
SEND_TIMEOUT_S = 10.0  # for the line that a connected script is about to send
Then = Literal["go on", "end", "refused"]


def send(metrics: Mapping[str, object]) -> None:
    """Report from inside the script; returns when the report is written.

    Raises:
        ReportError: it is no report, this is no script of a trial's, or its job is gone.
        SystemExit: with code 0: the trial pauses or leaves here; let it pass.
    """
    if VARIABLE not in os.environ:
        raise ReportError(
            "Reporter() was called outside a trial, or in a thread of the objective's own; report"
            " from the function that the campaign calls, or from the script that it starts"
        )
    line = json.dumps({name: to_number(name, value) for name, value in metrics.items()})
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.connect(os.environ[VARIABLE])
            link.sendall(line.encode() + b"\n")
            with link.makefile("rb") as answers:
                answer = json.loads(answers.readline())
    except (OSError, ValueError) as err:
        raise ReportError(f"the job that started this script does not answer ({err})") from err
    if answer["then"] == "end":
        raise SystemExit(0)
    if answer["then"] == "refused":
        raise ReportError(answer["message"])


class Request:
    """A report on its way; the script waits for the answer."""

    def __init__(self, link: socket.socket, metrics: dict[str, Any]) -> None:
        self.metrics = metrics
        self._link = link

    def answer(self, then: Then, message: str = "") -> None:
        """Let the script go on, end or fail."""
        try:
            with self._link:
                self._link.sendall(json.dumps({"then": then, "message": message}).encode() + b"\n")
        except OSError:
            pass  # because a script that does not wait any more needs no answer


class ReportChannel:
    """The job's end of the socket, in a folder that only this user can enter."""

    def __init__(self) -> None:
        self._folder, self._socket = _listen()

    def __enter__(self) -> ReportChannel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def variables(self) -> dict[str, str]:
        """What the script's environment must say."""
        return {VARIABLE: str(self._socket.getsockname())}

    def fileno(self) -> int:
        """For a selector: readable when a script reports."""
        return self._socket.fileno()

    def receive(self) -> Request | None:
        """The next report; None: the script died over it."""
        try:
            link, _ = self._socket.accept()
        except OSError:
            return None
        try:
            link.settimeout(SEND_TIMEOUT_S)
            with link.makefile("rb") as lines:
                return Request(link, json.loads(lines.readline()))
        except (OSError, ValueError):
            link.close()
            return None


def _listen() -> tuple[Path, socket.socket]:
    # Jobs are often given a long TMPDIR, and a socket's name may have about 100 bytes.
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        folder = Path(tempfile.mkdtemp(prefix="hpo_script_", dir=parent))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(folder / "reports"))
            listener.listen()
        except OSError as err:
            failed = err
            listener.close()
            shutil.rmtree(folder, ignore_errors=True)
            continue
        listener.setblocking(False)
        return folder, listener
    raise failed
