"""Saves that are killed at any moment: torn ones count for nothing, the newest whole one does."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from hpo import checkpoint

# Saves as fast as it can; every number in a checkpoint is its resource.
SAVER = """
import itertools, sys
from pathlib import Path
from hpo import checkpoint

folder, attempt, start = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
weights, notes = [0] * 20_000, {}
for resource in itertools.count(start + 1):
    weights[:] = [resource] * 20_000
    notes["resource"] = resource
    checkpoint.save(
        folder,
        resource=resource,
        trial_id=7,
        attempt=attempt,
        objects={"weights": weights, "notes": notes},
    )
    print(resource, flush=True)
"""


def test_kill_9_at_any_moment_leaves_the_newest_whole_checkpoint(tmp_path: Path) -> None:
    chance = random.Random(0)
    resource, torn = 0, 0
    for attempt in range(32):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, str(tmp_path), str(attempt), str(resource)],
            stdout=subprocess.PIPE,
            text=True,
        ) as saver:
            assert saver.stdout is not None
            saver.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            saver.send_signal(signal.SIGKILL)
            confirmed = resource + 1 + len(saver.stdout.readlines())
        assert saver.returncode == -signal.SIGKILL
        torn += any((tmp_path / "checkpoint").glob(".new-*"))
        weights: list[int] = []
        notes: dict[str, int] = {}
        found = checkpoint.load_newest(tmp_path, 7, {"weights": weights, "notes": notes})
        # The one whose name was in place when the kill came may not have been confirmed.
        assert found is not None
        assert found.resource in (confirmed, confirmed + 1)
        assert notes == {"resource": found.resource}
        assert weights == [found.resource] * 20_000
        resource = found.resource
    assert torn >= 10, "the kills have missed the saves"
    assert not any((tmp_path / "checkpoint").glob(".broken-*"))
