"""How long an epoch takes, from the results of an earlier campaign.

Reads only what lies in `results/`; works for a campaign that still runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from hpo.errors import SettingsError
from hpo.folder.files import Layout, read_json

MOST_TRIALS = 2000  # of a folder of results; more would only cost time
LEAST_SPREAD = 0.05


def epoch_times(root: Path) -> tuple[float, float]:
    """Median over trials (s), and the sigma of the log-normal that goes with their spread.

    Raises:
        SettingsError: no trial in `root` tells how long it trained.
    """
    found = list(_epochs_s(Layout(root)))
    if not found:
        problem = (
            f"{root} holds no results that tell how long an epoch took; name the folder of a "
            "campaign in which a trial has ended, or give --epoch-seconds"
        )
        raise SettingsError([problem], where="--like")
    logs = [math.log(seconds) for seconds in found]
    spread = statistics.pstdev(logs) if len(logs) > 1 else LEAST_SPREAD
    return statistics.median(found), max(LEAST_SPREAD, spread)


def _epochs_s(layout: Layout) -> Iterator[float]:
    for path in sorted(layout.results.glob("trial_*.json"))[:MOST_TRIALS]:
        found = read_json(path)
        info = found.get("additional_info") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(info, dict):
            continue
        resource, spent_s = found.get("resource"), info.get("training_time")
        if not isinstance(resource, int) or not isinstance(spent_s, (int, float)):
            continue
        if resource > 0 and 0.0 < spent_s < math.inf:
            yield spent_s / resource
