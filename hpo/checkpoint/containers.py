"""The files of a checkpoint, opened so that they can only hold what they seem to hold.

numpy and torch write zip archives, without compression. What is compressed, or promises more than
the file holds, was not written here, and is refused before memory is used for it. So is what is no
plain file: a pipe or a device would never end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hpo.folder.files import open_plain

if TYPE_CHECKING:
    import zipfile

MOST_HEADER_BYTES = 10_000  # of an array, as numpy has it


class DamagedError(Exception):
    """A file of a checkpoint is not what this program writes."""


@contextmanager
def open_archive(path: Path) -> Iterator[tuple[IO[bytes], zipfile.ZipFile]]:
    """A zip file that holds all of its members as they are.

    Raises:
        DamagedError: it is none.
        OSError: it cannot be read now.
    """
    import zipfile  # here, because it imports much that most jobs never need

    with open_plain(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as err:
            raise DamagedError(f"{path.name} is no archive ({err})") from err
        with archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise DamagedError(f"{path.name} is compressed")
            if sum(max(member.file_size, member.compress_size) for member in members) > size:
                raise DamagedError(f"{path.name} promises more than it holds")
            yield file, archive


def require_sound_arrays(archive: zipfile.ZipFile, numpy: Any) -> None:
    """Look at the headers of all arrays.

    Raises:
        DamagedError: one promises more than is there, or is no array.
    """
    import zipfile  # likewise

    read = numpy.lib.format
    for member in archive.infolist():
        try:
            with archive.open(member) as file:
                version = read.read_magic(file)
                header = {
                    (1, 0): read.read_array_header_1_0,
                    (2, 0): read.read_array_header_2_0,
                }[version]
                shape, _, dtype = header(file, max_header_size=MOST_HEADER_BYTES)
                promised = math.prod(shape) * dtype.itemsize
                start = file.tell()
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as err:
            raise DamagedError(f"{member.filename} is no array ({err})") from err
        if dtype.hasobject or promised != member.file_size - start:
            raise DamagedError(f"the array {member.filename} promises more than it holds, or less")


def require_sound_tensors(tensors: Any, torch: Any) -> None:
    """Look at what was unpickled, of which a tensor may be larger than its memory.

    Raises:
        DamagedError: it is no mapping of whole tensors.
    """
    if not isinstance(tensors, dict):
        raise DamagedError("there is something else than tensors")
    for tensor in tensors.values():
        if not isinstance(tensor, torch.Tensor):
            raise DamagedError("there is something else than tensors")
        held = tensor.untyped_storage().nbytes()
        if tensor.numel() * tensor.element_size() > held:
            raise DamagedError("a tensor promises more than the file holds")
