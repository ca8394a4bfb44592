"""Times and sizes as SLURM writes them, there and back."""

from __future__ import annotations

import pytest

from hpo.units.slurm import memory_text, parse_memory_mb, parse_time_min, time_text


@pytest.mark.parametrize("minutes", [1, 59, 60, 61, 1439, 1440, 4320, 10_000])
def test_a_time_limit_is_read_as_it_is_written(minutes: int) -> None:
    assert parse_time_min(time_text(minutes)) == minutes


@pytest.mark.parametrize(("mem_mb", "text"), [(512, "512M"), (1024, "1G"), (1536, "1536M")])
def test_a_memory_size_is_read_as_it_is_written(mem_mb: int, text: str) -> None:
    assert memory_text(mem_mb) == text
    assert parse_memory_mb(text) == mem_mb
