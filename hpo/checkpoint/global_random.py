"""The random numbers that nobody passes around: the global generators of Python, numpy and torch.

Dropout and shuffling of a resumed trial go on where they were. Looks only at libraries that are
imported already.
"""

from __future__ import annotations

import logging
import random
import sys
from typing import Any

log = logging.getLogger(__name__)


def global_states() -> dict[str, Any]:
    """Return the states of all global generators in use, as plain JSON."""
    states: dict[str, Any] = {"random": random.getstate()}
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        states["numpy"] = _plain(numpy_random.get_state(legacy=False))
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = _to_hex(torch.get_rng_state())
        # Not where no GPU was used, because looking would take memory on it.
        if torch.cuda.is_initialized():
            states["cuda"] = [_to_hex(state) for state in torch.cuda.get_rng_state_all()]
    return states


def restore_global_states(states: dict[str, Any]) -> None:
    """Put the global generators back; those of libraries not imported now are left out.

    Raises:
        ValueError: numpy's global generator was replaced by one of another kind.
    """
    version, internal, gauss = states["random"]
    random.setstate((version, tuple(internal), gauss))
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None and "numpy" in states:
        numpy_random.set_state(states["numpy"])
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in states:
        torch.set_rng_state(_from_hex(torch, states["torch"]))
        _restore_cuda(torch, states.get("cuda", []))


def _restore_cuda(torch: Any, states: list[str]) -> None:
    if not states:
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count != len(states):
        log.warning(
            "the checkpoint was made with %d GPUs, here are %d: random numbers drawn on GPUs may"
            " not be those of an uninterrupted trial",
            len(states),
            count,
        )
    if count:
        # Else a torch.manual_seed() that waits for the GPU's first use would come after this.
        torch.cuda.init()
    for device, state in enumerate(states[:count]):
        torch.cuda.set_rng_state(_from_hex(torch, state), device)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _to_hex(state: Any) -> str:
    return bytes(state.tolist()).hex()


def _from_hex(torch: Any, text: str) -> Any:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8, device="cpu")
