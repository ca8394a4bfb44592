"""Trouble with the shared files: which errors are that, and how long a job goes on trying.

None of it is the fault of a configuration. What a job must write is tried again for minutes; after
that `StorageTrouble` ends the job's leg, which is offered again. Standard library only, because
every job imports it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from hpo.errors import ScriptError
from hpo.units.backoff import Backoff

log = logging.getLogger(__name__)
T = TypeVar("T")

PAUSE = Backoff(1.0, 30.0)  # between two tries
LOOK_S = 1.0  # between two looks whether the job is asked to leave
LEAVING_S = 10.0  # a job that is asked to leave has 30 s; it may have two things to write

# Out of users' code only these: EIO may be a broken file of the user's own, and EROFS or EACCES a
# wrong path, which no other job would write to either.
_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ESTALE})
_LASTING = (errno.ELOOP, errno.EMLINK)  # links, which no waiting turns into files
_WORDS = "|".join(re.escape(os.strerror(number)) for number in sorted(_NUMBERS))
_OF_NUMPY = r"\d+ requested and \d+ written"  # tofile's OSError has no number
_OF_TORCH = (
    rf"write\(\): fd \d+ failed with ({_WORDS})|PytorchStreamWriter failed writing"
    r"|inline_container(?s:.*)unexpected pos"
)
_OF_SCRIPT = rf"(?m)^OSError: \[Errno ({'|'.join(map(str, sorted(_NUMBERS)))})\]"
_CHAIN = 20  # exceptions behind an exception that are looked at


class StorageTrouble(BaseException):
    """What a job must write cannot be written; it unwinds the objective and ends the job.

    A BaseException, like `TrialInterrupted`, so that users' code does not swallow it.
    """


def is_storage_trouble(err: BaseException) -> bool:
    """Whether an exception out of users' code says that a disk is full or a file server away.

    Also behind another exception, as torch.save puts it, and in the last words of a script.
    """
    behind: BaseException | None = err
    for _ in range(_CHAIN):
        if behind is None:
            return False
        if _tells_trouble(behind):
            return True
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return False


def is_of_files(err: BaseException) -> bool:
    """The same for what our own code writes: there every OSError is the storage's."""
    return isinstance(err, OSError) or is_storage_trouble(err)


def _tells_trouble(err: BaseException) -> bool:
    if isinstance(err, StorageTrouble):
        return True
    if isinstance(err, OSError):
        unnumbered = err.errno is None and re.search(_OF_NUMPY, str(err)) is not None
        return err.errno in _NUMBERS or unnumbered
    if isinstance(err, ScriptError):
        return re.search(_OF_SCRIPT, str(err)) is not None
    return isinstance(err, RuntimeError) and re.search(_OF_TORCH, str(err)) is not None


class Patience(NamedTuple):
    """How long a job goes on trying, in s; `leaving` cuts it to `LEAVING_S` more."""

    report_s: float = 300.0  # a report, a checkpoint, the files of a start
    result_s: float = 600.0
    leaving: Callable[[], bool] = lambda: False
    sleep: Callable[[float], None] = time.sleep

    def insist(self, what: str, action: Callable[[], T], patience_s: float | None = None) -> T:
        """Do `action`, again and again; it may be carried out more than once.

        Args:
            what: names it for the job's log.
            action: writes; after an error nothing of it may count.
            patience_s: how long; as for a report if not given.

        Raises:
            StorageTrouble: it failed to the end.
        """
        left_s = self.report_s if patience_s is None else patience_s
        for pause_s in PAUSE.pauses():
            try:
                return action()
            except Exception as err:
                if not is_of_files(err):
                    raise
                if left_s <= 0.0 or getattr(err, "errno", None) in _LASTING:
                    raise StorageTrouble(f"{what}: the files cannot be used: {err}") from err
                pause_s = min(pause_s, left_s)
                log.warning("%s: the files cannot be used, again in %.0f s: %s", what, pause_s, err)
            left_s = self._wait(pause_s, left_s)
        raise AssertionError("the pauses do not end")

    def _wait(self, pause_s: float, left_s: float) -> float:
        """Wait, in short steps; how much patience is left then."""
        waited_s = 0.0
        while waited_s < pause_s:
            if self.leaving():
                left_s = min(left_s, LEAVING_S)
                pause_s = min(pause_s, waited_s + PAUSE.first_s)
            step_s = min(LOOK_S, pause_s - waited_s)
            self.sleep(step_s)
            waited_s += step_s
            left_s -= step_s
        return left_s
