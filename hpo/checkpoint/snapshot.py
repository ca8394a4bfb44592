"""What a state dict looks like on disk: a JSON tree, with tensors and arrays beside it.

Nothing is ever unpickled: tensors go through `torch.load(weights_only=True)`, arrays through
`numpy.load(allow_pickle=False)`. Neither library is imported before an object needs it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any

from hpo.checkpoint.containers import (
    DamagedError,
    open_archive,
    require_sound_arrays,
    require_sound_tensors,
)
from hpo.checkpoint.restorable import Restorable, kind_of
from hpo.checkpoint.torch_safety import require_safe
from hpo.errors import ReportError
from hpo.folder import opening
from hpo.folder.files import open_plain

MOST_STATE_BYTES = 100_000_000  # of a state's JSON, without its tensors and arrays
KIND = "$"  # the key that marks a JSON object as one of ours instead of a user's dict


def check_restorable(name: str, value: object) -> None:
    """Refuse what could not be saved later, while the trial has not cost anything yet.

    Raises:
        ReportError: `value` has no state that can be saved.
    """
    try:
        kind = kind_of(value)
    except TypeError as err:
        raise ReportError(f"restore({name}=…) got {err}") from None
    try:
        state = kind.state(value)
    except Exception:  # noqa: BLE001  # because some objects have a state only once they were used
        return
    _encode(name, state)


def write_state(folder: Path, name: str, value: Restorable) -> None:
    """Write the state of one object as `<name>.state.json` and what does not fit into JSON.

    Raises:
        ReportError: the state holds something that is neither plain data, tensor nor array.
    """
    tree, store = _encode(name, kind_of(value).state(value))
    write_plain(folder / f"{name}.state.json", tree)
    if store.tensors:
        torch = sys.modules["torch"]
        tensors = {index: _own_storage(tensor) for index, tensor in enumerate(store.tensors)}
        with _synced(folder / f"{name}.tensors.pt") as file:
            torch.save(tensors, file)
    if store.arrays:
        arrays: dict[str, Any] = {f"a{index}": array for index, array in enumerate(store.arrays)}
        with _synced(folder / f"{name}.arrays.npz") as file:
            sys.modules["numpy"].savez(file, allow_pickle=False, **arrays)


def read_state(folder: Path, name: str, known: Collection[str]) -> Any:
    """Return the state that `write_state` wrote, tensors on the CPU; only `known` files count.

    Raises:
        ReportError: it holds tensors or arrays, and the objective has not imported their library,
            or this torch is not safe here.
        DamagedError: it holds what was not written here.
        OSError: it cannot be read now.
    """
    tree = read_plain(folder / f"{name}.state.json")
    tensors: dict[int, Any] = {}
    arrays: dict[str, Any] = {}
    if (tensor_file := folder / f"{name}.tensors.pt").name in known:
        tensors = _read_tensors(_imported("torch", tensor_file), tensor_file)
    if (array_file := folder / f"{name}.arrays.npz").name in known:
        arrays = _read_arrays(_imported("numpy", array_file), array_file)
    return _decode(tree, tensors, arrays)


def _read_tensors(torch: Any, path: Path) -> dict[int, Any]:
    require_safe(torch, path.parent)
    with open_archive(path) as (file, _):
        file.seek(0)
        tensors: dict[int, Any] = torch.load(file, weights_only=True, map_location="cpu")
    require_sound_tensors(tensors, torch)
    return tensors


def _read_arrays(numpy: Any, path: Path) -> dict[str, Any]:
    with open_archive(path) as (file, archive):
        require_sound_arrays(archive, numpy)
        file.seek(0)
        with numpy.load(file, allow_pickle=False) as loaded:
            return dict(loaded)


def write_plain(path: Path, tree: Any) -> None:
    """Write JSON, on disk when this returns.

    Raises:
        ReportError: it is too much.
    """
    with _synced(path) as file:
        data = json.dumps(tree, allow_nan=False).encode()
        if len(data) > MOST_STATE_BYTES:
            raise ReportError(
                f"{path.name}: the plain values of a state take {len(data) / 1e6:.0f} MB, more "
                f"than {MOST_STATE_BYTES / 1e6:.0f}; keep numbers in arrays or tensors"
            )
        file.write(data)


def read_plain(path: Path) -> Any:
    """Return what `write_plain` wrote.

    Raises:
        DamagedError: it is not what is ever written.
        OSError: it cannot be read now.
    """
    with open_plain(path) as file:
        data = file.read(MOST_STATE_BYTES + 1)
    if len(data) > MOST_STATE_BYTES:
        raise DamagedError(f"{path.name} is larger than {MOST_STATE_BYTES / 1e6:.0f} MB")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as err:
        raise DamagedError(f"{path.name} is no JSON ({err})") from err


def _imported(library: str, file: Path) -> Any:
    if library not in sys.modules:
        raise ReportError(
            f"{file.name} can only be read by {library}, which the objective has not imported"
        )
    return sys.modules[library]


def _own_storage(tensor: Any) -> Any:
    """Return `tensor` on the CPU, in memory of its size.

    torch saves the whole memory that a tensor looks into: for one row, all the data.
    """
    plain = tensor.detach().cpu()
    whole = plain.untyped_storage().nbytes() == plain.numel() * plain.element_size()
    return plain if whole else plain.clone()


def _encode(name: str, state: Any) -> tuple[Any, _Store]:
    store = _Store()
    try:
        return store.encode(state, name), store
    except RecursionError:
        raise ReportError(
            f"restore({name}=…): the state of {name} contains itself and cannot be saved"
        ) from None


class _Store:
    """The JSON tree's companions: every tensor and array met while encoding, in order."""

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.arrays: list[Any] = []

    def encode(self, value: Any, where: str) -> Any:
        """Return the JSON tree of `value`; `where` names it in errors."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            # Strict JSON has no NaN, and a best-so-far of infinity is common in schedulers.
            number = float(value)
            return number if math.isfinite(number) else {KIND: "float", "v": repr(number)}
        if isinstance(value, dict):
            return self._encode_dict(value, where)
        if isinstance(value, (list, tuple)):
            items = [self.encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
            return items if isinstance(value, list) else {KIND: "tuple", "v": items}
        return self._encode_numeric(value, where)

    def _encode_dict(self, value: dict[Any, Any], where: str) -> Any:
        if type(value) is dict and KIND not in value and all(type(key) is str for key in value):
            return {key: self.encode(item, f"{where}[{key!r}]") for key, item in value.items()}
        kind = next((k for k, made in _DICTS.items() if isinstance(value, made)), "dict")
        pairs = [
            [self.encode(key, f"a key of {where}"), self.encode(item, f"{where}[{key!r}]")]
            for key, item in value.items()
        ]
        tree = {KIND: kind, "v": pairs}
        # torch hangs the versions of a module's layers on its state dict; load_state_dict reads it.
        if (metadata := getattr(value, "_metadata", None)) is not None:
            tree["metadata"] = self.encode(metadata, f"{where}._metadata")
        return tree

    def _encode_numeric(self, value: Any, where: str) -> Any:
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch is not None and isinstance(value, torch.Tensor) and _is_plain_tensor(value):
            self.tensors.append(value)
            return {KIND: "tensor", "v": len(self.tensors) - 1}
        if numpy is not None:
            if isinstance(value, numpy.generic) and isinstance(
                value.item(), (bool, int, float, str)
            ):
                return self.encode(value.item(), where)
            # No subclasses: a masked array would come back without its mask.
            if type(value) in (numpy.ndarray, numpy.memmap) and value.dtype.kind in "biufcmMSU":
                self.arrays.append(value)
                return {KIND: "array", "v": len(self.arrays) - 1}
        raise ReportError(_cannot_be_saved(value, where))


def _is_plain_tensor(value: Any) -> bool:
    """Whether `value` is one that `torch.load(weights_only=True)` will give back."""
    torch = sys.modules["torch"]
    if value.is_meta or torch.nn.parameter.is_lazy(value) or value.layout != torch.strided:
        return False
    return type(value.detach()) is torch.Tensor and not value.is_quantized


def _cannot_be_saved(value: Any, where: str) -> str:
    name = where.partition("[")[0]
    return (
        f"restore({name}=…): {where} is a {type(value).__module__}.{type(value).__qualname__} and"
        " cannot be saved in a checkpoint; a state may hold numbers, strings, lists, dicts, dense"
        " torch tensors and numpy arrays of numbers. Objects with a state of their own are named"
        " one by one in restore(…)"
    )


_DICTS: dict[str, type[dict[Any, Any]]] = {"counter": Counter, "ordered": OrderedDict}


def _decode(tree: Any, tensors: dict[int, Any], arrays: dict[str, Any]) -> Any:
    def decode(node: Any) -> Any:
        if isinstance(node, list):
            return [decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        if KIND not in node:
            return {key: decode(item) for key, item in node.items()}
        return marked[node[KIND]](node)

    def decode_dict(node: dict[str, Any]) -> Any:
        made = _DICTS.get(node[KIND], dict)({decode(key): decode(item) for key, item in node["v"]})
        if "metadata" in node:
            made._metadata = decode(node["metadata"])  # type: ignore[attr-defined]
        return made

    marked: dict[str, Callable[[dict[str, Any]], Any]] = {
        "float": lambda node: float(node["v"]),
        "tuple": lambda node: tuple(decode(item) for item in node["v"]),
        "tensor": lambda node: tensors[node["v"]],
        "array": lambda node: arrays[f"a{node['v']}"],
        "dict": decode_dict,
        "ordered": decode_dict,
        "counter": decode_dict,
    }
    return decode(tree)


class _synced:  # noqa: N801 because it is used like a function
    """`open(path, "wb")` whose file is on disk when the block ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(opening.open_new(path), "wb")

    def __enter__(self) -> IO[bytes]:
        return self._file

    def __exit__(self, *exc: object) -> None:
        with self._file:
            if exc[0] is None:
                self._file.flush()
                os.fsync(self._file.fileno())
