"""`snapshot_code`: a copy of the objective's code in the campaign's folder, for jobs to run from.

Owns what is copied: each folder that the code is found from, its Python files and those of its
folders that hold some; everything else in them is a link to the original, so that data beside the
code is found where it was. Hidden files, caches and virtual environments are left out. A copy is
complete or absent, and one that is there already is used again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError
from hpo.folder import opening
from hpo.folder.files import Layout
from hpo.folder.safety import OTHERS_WRITE
from hpo.trial.code import OURS, Code
from hpo.trial.objective import SCRIPT

MOST_ENTRIES = 2_000
MOST_BYTES = 20_000_000
_LEFT_OUT = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class Runnable:
    """Where jobs find an objective: its reference, and the folders that they import from."""

    objective: str
    pythonpath: tuple[str, ...]


def snapshot(layout: Layout, asked: Runnable, code: Code | None) -> Runnable:
    """Copy the code; what jobs are to run instead of `asked`.

    Code that comes with this package, or is not here, is run as it is.

    Raises:
        SettingsError: it is too large to be code alone.
        OSError: it cannot be read or written.
    """
    if code is None or asked.objective.startswith(f"{OURS}."):
        return asked
    originals = list(dict.fromkeys(code.folders.values()))
    draft = layout.code / f".new-{secrets.token_hex(4)}"
    for folder in (layout.code, draft):
        folder.mkdir(exist_ok=True)
        # Nobody else writes what jobs run, whatever the umask; what is made in it follows.
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~OTHERS_WRITE)
    try:
        copy = _Copy(layout.root, {code.folders[n] / Path(n).parent for n in code.folders})
        for number, original in enumerate(originals):
            copy.copy(original, draft / str(number))
        target = layout.code / copy.digest
        if not target.exists():
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    copies = {str(folder): str(target / str(n)) for n, folder in enumerate(originals)}
    return Runnable(_moved(asked.objective, copies), (*copies.values(), *asked.pythonpath))


def _moved(objective: str, copies: dict[str, str]) -> str:
    """The reference of an objective in a file, with the file's copy."""
    start = SCRIPT if objective.startswith(SCRIPT) else ""
    path, colon, name = objective.removeprefix(start), "", ""
    if not start:
        path, colon, name = path.rpartition(":")
    if not path.endswith(".py"):
        return objective
    file = Path(path).resolve()
    folder = copies.get(str(file.parent))
    return objective if folder is None else f"{start}{folder}/{file.name}{colon}{name}"


@dataclass(slots=True)
class _Copy:
    """A copy that is being made; `needed` are folders that hold code, whatever else is there."""

    campaign: Path
    needed: set[Path]
    entries: int = 0
    size: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        """Of all that was copied."""
        return str(self._hash.hexdigest())[:12]

    def copy(self, source: Path, target: Path) -> None:
        opening.make_folder(target, parents=2)
        self._hash.update(f"{target.name}/\n".encode())
        with os.scandir(source) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or entry.name in _LEFT_OUT or self._is_ours(path):
                continue
            self._count(source)
            if entry.is_dir(follow_symlinks=False) and self._has_code(path):
                self.copy(path, target / entry.name)
            elif entry.name.endswith(".py") and entry.is_file():
                self._copy_file(path, target / entry.name)
            else:
                (target / entry.name).symlink_to(path)

    def _copy_file(self, source: Path, target: Path) -> None:
        data = source.read_bytes()
        self.size += len(data)
        with os.fdopen(opening.open_new(target), "wb") as file:
            file.write(data)
        self._hash.update(f"{target.name} {len(data)}\n".encode() + data)

    def _is_ours(self, path: Path) -> bool:
        return path == self.campaign or (path / "pyvenv.cfg").exists()

    def _has_code(self, folder: Path) -> bool:
        if any(needed.is_relative_to(folder) for needed in self.needed):
            return True
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".py") for entry in entries)

    def _count(self, folder: Path) -> None:
        self.entries += 1
        if self.entries > MOST_ENTRIES or self.size > MOST_BYTES:
            raise SettingsError(
                [
                    f"snapshot_code: {folder} and what lies beside the objective are more than"
                    f" {MOST_ENTRIES} files, or {MOST_BYTES / 1e6:.0f} MB of Python: put the code"
                    " into a folder of its own, or leave snapshot_code out"
                ],
                where="the settings",
            )
