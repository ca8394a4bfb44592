"""The short form of `make chaos` on the real SLURM: one campaign, a handful of kills."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import on_slurm
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.alone]


def test_a_campaign_whose_manager_and_seats_are_killed(slurm: RealSlurm, tmp_path: Path) -> None:
    mild = ("manager killed", "manager requeued", "seat requeued", "node preempted by its owner")
    kills, found = on_slurm.run(tmp_path / "project", seed=3, kills=4, faults=mild, name="loop")
    assert kills.total() >= 2
    assert found.faults == []
    assert found.trials == 72
