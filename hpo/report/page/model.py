"""A campaign as the one JSON document that the page is drawn from.

Pure: no I/O, no clock. Columns instead of objects, because a campaign may have 10,000 trials; all
times are s since it began.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.report.page import words
from hpo.report.page.history import History, Measured
from hpo.report.page.hyperparameters import Hyperparameter, columns
from hpo.report.page.lanes import KINDS, Lanes, lay
from hpo.report.page.scales import Axis, axis_of, unit_of

BEST_CURVES, OTHER_CURVES, RUNNING_CURVES = 80, 160, 60
CURVE_POINTS = 120
BEST_LINES, OTHER_LINES = 200, 300
RUNNING_STEPS = 400
Curves = Mapping[int, Sequence[Mapping[str, Any]]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the campaign beside its journal.

    Attributes:
        space: as campaign.json describes it.
        levels: of the rungs, lowest first; empty without.
        gpus: of each job.
        until: up to when (s since 1970) what runs is drawn.
        curves: the reports of some trials, oldest first.
        importance: (name, share) of hyperparameters, most first; empty: not known.
    """

    space: Mapping[str, Any] = field(default_factory=dict)
    levels: Sequence[int] = ()
    gpus: int = 0
    until: float = 0.0
    curves: Curves = field(default_factory=dict)
    importance: Sequence[tuple[str, float]] = ()


def started(state: CampaignState) -> list[TrialState]:
    """The trials that some job has taken, by number."""
    return [trial for trial in state.trials.values() if trial.job_id is not None]


def by_rank(state: CampaignState, trials: Iterable[TrialState]) -> list[TrialState]:
    """Those with a value, best first."""
    there = [trial for trial in trials if trial.metric is not None]
    return sorted(there, key=lambda trial: (state.goal.key(trial.metric), trial.trial_id))


def curve_ids(state: CampaignState) -> list[int]:
    """The trials whose reports are drawn, best first: not all of many."""
    trials = started(state)
    ranked = [trial.trial_id for trial in by_rank(state, trials)]
    running = [t.trial_id for t in trials if t.status is TrialStatus.CLAIMED][:RUNNING_CURVES]
    chosen = dict.fromkeys([*ranked[:BEST_CURVES], *running])
    others = [trial.trial_id for trial in trials if trial.trial_id not in chosen]
    return [*chosen, *spread(others, OTHER_CURVES)]


def spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(step * number)] for number in range(most)]


def build(history: History, facts: Facts) -> Json:
    """The document."""
    state = history.state
    trials = started(state)
    ranked = by_rank(state, trials)
    begin = state.started_at if state.started_at is not None else facts.until
    end = max(begin, facts.until, history.latest or begin)
    factor = max(1, facts.gpus) / 3600.0
    axis = axis_of([told.value for told in history.measured], state.goal)
    found, constants = columns(facts.space, [trial.config for trial in trials])
    waiting = {*state.of(TrialStatus.OFFERED), *state.of(TrialStatus.WAITING)}
    lanes = lay(history.legs, history.offers, begin, end, state.pace.start_up_s(), waiting)
    rungs = _rungs(history, facts.levels)
    best, sample = _lines(ranked)
    drawn = _curves(state, facts.curves, begin)
    of_curves = axis_of([v for curve in drawn for v in curve["value"] if v is not None], state.goal)
    return {
        "metric": state.goal.metric,
        "resource": state.goal.resource,
        "sign": state.goal.sign,
        "hours_of": "GPU" if facts.gpus else "job",
        "span": round(end - begin, 3),
        "ended": state.ended is not None,
        "unit": {"name": (unit := unit_of(end - begin)).name, "seconds": unit.seconds},
        "axis": _axis(axis),
        "axis_of_curves": _axis(of_curves),
        "best": state.best_trial,
        "trials": _trials(history, trials, end),
        "hyperparameters": [_hyperparameter(one) for one in found],
        "constants": constants,
        "measured": _measured(history.measured, begin, factor),
        "incumbents": _measured(history.incumbents, begin, factor),
        "curves": drawn,
        "rungs": rungs,
        "seats": _seats(lanes, begin) | {"running": _running(history, begin, end)},
        "lines": {"best": best, "sample": sample},
        "importance": [[name, round(share, 5)] for name, share in facts.importance],
        "words": {
            "outcome": words.outcome(state, len(ranked)),
            "incumbent": words.incumbent(history, end, axis),
            "curves": words.curves(len(drawn), len(facts.curves), len(trials), of_curves),
            "rungs": words.rungs(facts.levels, rungs),
            "seats": words.seats(lanes),
            "slices": words.slices(len(found), len(history.measured), axis),
            "parallel": words.parallel(len(best), len(sample)),
            "lost": words.lost(history, max(1, facts.gpus), "GPU" if facts.gpus else "job"),
        },
    }


def _axis(axis: Axis | None) -> Json | None:
    if axis is None:
        return None
    return {"log": axis.is_log, "low": _short(axis.low), "high": _short(axis.high)}


