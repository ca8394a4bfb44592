"""A folder in memory whose every operation is one step that a model checker may schedule.

A process of the model is the real code on `ModelPath`s. It never waits: its next operation is found
by running it from its start with the results of its operations so far, until it asks for one more
(`NeedError`). So a process is nothing but the list of what it has seen, which can be copied,
compared and thrown away with a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Any

Files = tuple[tuple[str, Any], ...]  # (path, content), sorted: it can be a key
Op = tuple[Any, ...]
ABSENT = "ENOENT"
KNOWING = ("tick", "round", "holds")  # steps that tell all that a process has kept in mind


class ProtocolError(AssertionError):
    """Something that must hold does not; with the schedule that led there."""


class NeedError(BaseException):
    """The process has come to an operation whose result is not known yet."""


class Port:
    """Through which a process does what others can see."""

    def __init__(self, seen: list[tuple[Op, Any]]) -> None:
        self._seen = seen
        self._next = 0
        self.needed: Op | None = None

    def __call__(self, *op: Any) -> Any:
        if self.needed is not None or self._next == len(self._seen):
            # What is costly to tell comes as a function.
            self.needed = self.needed or tuple(part() if callable(part) else part for part in op)
            raise NeedError
        (kind, *_), result = self._seen[self._next]
        assert kind == op[0], f"not deterministic: {kind} and then {op}"
        self._next += 1
        if result == ABSENT:
            raise FileNotFoundError(str(op))
        return result


port_of: list[Port] = []  # of the process that runs now


class ModelPath(PurePosixPath):
    """As much of a `pathlib.Path` as the protocol uses."""

    def rename(self, target: PurePosixPath) -> None:
        port_of[-1]("rename", str(self), str(target))

    replace = rename

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            port_of[-1]("unlink", str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def exists(self) -> bool:
        return bool(port_of[-1]("exists", str(self)))

    def lstat(self) -> None:
        if not self.exists():
            raise FileNotFoundError(str(self))

    def is_symlink(self) -> bool:
        return False

    def mkdir(self, **_options: Any) -> None:
        pass  # the folders are there

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        del encoding
        port_of[-1]("write", str(self), text)

    def iterdir(self) -> Iterator[ModelPath]:
        return (self / name for name in port_of[-1]("list", str(self)))


class ModelOs:
    """What `hpo.folder.offers` takes from `os`."""

    @staticmethod
    def rename(source: ModelPath, target: ModelPath) -> None:
        source.rename(target)

    @staticmethod
    def listdir(folder: ModelPath) -> list[str]:
        return list(port_of[-1]("list", str(folder)))


def read_plain(path: PurePath, most_bytes: int = 0) -> bytes:
    """`hpo.folder.files.read_plain`."""
    text: str = port_of[-1]("read", str(path))
    return text.encode()


def publish(path: ModelPath, text: str, *, durable: bool = True, folder: bool = True) -> None:
    """`hpo.folder.files.publish`: to everybody else it is one step."""
    del durable, folder
    port_of[-1]("write", str(path), text)


def publish_again(path: ModelPath, other: ModelPath) -> None:
    """`hpo.folder.files.publish_again`: one step as well."""
    port_of[-1]("copy", str(path), str(other))


def carry_out(files: Files, op: Op) -> tuple[Files, Any]:
    """One operation on the files: what they become, and what the process sees."""
    kind, path = op[0], op[1]
    table = dict(files)
    if kind == "list":
        depth = len(path) + 1
        names = (p[depth:] for p in table if p.startswith(path + "/"))
        return files, tuple(sorted(name for name in names if "/" not in name))
    if kind == "exists":
        return files, path in table
    if kind == "write":
        table[path] = op[2]
    elif path not in table:
        return files, ABSENT
    elif kind == "copy":
        table[op[2]] = table[path]
    elif kind == "read":
        return files, table[path]
    else:
        content = table.pop(path)
        if kind == "rename":
            table[op[2]] = content
    return tuple(sorted(table.items())), True


@dataclass
class Processes:
    """Every process state met so far, by number; what each will do next is found out once."""

    programs: dict[str, Callable[[Port], Any]]
    _seen: list[tuple[str, list[tuple[Op, Any]]]] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)
    _next: dict[int, tuple[Op | None, Any]] = field(default_factory=dict)

    def start(self, program: str) -> int:
        return self._number((program,), (program, []))

    def next_op(self, local: int) -> tuple[Op | None, Any]:
        """The operation a process has come to; None and its result if it has ended."""
        if local not in self._next:
            program, seen = self._seen[local]
            port = Port(seen)
            port_of.append(port)
            try:
                self._next[local] = None, self.programs[program](port)
            except NeedError:
                self._next[local] = port.needed, None
            except Exception as err:
                raise ProtocolError(f"{program} fails: {err!r}") from err
            finally:
                port_of.pop()
        return self._next[local]

    def after(self, local: int, op: Op, result: Any) -> int:
        program, seen = self._seen[local]
        # Two processes that have come to know the same are one, however they came to know it.
        key = (program, op, result) if op[0] in KNOWING else (local, result)
        number = self._number(key, (program, [*seen, (op, result)]))
        its_op, came_to = self.next_op(number)
        return number if its_op else self._number((program, came_to), self._seen[number])

    def last(self, local: int) -> tuple[Op, Any]:
        """The last operation of a process, and what it saw."""
        return self._seen[local][1][-1]

    def claim_of(self, local: int) -> str | None:
        """The claim that this very process made, while it has not tried to finish it."""
        claims = [op[2] for op, ok in self._seen[local][1] if op[0] == "rename" and ok is True]
        held = [path for path in claims if path.startswith("/c/claims/")]
        return held[-1] if len(held) % 2 == 1 else None  # the even ones are their ends

    def _number(self, key: Any, process: tuple[str, list[tuple[Op, Any]]]) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._seen)
            self._seen.append(process)
        return self._numbers[key]
