"""What the page says in words and small figures: how it stands, what it cost, what was asked for.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.decisions.scheduler import BREAKER, STOPPED_BY_USER
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.page.scales import hours_text
from hpo.report.page.words import span
from hpo.report.usage_words import usage_lines
from hpo.shown import one_line

if TYPE_CHECKING:  # because it reads files, too
    from hpo.report.status_document import Forecast, Status

MOST_REASONS = 3
SILENT_S = 300.0  # without a sign of its manager, after which a campaign may not go on
UNMANAGED = "not managed"
GOOD, BAD, QUIET, ACTIVE = "good", "bad", "quiet", "active"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the campaign stands, in a word and a sentence; `tone` is one of the words above."""

    word: str
    tone: str
    text: str = ""


def standing(state: CampaignState, silent_s: float | None) -> Standing:
    """How it stands.

    Args:
        state: the campaign.
        silent_s: for how long nobody has seen its manager (s); None: nobody can say.
    """
    if state.ended == STOPPED_BY_USER:
        return Standing("stopped", QUIET, "Stopped by its user; the same command goes on with it.")
    if state.ended == BREAKER:
        return Standing("failed", BAD, "The first trials all failed alike, so it stopped itself.")
    if state.ended is not None:
        reason = f"The campaign has ended: {one_line(state.ended)}."
        if state.best_trial is None:
            return Standing("no result", BAD, reason)
        return Standing("completed", GOOD, reason)
    if state.started_at is None:
        return Standing("not begun", QUIET, "Its manager has not begun yet.")
    if silent_s is not None and silent_s > SILENT_S:
        text = f"When this page was written, nobody had seen its manager for {span(silent_s)}."
        return Standing(UNMANAGED, BAD, f"{text} Jobs that run go on without it.")
    if state.ending is not None:
        return Standing("ending", ACTIVE, f"What runs may finish: {one_line(state.ending)}.")
    return Standing("running", ACTIVE)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to come of a campaign that runs: its jobs in words, and its foreseen end."""

    jobs: str
    forecast: Forecast | None
    hours: str = ""


def ahead(status: Status | None) -> Ahead | None:
    """What the manager last said of it; None: nothing."""
    if status is None:
        return None
    jobs, forecast = status.jobs, status.forecast
    why = "; ".join(
        f"{found.count}: {one_line(found.text or found.reason)}"
        + (f" ({one_line(found.setting)})" if found.setting else "")
        for found in jobs.reasons[:MOST_REASONS]
    )
    hours = ""
    if forecast is not None and forecast.hours is not None:
        hours = f"{hours_text(forecast.hours)} {status.hours_of.removesuffix('s')}-hours"
        if forecast.hours_low is not None and forecast.hours_high is not None:
            low, high = hours_text(forecast.hours_low), hours_text(forecast.hours_high)
            hours += f" ({low} to {high})"
    text = f"Jobs: {jobs.running} run, {jobs.queued} wait{f': {why}' if why else ''}."
    return Ahead(text, forecast, hours)


def counts(state: CampaignState, n_trials: int | None) -> list[tuple[str, int]]:
    """How many trials stand where, in words; none of those that are none."""
    started = sum(trial.job_id is not None for trial in state.trials.values())
    again = sum(state.trials[i].job_id is not None for i in state.of(TrialStatus.OFFERED))
    waiting = sum(state.trials[i].job_id is not None for i in state.of(TrialStatus.WAITING))
    stopped = sum(state.trials[i].job_id is not None for i in state.of(TrialStatus.STOPPED))
    total = len(state.trials) if state.exhausted or n_trials is None else n_trials
    is_over = state.ended is not None
    found = {
        "completed": len(state.of(TrialStatus.COMPLETED)),
        "paused": len(state.of(TrialStatus.PAUSED)),
        "running": len(state.of(TrialStatus.CLAIMED)),
        "failed": len(state.of(TrialStatus.FAILED)),
        "stopped": stopped,
        "waiting to go on": again + waiting,
        "never started" if is_over else "to come": max(0, total - started),
    }
    return [(word, number) for word, number in found.items() if number]


@dataclass(frozen=True, slots=True)
class Meter:
    """How much was used of what there was: `share` between 0 and 1."""

    name: str
    used: str
    had: str
    share: float


def meters(state: CampaignState, gpus: int) -> Iterator[Meter]:
    """What is known of it."""
    usage = state.usage
    if usage.asked_s:
        hours = max(1, gpus) / 3600.0
        used, asked = state.seat_seconds * hours, usage.asked_s * hours
        name = f"{'GPU' if gpus else 'job'}-hours that trials used"
        yield _meter(name, used, asked, hours_text(used), f"{hours_text(asked)} asked for")
    if usage.had_s and usage.longest_s:
        used, had = usage.longest_s, float(usage.had_s)
        yield _meter("time of the longest leg", used, had, span(used), f"{span(had)} asked for")
    if usage.measured and usage.had_mb:
        used, had = float(usage.most_mb), float(usage.had_mb)
        yield _meter("memory, at most", used, had, _mb(used), f"{_mb(had)} asked for")
    if usage.gpu_use is not None:
        yield _meter("use of the GPUs, on average", usage.gpu_use, 100.0, f"{usage.gpu_use:.0f} %")
    if usage.gpu_most_mb is not None and usage.gpu_had_mb:
        used, had = float(usage.gpu_most_mb), float(usage.gpu_had_mb)
        yield _meter("memory of a GPU, at most", used, had, _mb(used), f"{_mb(had)} there")


def _meter(name: str, used: float, had: float, told: str, of: str = "") -> Meter:
    return Meter(name, told, of, min(1.0, max(0.0, used / had)))


def _mb(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 10_240 else f"{megabytes:.0f} MB"


def advice(
    state: CampaignState, gpus: int, settings: Mapping[str, Any]
) -> list[list[tuple[str, bool]]]:
    """What to ask for next time, in lines cut into pieces: (text, whether it is a setting).

    `settings` are those of campaign.json.
    """
    slurm, hpo = settings.get("slurm"), settings.get("hpo")
    slurm = slurm if isinstance(slurm, Mapping) else {}
    hpo = hpo if isinstance(hpo, Mapping) else {}
    lines = usage_lines(
        state,
        gpus,
        advise_time=slurm.get("time") != "auto" and hpo.get("trials_per_job") == 1,
        advise_mem=slurm.get("mem") != "auto",
    )
    # Odd pieces of a split by a group are what the group held.
    found = (
        [(text, bool(number % 2)) for number, text in enumerate(_CODE.split(line)) if text]
        for line in lines
    )
    return [line for line in found if len(line) > 1]
