"""What happens at the end of a process that was forked from another one, and is no interpreter's.

Owns which exit functions are called there: those that the trial registered itself, and none of
its parent's, which would remove the parent's temporary folders and end its helpers. Standard
library only; imports nothing that is not imported already.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def forget_the_parents() -> None:
    """In a forked process, first of all: what is registered so far is the parent's business."""
    atexit._clear()
    finalizers: Any = weakref.finalize
    for one in list(finalizers._registry):
        one.atexit = False
    finalizers._registered_with_atexit = False
    util: Any = sys.modules.get("multiprocessing.util")
    process: Any = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None:  # as its own forked processes begin
        util._finalizer_registry.clear()
        process._children = set()
        atexit.register(util._exit_function)


def call_as_an_interpreter_does() -> None:
    """Wait for threads, call exit functions, write what is buffered; nothing of it may raise."""
    endings: tuple[Callable[[], Any], ...] = (
        threading._shutdown,  # type: ignore[attr-defined]
        atexit._run_exitfuncs,
        sys.stdout.flush,
        sys.stderr.flush,
    )
    for ending in endings:
        try:
            ending()
        except BaseException:  # because it is the user's code
            log.info("at the end of the trial's process", exc_info=True)
