"""How many jobs one array may hold, as SLURM's configuration says."""

from __future__ import annotations

import pytest

from hpo.cluster.slurm import preflight as slurm_preflight


@pytest.mark.parametrize(("said", "size"), [("1001", 1001), ("1", 1), ("0", 1)])
def test_where_there_are_no_arrays_jobs_are_submitted_one_by_one(
    monkeypatch: pytest.MonkeyPatch, said: str, size: int
) -> None:
    monkeypatch.setattr(slurm_preflight, "ask", lambda _command: f"MaxArraySize = {said}\n")
    assert slurm_preflight.max_array_size() == size
