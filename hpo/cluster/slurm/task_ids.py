"""Tasks of arrays as SLURM writes many of them: `17_[4-6,9%8]`.

Pure: from text to job ids and back.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import groupby


def tasks_of(text: str) -> list[str]:
    """The job ids in `17_[4-6,9%8]`; none where the text is of another shape."""
    match = re.fullmatch(r"(\d+)_\[([\d,-]+)(?:%\d+)?\]", text)
    if match is None:
        return []
    found = []
    for part in match[2].split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit() and len(last) < 7:
            found += [f"{match[1]}_{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def in_words(job_ids: Collection[str]) -> str:
    """The ids as short as scontrol reads them: one request an array, not one a task."""
    words = [job_id for job_id in job_ids if "_" not in job_id]
    tasks = sorted(
        (int(array), int(task)) for array, _, task in (i.partition("_") for i in job_ids) if task
    )
    for array, entries in groupby(tasks, key=lambda entry: entry[0]):
        words.append(f"{array}_[{','.join(_runs([task for _, task in entries]))}]")
    return ",".join(words)


def _runs(numbers: list[int]) -> list[str]:
    """1, 2, 3, 7 as 1-3 and 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
