"""What is looked at beside a running leg, in a thread: how long its log is, what its GPUs do.

Owns the thread. It sleeps nearly always, so that the trial is not held up; nothing in it may raise
into the trial, and it ends with the leg.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from hpo.job.log_limit import LimitedLog

LOOK_S = 2.0  # between two looks at the size of the log


class Watch:
    """Runs while it is entered; afterwards `gpu` has what was seen of the GPUs."""

    def __init__(self, log: LimitedLog | None, *, gpus: int, tell: Callable[[float], None]) -> None:
        """`tell` is called once, with the seconds for which the leg has used no GPU."""
        self._log = log
        self._gpus = gpus
        self._tell: Callable[[float], None] | None = tell
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.gpu: tuple[float | None, int | None, int | None] = (None, None, None)

    def __enter__(self) -> Watch:
        """Begin to look, where there is anything to look at."""
        if self._log is not None or self._gpus:
            self._thread = threading.Thread(target=self._run, name="hpo watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take a last look, and end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=LOOK_S)  # a driver that hangs must not hold the result

    def _run(self) -> None:
        use = None
        if self._gpus:
            from hpo.job.gpu_use import GpuUse  # here, because jobs without a GPU need none
            from hpo.job.gpus import find_reader

            if found := find_reader(os.environ.get("CUDA_VISIBLE_DEVICES")):
                use = GpuUse(found[0], time.monotonic(), cheap=found[1])
        is_over = False
        while not is_over:
            is_over = self._over.wait(LOOK_S)
            if self._log is not None:
                self._log.look()
            now = time.monotonic()
            if use is not None and (is_over or now >= use.due):
                use.look(now)
                self.gpu = use.told()
                unused_s = use.unused_since_s(now)
                if unused_s is not None and self._tell is not None:
                    self._tell(unused_s)
                    self._tell = None
