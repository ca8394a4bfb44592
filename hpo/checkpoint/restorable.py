"""What may be named in `trial.restore(…)`: how each kind gives its state and takes it back.

Imports neither torch nor numpy; an object of theirs can only be here if the user's code imported
them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

ACCEPTED = (
    "objects with state_dict() and load_state_dict() (torch modules, optimizers, schedulers, …),"
    " generators of torch and numpy, random.Random, tensors, writable numpy arrays, and dicts and"
    " lists of plain values"
)


@runtime_checkable
class Stateful(Protocol):
    """What torch's modules, optimizers and schedulers have in common."""

    def state_dict(self) -> Any:
        """Return the object's state."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take the state over."""


Restorable: TypeAlias = (
    "Stateful | dict[Any, Any] | list[Any] | random.Random | np.ndarray[Any, Any]"
    " | np.random.Generator | np.random.RandomState | torch.Tensor | torch.Generator"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object that can be restored."""

    describe: Callable[[Any], str]
    """What of the object must be the same when a checkpoint is loaded into it."""

    state: Callable[[Any], Any]
    """Its state as plain data, tensors and arrays."""

    put: Callable[[Any, Any], object]
    """Put a state into the object, in place."""


def kind_of(value: object) -> Kind:
    """Return the kind of `value`.

    Raises:
        TypeError: it has no state that can be saved.
    """
    kind = _kind_of(value)
    if kind is None:
        raise TypeError(
            f"{type(value).__module__}.{type(value).__qualname__}, which has no state that can be"
            f" saved; accepted are {ACCEPTED}. Wrap it in a class with these two methods, or write"
            " your own files into trial.checkpoint_dir"
        )
    return kind


def _kind_of(value: object) -> Kind | None:
    if isinstance(value, type):
        return None
    if isinstance(value, Stateful):
        return _STATEFUL
    if isinstance(value, dict):
        return _DICT
    if isinstance(value, list):
        return _LIST
    if isinstance(value, random.Random):
        # The operating system's randomness cannot be wound back.
        return None if isinstance(value, random.SystemRandom) else _PYTHON_RANDOM
    return _kind_of_torch(value) or _kind_of_numpy(value)


def _kind_of_torch(value: object) -> Kind | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(value, torch.Tensor):
        return _TENSOR
    return _TORCH_GENERATOR if isinstance(value, torch.Generator) else None


def _kind_of_numpy(value: object) -> Kind | None:
    numpy, numpy_random = sys.modules.get("numpy"), sys.modules.get("numpy.random")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _ARRAY if value.flags.writeable else None
    if numpy_random is not None:
        if isinstance(value, numpy_random.Generator):
            return _NUMPY_GENERATOR
        if isinstance(value, numpy_random.RandomState):
            return _NUMPY_RANDOM_STATE
    return None


def _describe_stateful(value: Any) -> str:
    torch = sys.modules.get("torch")
    # Modules compare keys and shapes themselves; schedulers and optimizers take over whatever they
    # are given, so the class is all that tells a checkpoint of another one.
    is_module = torch is not None and isinstance(value, torch.nn.Module)
    return "torch module" if is_module else type(value).__name__


def _describe_tensor(value: Any) -> str:
    return f"tensor of {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _put_dict(value: dict[Any, Any], state: dict[Any, Any]) -> None:
    new = _on_the_same_devices(dict(value), state)
    value.clear()
    value.update(new)


def _put_list(value: list[Any], state: list[Any]) -> None:
    value[:] = _on_the_same_devices(list(value), state)


def _on_the_same_devices(old: Any, new: Any) -> Any:
    """Move each tensor in `new` to where the one in its place in `old` is.

    Not copied into the old ones: those may be the live weights of a model, as in
    `best = {"weights": model.state_dict()}`.
    """
    if isinstance(new, dict):
        known = old if isinstance(old, dict) else {}
        for key in new:
            new[key] = _on_the_same_devices(known.get(key), new[key])
    elif isinstance(new, (list, tuple)):
        if isinstance(old, (list, tuple)) and len(old) == len(new):
            return type(new)([_on_the_same_devices(o, n) for o, n in zip(old, new, strict=True)])
    elif (torch := sys.modules.get("torch")) and isinstance(new, torch.Tensor):
        return new.to(old.device) if isinstance(old, torch.Tensor) else new
    return new


def _put_tensor(value: Any, state: Any) -> None:
    with sys.modules["torch"].no_grad():  # because it may be a weight
        value.copy_(state)


def _put_array(value: Any, state: Any) -> None:
    value[...] = state


def _numpy_generator_state(value: Any) -> dict[str, Any]:
    return {
        "state": value.bit_generator.state,
        # spawn() counts here and not in the state.
        "spawned": getattr(value.bit_generator.seed_seq, "n_children_spawned", 0),
    }


def _put_numpy_generator(value: Any, state: dict[str, Any]) -> None:
    value.bit_generator.state = state["state"]
    seeds = value.bit_generator.seed_seq
    if (behind := state["spawned"] - getattr(seeds, "n_children_spawned", 0)) > 0:
        seeds.spawn(behind)


_STATEFUL = Kind(
    describe=_describe_stateful,
    state=lambda value: value.state_dict(),
    put=lambda value, state: value.load_state_dict(state),
)
_DICT = Kind(describe=lambda _: "dict", state=lambda value: value, put=_put_dict)
_LIST = Kind(describe=lambda _: "list", state=lambda value: value, put=_put_list)
_PYTHON_RANDOM = Kind(
    describe=lambda _: "random.Random",
    state=lambda value: value.getstate(),
    put=lambda value, state: value.setstate(state),
)
_TENSOR = Kind(describe=_describe_tensor, state=lambda value: value, put=_put_tensor)
_TORCH_GENERATOR = Kind(
    describe=lambda value: f"torch.Generator on {value.device.type}",
    state=lambda value: value.get_state(),
    put=lambda value, state: value.set_state(state),
)
_ARRAY = Kind(
    describe=lambda value: f"array of {value.dtype.name} {value.shape}",
    state=lambda value: value,
    put=_put_array,
)
_NUMPY_GENERATOR = Kind(
    describe=lambda value: f"numpy Generator of {type(value.bit_generator).__name__}",
    state=_numpy_generator_state,
    put=_put_numpy_generator,
)
_NUMPY_RANDOM_STATE = Kind(
    describe=lambda value: f"numpy RandomState of {value.get_state(legacy=False)['bit_generator']}",
    state=lambda value: value.get_state(legacy=False),
    put=lambda value, state: value.set_state(state),
)
