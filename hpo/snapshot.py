"""What a state dict looks like on disk: a JSON tree, with tensors and arrays beside it.

Owns the translation between an object's state and its files, and nothing else: no folders, no
renames, no choice of what is newest (that is `checkpoint`). Nothing is ever unpickled: tensors go
through `torch.load(weights_only=True)`, arrays through `numpy.load(allow_pickle=False)`. Neither
library is imported before an object needs it, because every job pays for imports.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from hpo.errors import ReportError

KIND = "$"  # the key that marks a JSON object as one of ours instead of a user's dict

ACCEPTED = "objects with state_dict() and load_state_dict(), dicts and lists"


@runtime_checkable
class Stateful(Protocol):
    """What torch's modules, optimizers and schedulers have in common."""

    def state_dict(self) -> Any:
        """Return the object's state."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take the state over."""


Restorable: TypeAlias = "Stateful | dict[Any, Any] | list[Any]"


def check_restorable(name: str, value: object) -> None:
    """Refuse what could not be saved later, while the trial has not cost anything yet.

    Raises:
        ReportError: `value` has no state that can be saved.
    """
    if not isinstance(value, (Stateful, dict, list)) or isinstance(value, type):
        raise ReportError(
            f"restore({name}=…) got {type(value).__module__}.{type(value).__qualname__}, which has"
            f" no state that can be saved; accepted are {ACCEPTED}. Wrap it in a class with these"
            " two methods, or write your own files into trial.checkpoint_dir"
        )


def write_state(folder: Path, name: str, value: Restorable) -> None:
    """Write the state of one object as `<name>.state.json` and what does not fit into JSON.

    Raises:
        ReportError: the state holds something that is neither plain data, tensor nor array.
    """
    store = _Store()
    state = value.state_dict() if isinstance(value, Stateful) else value
    tree = store.encode(state, name)
    with _synced(folder / f"{name}.state.json") as file:
        file.write(json.dumps(tree, allow_nan=False).encode())
    if store.tensors:
        torch = sys.modules["torch"]
        with _synced(folder / f"{name}.tensors.pt") as file:
            torch.save(dict(enumerate(store.tensors)), file)
    if store.arrays:
        import numpy as np

        arrays: dict[str, Any] = {f"a{index}": array for index, array in enumerate(store.arrays)}
        with _synced(folder / f"{name}.arrays.npz") as file:
            np.savez(file, allow_pickle=False, **arrays)


def read_state(folder: Path, name: str) -> Any:
    """Return the state that `write_state` wrote, tensors on the CPU.

    Raises:
        ReportError: it holds tensors, and the objective has not imported torch.
    """
    tree = json.loads((folder / f"{name}.state.json").read_bytes())
    tensors: dict[int, Any] = {}
    arrays: dict[str, Any] = {}
    if (tensor_file := folder / f"{name}.tensors.pt").exists():
        torch = sys.modules.get("torch")
        if torch is None:
            raise ReportError(
                f"{tensor_file} holds tensors, but torch is not imported; the checkpoint was made"
                " by other code"
            )
        tensors = torch.load(tensor_file, weights_only=True, map_location="cpu")
    if (array_file := folder / f"{name}.arrays.npz").exists():
        import numpy as np

        with np.load(array_file, allow_pickle=False) as loaded:
            arrays = dict(loaded)
    return _decode(tree, tensors, arrays)


def take_over(value: Restorable, state: Any) -> None:
    """Put `state` into the object, in place."""
    if isinstance(value, Stateful):
        value.load_state_dict(state)
    elif isinstance(value, dict):
        new = dict(state)
        value.clear()
        value.update(new)
    else:
        value[:] = list(state)


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
        if torch is not None and isinstance(value, torch.Tensor):
            self.tensors.append(value.detach().cpu())
            return {KIND: "tensor", "v": len(self.tensors) - 1}
        if numpy is not None and isinstance(value, numpy.generic):
            return self.encode(value.item(), where)
        if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind in "biufcSU":
            self.arrays.append(value)
            return {KIND: "array", "v": len(self.arrays) - 1}
        raise ReportError(
            f"{where} is a {type(value).__module__}.{type(value).__qualname__} and cannot be saved"
            " in a checkpoint; a state may hold numbers, strings, lists, dicts, torch tensors and"
            " numpy arrays of numbers"
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
        self._file = path.open("wb")

    def __enter__(self) -> IO[bytes]:
        return self._file

    def __exit__(self, *exc: object) -> None:
        with self._file:
            if exc[0] is None:
                self._file.flush()
                os.fsync(self._file.fileno())