def _trials(history: History, trials: Sequence[TrialState], end: float) -> Json:
    names = [status.value for status in TrialStatus]
    running = {leg.trial_id: end - leg.start for leg in history.legs if math.isinf(leg.end)}
    causes = list(dict.fromkeys(trial.cause or "" for trial in trials))
    seconds = (t.seconds + running.get(t.trial_id, 0.0) for t in trials)
    return {
        "statuses": names,
        "id": [trial.trial_id for trial in trials],
        "status": [names.index(trial.status.value) for trial in trials],
        "value": [None if trial.metric is None else _kept(trial.metric) for trial in trials],
        "resource": [trial.resource for trial in trials],
        "rung": [trial.rung for trial in trials],
        "attempts": [trial.attempt + 1 for trial in trials],
        "seconds": [_at(value) for value in seconds],
        "causes": causes,
        "cause": [causes.index(trial.cause or "") for trial in trials],
    }


def _hyperparameter(one: Hyperparameter) -> Json:
    return {
        "name": one.name,
        "labels": list(one.labels),
        "log": one.is_log,
        "whole": one.is_whole,
        "low": one.low,
        "high": one.high,
        "values": [_kept(value) if isinstance(value, float) else value for value in one.values],
    }


def _measured(found: Sequence[Measured], begin: float, factor: float) -> Json:
    return {
        "time": [_at(told.time - begin) for told in found],
        "hours": [float(f"{told.seat_s * factor:.5g}") for told in found],
        "trial": [told.trial_id for told in found],
        "rung": [told.rung for told in found],
        "resource": [told.resource for told in found],
        "value": [_short(told.value) for told in found],
    }


def _curves(state: CampaignState, curves: Curves, begin: float) -> list[Json]:
    metric, resource = state.goal.metric, state.goal.resource
    drawn = []
    for trial_id, reports in curves.items():
        points = [
            (report.get(resource), report.get("time"), report.get(metric)) for report in reports
        ]
        points = [point for point in points if all(_is_number(part) for part in point)]
        if not points:
            continue
        points = [points[i] for i in spread(range(len(points)), CURVE_POINTS)]
        drawn.append(
            {
                "trial": trial_id,
                "running": state.trials[trial_id].status is TrialStatus.CLAIMED,
                "resource": [point[0] for point in points],
                "time": [_at(float(point[1] or 0) - begin) for point in points],
                "value": [_short(float(point[2] or 0)) for point in points],
            }
        )
    return drawn


def _rungs(history: History, levels: Sequence[int]) -> list[Json]:
    state = history.state
    on_the_way: dict[tuple[int, int], int] = {}
    for trial_id in state.of(TrialStatus.CLAIMED):
        trial = state.trials[trial_id]
        key = (trial.bracket, trial.rung)
        on_the_way[key] = on_the_way.get(key, 0) + 1
    found = []
    for bracket, number in sorted({*state.rungs, *on_the_way} if levels else set()):
        rung = state.rungs.get((bracket, number))
        ranked = [] if rung is None else rung.ranked
        values = [state.goal.sign * key for key, _ in ranked if math.isfinite(key)]
        found.append(
            {
                "bracket": bracket,
                "rung": number,
                "level": levels[number] if number < len(levels) else None,
                "results": len(ranked),
                "promoted": 0 if rung is None else len(rung.promoted),
                "running": on_the_way.get((bracket, number), 0),
                "best": values[0] if values else None,
                "median": median(values) if values else None,
            }
        )
    return found


def _seats(lanes: Lanes, begin: float) -> Json:
    jobs: dict[str, int] = {}
    rows = []
    for part in lanes.segments:
        leg = part.leg
        start, end = _at(part.start - begin), _at(part.end - begin)
        row: list[int | float] = [part.lane, start, end, KINDS.index(part.kind)]
        if leg is not None:
            row += [leg.trial_id, leg.rung, jobs.setdefault(leg.job_id, len(jobs)), part.legs]
        rows.append(row)
    return {
        "lanes": lanes.lanes,
        "shown": lanes.shown,
        "kinds": list(KINDS),
        "rows": rows,
        "jobs": list(jobs),
        "seconds": {kind: round(value, 1) for kind, value in lanes.seconds.items()},
    }


def _running(history: History, begin: float, end: float) -> list[list[float]]:
    """How many legs ran, as steps over time."""
    changes: list[tuple[float, int]] = []
    for leg in history.legs:
        changes.append((leg.start, 1))
        if not math.isinf(leg.end):
            changes.append((leg.end, -1))
    changes.sort()
    steps, number = [[0.0, 0.0]], 0
    least_s = (end - begin) / RUNNING_STEPS
    for time, change in changes:
        number += change
        at = _at(time - begin)
        if at - steps[-1][0] < least_s and len(steps) > 1:
            steps[-1][1] = number
        else:
            steps.append([at, number])
    return [*steps, [_at(end - begin), number]]


def _lines(ranked: Sequence[TrialState]) -> tuple[list[int], list[int]]:
    ids = [trial.trial_id for trial in ranked]
    return ids[:BEST_LINES], spread(ids[BEST_LINES:], OTHER_LINES)


def _short(value: float) -> float:
    """Six digits: more than any screen shows."""
    return float(f"{value:.6g}")


def _at(seconds: float) -> float:
    """Tenths of a second, and of what takes hours none."""
    return round(seconds, 1) if abs(seconds) < 10_000 else round(seconds)


def _kept(value: float) -> float:
    """Nine digits: as many as tell two drawn values apart."""
    return float(f"{value:.9g}")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1.7976e308
    )
