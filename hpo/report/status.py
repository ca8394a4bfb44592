"""status.json: how a campaign stands, for people and for what looks on; `status_document` reads it.

Owns what is in it and that it stays small, however many trials there are and whatever users call
their hyperparameters. What it costs does not grow with the trials that have ended.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from heapq import nlargest
from operator import attrgetter
from typing import Any, NamedTuple

from hpo.decisions.needs import ComingLeg
from hpo.decisions.node_blame import quarantined
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.report.chronicle import Chronicle
from hpo.report.forecast import forecast
from hpo.report.standing import NOTHING_TOLD, Told
from hpo.report.status_document import EVERY_S
from hpo.seats.book import SeatBook
from hpo.values import flat

FORMAT = 1
MOST_BYTES = 60_000
MOST_RUNNING = 150
MOST_KINDS = 10  # of failures, of reasons to wait, of causes of a loss
MOST_NODES = 50
TEXT_CHARS = 300
NAME_CHARS = 80
CONFIG_CHARS = 4000
EXAMPLE_CHARS = 600  # of the configuration of a failed trial
LATELY_S = 3600.0  # in which the number of seats is as it will be
LATELY_SHARE = 0.2  # of the campaign's age, where that is more
LEFT_OUT = "…"


class Reported(NamedTuple):
    """The last report of a leg that runs."""

    resource: int | None
    error: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the state, the seats and the chronicle do not know.

    Attributes:
        now: the time (s, Unix) of the campaign.
        campaign: the name of its folder.
        manager: who writes this: job_id, host, pid, and `beat`, the time (s) of its host.
        told: what the settings say.
        to_come: legs that are expected beyond those that are offered.
        reported: by trial, what those that run reported last, as far as it was looked at.
    """

    now: float
    campaign: str = ""
    manager: Mapping[str, Any] = field(default_factory=dict)
    told: Told = NOTHING_TOLD
    to_come: Mapping[ComingLeg, int] = field(default_factory=dict)
    reported: Mapping[int, Reported] = field(default_factory=dict)


def status(
    state: CampaignState, book: SeatBook, chronicle: Chronicle, seen: Seen
) -> dict[str, Any]:
    """The document; times in s since 1970, and once more as ISO 8601 where people look first."""
    seen = replace(seen, told=seen.told.at(state))
    now, told = seen.now, seen.told
    best = None if state.best_trial is None else state.trials[state.best_trial]
    held = [state.trials[trial_id] for trial_id in state.of(TrialStatus.CLAIMED)]
    held_s = len(held) * now - sum(trial.claimed_at for trial in held)
    running = shown(held)
    return {
        "format": FORMAT,
        "campaign": _cut(seen.campaign, NAME_CHARS),
        **_stamped("updated", now),
        **_stamped("started", state.started_at),
        "ended": _cut(state.ended),
        "ending": _cut(state.ending),
        "manager": dict(seen.manager)
        | _stamped("beat", seen.manager.get("beat"))
        | {"beat_every_s": EVERY_S},
        "metric": _cut(state.goal.metric, NAME_CHARS),
        "mode": state.goal.mode,
        "resource_attr": _cut(state.goal.resource, NAME_CHARS),
        "n_trials": len(state.trials) if state.exhausted else told.n_trials,
        "trials": {s.value: len(state.of(s)) for s in TrialStatus if s is not TrialStatus.WAITING},
        "rungs": _rungs(state, held, told),
        "best_trial_id": state.best_trial,
        "best_error": state.best_metric,
        "best_config": None if best is None else bounded(best.config, CONFIG_CHARS),
        "best_resource": None if best is None else best.resource,
        "incumbent": _incumbent(state, chronicle, told),
        "jobs": _jobs(book, now),
        "seats": chronicle.seats,
        "failures": _failures(state, chronicle),
        **lost_work(state, told.gpus),
        "hours_running": round(max(0.0, held_s) * max(1, told.gpus) / 3600.0, 4),
        "lost_by": {
            str(_cut(cause, NAME_CHARS)): count
            for cause, count in chronicle.lost_by.most_common(MOST_KINDS)
        },
        "forecast": _forecast(state, chronicle, seen, held_s),
        "running": [_running(trial, book, seen) for trial in running],
        "running_left_out": len(held) - len(running),
        "events": [
            {**_stamped("time", line.time), "text": _cut(line.text), "level": line.level_name}
            for line in chronicle.lines
        ],
        "quarantined": [
            {"node": _cut(node, NAME_CHARS), "until": told_.until, "reason": _cut(told_.reason)}
            for node, told_ in list(quarantined(state, now).items())[-MOST_NODES:]
        ],
    }


