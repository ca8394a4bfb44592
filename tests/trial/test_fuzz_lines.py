"""Whatever a training script prints: reports, or an error in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st
from mutations import as_bytes, fuzzed, garbled, values

from hpo.errors import ReportError
from hpo.folder.report_lines import checked_metrics, make_record, write_line
from hpo.trial.script.lines import report_reader
from hpo.trial.script.redrawn import State

LINES = [
    b"epoch 3: validation_error=0.25",
    b"Epoch 1/10 [====>   ] loss: 1.5e-3 validation_error: nan",
    b'[tune-metric]: {"epoch": 1, "validation_error": 0.5, "st_time": 1.0}',
    b"\x1b[2K 50%|#####     | 5/10 [00:01<00:01] validation_error=1e-400",
]
PATTERNS = (
    None,
    r"(epoch (?P<epoch>\d+).*)?validation_error[=:] ?(?P<validation_error>\S+)",
    r"validation_error=(?P<validation_error>[-+0-9.eE]+|nan|inf)",
)
tagged = values.map(lambda value: b"[tune-metric]: " + as_bytes({"epoch": 1, "x": value}))


@fuzzed(
    pattern=st.sampled_from(PATTERNS),
    lines=st.lists(garbled(LINES) | tagged, min_size=1, max_size=4),
    is_last=st.booleans(),
)
def test_any_line_with_metrics(
    tmp_path: Path, pattern: str | None, lines: list[bytes], is_last: bool
) -> None:
    reader = report_reader(pattern, "epoch", (10,))
    for line in lines:
        with suppress(ReportError):
            for found in reader.read(State(line.decode("utf-8", "replace"), is_last)):
                told = checked_metrics({"validation_error": 0.0} | found, "validation_error")
                write_line(tmp_path, 0, make_record(("epoch", 1), told, now=1.0, elapsed=1.0))


def test_numbers_that_no_file_can_hold_are_refused() -> None:
    with pytest.raises(ReportError, match="larger than any number"):
        checked_metrics({"loss": 10**400}, "loss")
