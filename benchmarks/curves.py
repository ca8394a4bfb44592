"""An invented objective whose learning curves and optimum are known.

`error(config, epoch) = floor(config) + (1 - floor(config)) * exp(-rate(config) * epoch)`. The floor
is a bowl around the optimum; the rate grows with the learning rate, so that trials which will end
somewhat worse are ahead at first, as large learning rates are. Standard library only: jobs import
this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

OPTIMUM = {"learning_rate": 1e-2, "dropout": 0.3, "momentum": 0.8}
BEST_FLOOR = 0.05


def floor(config: Mapping[str, Any]) -> float:
    """The error after endless training, 0.05 at the optimum."""
    decades = math.log10(config["learning_rate"] / OPTIMUM["learning_rate"]) / 2.0
    dropout = (config["dropout"] - OPTIMUM["dropout"]) / 0.6
    momentum = (config["momentum"] - OPTIMUM["momentum"]) / 0.8
    return float(min(0.95, BEST_FLOOR + 0.5 * decades**2 + 0.3 * dropout**2 + 0.2 * momentum**2))


def rate(config: Mapping[str, Any]) -> float:
    """How much of the way is left behind with an epoch; 0.4 at the optimum."""
    return float(0.4 * (config["learning_rate"] / OPTIMUM["learning_rate"]) ** 0.1)


def error(config: Mapping[str, Any], epoch: int) -> float:
    """The validation error after `epoch` epochs."""
    lowest = floor(config)
    return lowest + (1.0 - lowest) * math.exp(-rate(config) * epoch)