def lost_work(state: CampaignState, gpus: int) -> dict[str, Any]:
    """What preemptions and faults have cost so far, in hours of GPUs, or of jobs without one."""
    hours = max(1, gpus) / 3600.0
    return {
        "hours": round(state.seat_seconds * hours, 4),
        "lost_hours": round(state.lost.seconds * hours, 4),
        "lost_legs": state.lost.legs,
        "lost_resource": state.lost.resource,
        "hours_of": "GPUs" if gpus else "jobs",
    }


def text_of(document: Mapping[str, Any]) -> str:
    """The document as a file has it, a line for each key; shortened if it is too large.

    Of its longest lists every second item is left out then.
    """
    told = dict(document)
    lines = {name: _ENCODE(value) for name, value in told.items()}
    sizes = {name: len(line.encode("utf-8", "replace")) for name, line in lines.items()}
    while sum(sizes.values()) > MOST_BYTES - 40 * len(sizes):
        lists = [name for name, value in told.items() if isinstance(value, list) and len(value) > 2]
        longest = max(lists, key=sizes.__getitem__, default=None)
        if longest is None:
            break
        kept = told[longest][::-1][::2][::-1]
        if longest == "running":
            told["running_left_out"] += len(told[longest]) - len(kept)
            lines["running_left_out"] = _ENCODE(told["running_left_out"])
        told[longest] = kept
        lines[longest] = _ENCODE(kept)
        sizes[longest] = len(lines[longest].encode("utf-8", "replace"))
    text = "{\n" + ",\n".join(f'"{name}": {line}' for name, line in lines.items()) + "\n}\n"
    return text.encode("utf-8", "replace").decode()  # no half of a pair, which no file can hold


_ENCODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def bounded(config: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The configuration if it has no more than about so many characters; else its first values.

    Those are cut where they are long, and named as `hpo.values.flat` does.
    """
    if len(_ENCODE(config)) <= most:
        return dict(config)
    kept: dict[str, Any] = {}
    values = flat(config)
    for name, value in values.items():
        text = _ENCODE(value)
        shown = value if len(text) <= NAME_CHARS else str(_cut(text, NAME_CHARS))
        most -= min(len(text), NAME_CHARS) + min(len(name), NAME_CHARS) + 6
        if most < 0:
            kept[LEFT_OUT] = f"{len(values) - len(kept)} more"
            break
        kept[str(_cut(name, NAME_CHARS))] = shown
    return kept


def _cut(text: str | None, most: int = TEXT_CHARS) -> str | None:
    return text if text is None or len(text) <= most else text[: most - 1] + LEFT_OUT


def _stamped(name: str, at: float | None) -> dict[str, Any]:
    if at is None:
        return {name: None, f"{name}_iso": None}
    return {name: round(at, 2), f"{name}_iso": iso(at)}


def iso(at: float) -> str:
    """The local time with its zone, as `2026-05-04T13:02:11+0200`."""
    return _iso(int(at))


@lru_cache(maxsize=64)  # because the lines of the log are told again and again
def _iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))


def _rungs(state: CampaignState, held: Sequence[TrialState], told: Told) -> list[dict[str, Any]]:
    going = Counter(map(attrgetter("bracket", "rung"), held))
    expected = [(0, number) for number in range(len(told.expected))]
    rows = []
    for bracket, number in sorted({*state.rungs, *(going if told.levels else ()), *expected}):
        rung = state.rungs.get((bracket, number))
        results = 0 if rung is None else len(rung.ranked)
        run = going.get((bracket, number), 0)
        of = told.expected[number] if bracket == 0 and number < len(told.expected) else None
        rows.append(
            {
                "bracket": bracket,
                "rung": number,
                "level": told.levels[number] if number < len(told.levels) else None,
                "results": results,
                # Without waiting for all others a rung may promote more than its share.
                "of": None if of is None else max(of, results + run),
                "running": run,
                "promoted": 0 if rung is None else len(rung.promoted),
            }
        )
    return rows if told.levels else []


def _incumbent(state: CampaignState, chronicle: Chronicle, told: Told) -> list[dict[str, Any]]:
    started, hours = state.started_at or 0.0, max(1, told.gpus) / 3600.0
    return [
        {
            "time": round(step.time, 2),
            "wallclock_s": round(max(0.0, step.time - started), 2),
            "hours": round(step.seat_seconds * hours, 4),
            "trial_id": step.trial_id,
            "error": step.error,
            "resource": step.resource,
        }
        for step in chronicle.incumbents
    ]


def _jobs(book: SeatBook, now: float) -> dict[str, Any]:
    running, reasons = len(book.running()), book.waits_by_reason()
    return {
        "queued": sum(count for _, count in reasons),
        "running": running,
        "waiting": {
            str(_cut(waits.reason, NAME_CHARS)) or "not known yet": count
            for waits, count in reasons[:MOST_KINDS]
        },
        "reasons": [
            {
                "reason": _cut(waits.reason, NAME_CHARS),
                "count": count,
                "text": _cut(waits.advice or waits.why),
                "setting": _limit(running) if waits.at_limit else None,
            }
            for waits, count in reasons[:MOST_KINDS]
        ],
        "next_start": book.next_start(now),
    }


def _limit(running: int) -> str | None:
    """The setting with which no job waits that the limit does not let run."""
    return f"max_concurrent_jobs: {running}" if running else None


def _failures(state: CampaignState, chronicle: Chronicle) -> list[dict[str, Any]]:
    by_count = nlargest(MOST_KINDS, chronicle.failed.items(), key=lambda kind: len(kind[1]))
    found = []
    for cause, trials in by_count:
        example = state.trials[next(reversed(trials))]
        found.append(
            {
                "cause": _cut(cause, NAME_CHARS),
                "count": len(trials),
                "trial_id": example.trial_id,
                "message": _cut(example.message),
                "config": bounded(example.config, EXAMPLE_CHARS),
            }
        )
    return found


def _forecast(
    state: CampaignState, chronicle: Chronicle, seen: Seen, held_s: float
) -> dict[str, Any] | None:
    now = seen.now
    age = now - (now if state.started_at is None else state.started_at)
    since = now - max(LATELY_S, LATELY_SHARE * age)
    found = forecast(state, seen.to_come, now, chronicle.seen_running(since))
    if found is None:
        return None
    used = state.seat_seconds + max(0.0, held_s)
    hours = max(1, seen.told.gpus) / 3600.0
    return {
        **_stamped("end", now + found.end_s.usual),
        "earliest": round(now + found.end_s.low, 2),
        "latest": round(now + found.end_s.high, 2),
        "hours": round((used + found.seat_s.usual) * hours, 4),
        "hours_low": round((used + found.seat_s.low) * hours, 4),
        "hours_high": round((used + found.seat_s.high) * hours, 4),
    }


def shown(held: Sequence[TrialState]) -> list[TrialState]:
    """Those of the trials with a leg that are named: at the highest rungs; by their numbers."""
    if len(held) > MOST_RUNNING:
        held = sorted(held, key=attrgetter("rung"), reverse=True)[:MOST_RUNNING]
    return sorted(held, key=attrgetter("trial_id"))


def _running(trial: TrialState, book: SeatBook, seen: Seen) -> dict[str, Any]:
    seat = book.seats.get(trial.job_id or "")
    said = seen.reported.get(trial.trial_id, _NOTHING)
    return {
        "trial_id": trial.trial_id,
        "job_id": trial.job_id,
        "attempt": trial.attempt,
        "node": "" if seat is None else _cut(seat.status.node, NAME_CHARS),
        "since": round(trial.claimed_at, 2),
        "rung": trial.rung,
        "target": trial.target,
        "resource": said.resource,
        "error": said.error,
    }


_NOTHING = Reported(None, None)
