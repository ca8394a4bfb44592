"""Which errors are the storage's fault, and how long a job goes on trying."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SmallDisk

from hpo.errors import ObjectiveError, ScriptError
from hpo.folder.patience import Patience, StorageTrouble, is_storage_trouble

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Clock:
    """Sleeping takes no time, and is noted."""

    def __init__(self, leave_at: float = float("inf")) -> None:
        self.now = 0.0
        self._leave_at = leave_at

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def patience(self, **times: float) -> Patience:
        return Patience(sleep=self.sleep, leaving=lambda: self.now >= self._leave_at, **times)


class Flaky:
    """Fails until a time comes."""

    def __init__(self, clock: Clock, until: float, err: Exception = FULL) -> None:
        self.tries: list[float] = []
        self._clock, self._until, self._err = clock, until, err

    def __call__(self) -> str:
        self.tries.append(self._clock.now)
        if self._clock.now < self._until:
            raise self._err
        return "written"


class TestPatience:
    def test_what_fails_is_tried_again_in_growing_pauses_until_it_works(self) -> None:
        clock = Clock()
        action = Flaky(clock, until=100.0)
        assert clock.patience().insist("the report", action) == "written"
        assert action.tries == [0, 1, 3, 7, 15, 31, 61, 91, 121]

    def test_it_ends_after_five_minutes_for_a_report_and_ten_for_a_result(self) -> None:
        for patience_s, given in ((300.0, None), (600.0, 600.0)):
            clock = Clock()
            action = Flaky(clock, until=float("inf"))
            with pytest.raises(StorageTrouble, match=r"the report.*No space left"):
                clock.patience().insist("the report", action, given)
            assert clock.now == patience_s

    @pytest.mark.parametrize("leave_at", [0.0, 5.0, 40.0])
    def test_a_job_that_is_asked_to_leave_tries_for_ten_seconds_more(self, leave_at: float) -> None:
        clock = Clock(leave_at)
        action = Flaky(clock, until=float("inf"))
        with pytest.raises(StorageTrouble):
            clock.patience().insist("the report", action)
        assert clock.now <= leave_at + 12.0
        assert len([at for at in action.tries if at > leave_at]) > 2
        assert action.tries[-1] >= leave_at + 10.0

    def test_without_patience_there_is_one_try(self) -> None:
        action = Flaky(clock := Clock(), until=1.0)
        with pytest.raises(StorageTrouble):
            clock.patience(report_s=0.0).insist("the report", action)
        assert action.tries == [0.0]

    def test_other_errors_are_not_its_business(self) -> None:
        with pytest.raises(ValueError, match="ours"):
            Patience().insist("the report", Flaky(Clock(), 1.0, ValueError("ours")))


def _torch_to_path(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"weights": torch.zeros(10**6)}, folder / "weights.pt")


def _torch_to_file(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    with (folder / "weights.pt").open("wb") as file:
        torch.save({"weights": torch.zeros(10**6)}, file)


def _torch_as_of_old(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    weights = {"weights": torch.zeros(10**6)}
    torch.save(weights, folder / "weights.pt", _use_new_zipfile_serialization=False)


def _numpy(folder: Path) -> None:
    np.save(folder / "array.npy", np.zeros(10**6))


def _numpy_zipped(folder: Path) -> None:
    np.savez(folder / "array.npz", a=np.zeros(10**6))


def _text(folder: Path) -> None:
    (folder / "log.txt").write_text("x" * 10**7)


def _behind_another(folder: Path) -> None:
    try:
        _text(folder)
    except OSError as err:
        raise RuntimeError("the callback failed") from err


@pytest.mark.filterwarnings("ignore")  # torch warns of its old format
@pytest.mark.parametrize(
    "write",
    [
        _torch_to_path,
        _torch_to_file,
        _torch_as_of_old,
        _numpy,
        _numpy_zipped,
        _text,
        _behind_another,
    ],
)
def test_a_really_full_disk_is_recognised_in_users_code(
    small_disk: SmallDisk, write: Callable[[Path], None]
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # because each raises its own
        write(small_disk.root)
    assert is_storage_trouble(caught.value)


def _chained(err: BaseException, behind: BaseException) -> BaseException:
    err.__context__ = behind
    return err


def _suppressed(err: Exception) -> Exception:
    _chained(err, FULL)
    err.__suppress_context__ = True
    return err


@pytest.mark.parametrize(
    ("err", "expected"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (_chained(ObjectiveError("importing failed"), OSError(errno.ESTALE, "Stale")), True),
        (
            ScriptError("it printed last:\n…\nOSError: [Errno 28] No space left on device: 'x'"),
            True,
        ),
        (ScriptError("it printed last:\nKeyError: 'OSError: [Errno 28]'"), False),
        (_chained(StorageTrouble("x"), KeyError()), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (OSError("wrong header"), False),
        (RuntimeError("unable to write to file </torch_1>: No space left on device (28)"), False),
        (RuntimeError("CUDA out of memory"), False),
        (_suppressed(KeyError("lr")), False),
        (ValueError("No space left on device"), False),
    ],
)
def test_which_errors_of_users_code_are_the_storages(err: Any, expected: bool) -> None:
    assert is_storage_trouble(err) is expected
