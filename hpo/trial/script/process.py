"""The process of a training script: started, read, signalled, and gone at the end.

Owns the process group, so that nothing the script started stays behind. Knows no reports and no
trial; never uses a shell.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

CHUNK = 1 << 16
LAST_WAIT_S = 2.0  # for a process that was killed to be gone


class ScriptProcess:
    """A running script; its stdout and stderr are one stream, as in a job's log."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        self._output = self._child.stdout
        # A character may be cut by the end of what can be read now.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.is_open = True
        os.set_blocking(self._output.fileno(), False)

    @property
    def pid(self) -> int:
        """The process, which is also the name of its group."""
        return self._child.pid

    def fileno(self) -> int:
        """For a selector: readable when the script has printed something."""
        return self._output.fileno()

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll()

    def read(self) -> str | None:
        """What was printed; None: nothing now. After the last of it, `is_open` is false."""
        try:
            chunk = os.read(self._output.fileno(), CHUNK)
        except BlockingIOError:
            return None
        self.is_open = bool(chunk)
        return self._decoder.decode(chunk, final=not chunk)

    def remaining(self) -> Iterator[str]:
        """What an ended script had printed, without waiting for what it left running."""
        self.kill()
        while self.is_open and (text := self.read()) is not None:
            yield text

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the script and all it started in its group."""
        # Suppressed, because in the usual case all of it has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End what is left, also what has a session of its own, as the workers of torchrun have."""
        strays = self._descendants() if self._child.poll() is None else []
        self.send(signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def close(self, grace_s: float) -> None:
        """Make sure that nothing runs any more: first asked, after the grace killed."""
        if self._child.poll() is None:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)
            self._drain_until_gone(grace_s)
        self.kill()
        self._drain_until_gone(LAST_WAIT_S)
        self._output.close()

    def _drain_until_gone(self, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while self._child.poll() is None and time.monotonic() < end:
            # Read, because a full pipe would keep it from ending.
            if not self.is_open or self.read() is None:
                time.sleep(0.01)

    def _descendants(self) -> list[int]:
        import psutil  # here, because a job loads it only to clean up

        try:
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        except psutil.Error:
            return []
