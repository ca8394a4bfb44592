"""What was asked for and what was used, in numbers and in words for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hpo.record.pace import MARGIN
from hpo.record.result import Result
from hpo.record.state import CampaignState
from hpo.record.usage import Usage, asking_mb
from hpo.units.duration import in_words
from hpo.units.sizes import time_class

LITTLE_USED = 30.0  # % of a GPU, on average, below which advice is given


def usage_numbers(state: CampaignState, gpus: int) -> dict[str, Any]:
    """For `final_results.json`: hours of GPUs (of jobs, without one), s and MB; 0: nobody told.

    Of the use of GPUs (%) and of their memory None where nobody told.
    """
    usage = state.usage
    return {
        "hours_asked": round(usage.asked_s * max(1, gpus) / 3600.0, 4),
        "longest_leg_s": round(usage.longest_s, 1),
        "longest_time_asked_s": usage.had_s,
        "most_memory_mb": usage.most_mb,
        "most_memory_asked_mb": usage.had_mb,
        "gpu_use_percent": None if usage.gpu_use is None else round(usage.gpu_use, 1),
        "most_gpu_memory_mb": usage.gpu_most_mb,
    }


def usage_lines(
    state: CampaignState, gpus: int, *, advise_time: bool = False, advise_mem: bool = False
) -> Iterator[str]:
    """A line for the time and one for the memory, where they are known.

    With advice, where less would have been enough: for settings that say a fixed size.
    """
    usage = state.usage
    if usage.asked_s:
        hours = max(1, gpus) / 3600.0
        asked, used = usage.asked_s * hours, state.seat_seconds * hours
        line = (
            f"time: {used:.2f} of the {asked:.2f} hours of {'GPUs' if gpus else 'jobs'} asked for "
            f"were used by trials; the longest leg took {in_words(usage.longest_s)} of "
            f"{in_words(usage.had_s)}"
        )
        needed_s = MARGIN * max(usage.longest_s, usage.outlasted_s)
        enough = time_class(math.ceil(needed_s), usage.had_s // 60)
        if advise_time and 60 * enough < usage.had_s and usage.longest_s:
            limit = f"{enough // 60}:{enough % 60:02d}:00"
            line += f': `time: "{limit}"` would do, or `time: auto`'
        yield line
    if usage.measured and usage.had_mb:
        line = f"memory: legs used at most {usage.most_mb} MB of {usage.had_mb} MB"
        enough_mb = asking_mb(usage.most_mb)
        if usage.too_little_mb:  # what was killed cannot tell what it would have used
            line += f", but {usage.too_little_mb} MB were too little for some that were killed"
        elif advise_mem and enough_mb < usage.had_mb:
            line += f": `mem: {enough_mb}M` would do, or `mem: auto`"
        yield line

    yield from _gpu_line(usage)


def _gpu_line(usage: Usage) -> Iterator[str]:
    """How busy the GPUs were, with advice where they were not."""
    use, most, had = usage.gpu_use, usage.gpu_most_mb, usage.gpu_had_mb
    parts = [] if use is None else [f"legs used {use:.0f} % of theirs on average"]
    if most is not None:
        parts.append(f"at most {most}{'' if had is None else f' of {had}'} MB of one's memory")
    if not parts:
        return
    line = f"GPUs: {' and '.join(parts)}"
    if use is not None and use < LITTLE_USED:
        line += (
            ": they waited most of the time; more loaders of data (`num_workers`, with"
            " `cpus_per_task`) or larger batches may speed trials up, a smaller GPU or slice"
            " (`gpu_type`) would do, and on one machine several trials can share one"
            " (`trials_per_gpu`)"
        )
    yield line


def leg_usage(told: Result) -> str:
    """What a leg had, and the memory that it used; empty where nobody told."""
    parts = [f"of {in_words(told.time_had_s)}"] if told.time_had_s else []
    if told.mem_used_mb:
        of = f" of {told.mem_had_mb}" if told.mem_had_mb else ""
        parts.append(f"memory {told.mem_used_mb}{of} MB")
    if told.gpu_use is not None:
        parts.append(f"GPU {told.gpu_use:.0f} % used")
    if told.gpu_mem_mb is not None:
        of = "" if told.gpu_mem_had_mb is None else f" of {told.gpu_mem_had_mb}"
        parts.append(f"GPU memory {told.gpu_mem_mb}{of} MB")
    return f" ({', '.join(parts)})" if parts else ""
