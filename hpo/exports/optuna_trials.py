"""A campaign's trials as Optuna knows trials: states, parameters, intermediate values. Pure.

Optuna is not needed. What is conditional here is a parameter of those trials alone that have it;
constants are none. A value that is no number, text, truth value or None is its JSON text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.record.goal import Goal
from hpo.report.page.hyperparameters import Hyperparameter, columns, flat_domains
from hpo.shown import one_line
from hpo.values import canonical, flat

RUNNING, COMPLETE, PRUNED, FAIL, WAITING = range(5)  # as Optuna's journals number its states
FINISHED = frozenset({COMPLETE, PRUNED, FAIL})
MOST_TEXT = 500
_ATTRIBUTES = ("status", "resource", "rung", "attempt", "job_id", "cause", "message")
_FLOATS = frozenset({"uniform", "loguniform", "reciprocal", "norm", "lognorm"})
_WHOLE = frozenset({"randint", "lograndint"})
_INFO = ("training_time", "host", "gpu_use", "gpu_mem_mb", "code")


@dataclass(frozen=True, slots=True)
class OptunaTrial:
    """One trial; times in s since 1970, `params` in Optuna's internal form.

    Attributes:
        state: one of the numbers above.
        value: what a finished trial is worth; None: nothing.
        params: numbers; of a choice the place among its values.
        distributions: of each parameter, as Optuna writes them.
        intermediate: by resource, as text, the metric; None where it was not finite.
        attributes: what else is known of it.
        start: of its first leg.
        end: of a finished one.
    """

    state: int
    value: float | None
    params: Mapping[str, float]
    distributions: Mapping[str, Mapping[str, Any]]
    intermediate: Mapping[str, float]
    attributes: Mapping[str, Any]
    start: float | None = None
    end: float | None = None


class Converter:
    """Makes Optuna's trials of results, with the same distributions each time."""

    def __init__(self, space: Mapping[str, Any], goal: Goal) -> None:
        self._space = space
        self._domains = flat_domains(space)
        self._goal = goal
        self._known: dict[str, dict[str, Any]] = {}

    def trials(
        self, results: Mapping[int, Mapping[str, Any]], *, goes_on: bool
    ) -> dict[int, OptunaTrial]:
        """By number, of results as `hpo.report.results` reads them.

        With `goes_on`, those that are paused may yet be trained on, and count as running.
        """
        configs = [result.get("config") or {} for result in results.values()]
        found, _ = columns(self._space, configs)
        rows = [flat(config) for config in configs]
        for one in found:
            self._known[one.name] = self._distribution(one, rows)
        return {
            trial_id: self._trial(result, *self._params(found, rows[n], n), goes_on=goes_on)
            for n, (trial_id, result) in enumerate(results.items())
        }

    def _distribution(
        self, one: Hyperparameter, rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """As Optuna writes it; choices stay where they were, because a study counts them."""
        domain = self._domains.get(one.name, {})
        if one.labels:
            known = self._known.get(one.name)
            choices: list[Any] = [] if known is None else list(known["attributes"]["choices"])
            listed = domain.get("values")
            values = listed if isinstance(listed, list) else []
            by_label = {_label(value): value for value in values}
            by_label |= {_label(row[one.name]): row[one.name] for row in rows if one.name in row}
            plain = [_plain(by_label.get(label, label)) for label in one.labels]
            choices += [choice for choice in plain if _place(choice, choices) is None]
            return {"name": "CategoricalDistribution", "attributes": {"choices": choices}}
        is_whole = _is_whole(domain, one)
        low, high = one.low or 0.0, one.high or 0.0
        ends = {"low": int(low), "high": int(high)} if is_whole else {"low": low, "high": high}
        attributes = {"log": one.is_log, "step": 1 if is_whole else None} | ends
        name = "IntDistribution" if is_whole else "FloatDistribution"
        return {"name": name, "attributes": attributes}

    def _params(
        self, found: Sequence[Hyperparameter], config: Mapping[str, Any], row: int
    ) -> tuple[dict[str, float], dict[str, Mapping[str, Any]]]:
        params: dict[str, float] = {}
        distributions: dict[str, Mapping[str, Any]] = {}
        for one in found:
            value = one.values[row]
            if value is None:
                continue
            distributions[one.name] = distribution = self._known[one.name]
            if one.labels:
                choices = distribution["attributes"]["choices"]
                params[one.name] = _place(_plain(config[one.name]), choices) or 0
            else:
                params[one.name] = value
        return params, distributions

    def _trial(
        self,
        result: Mapping[str, Any],
        params: Mapping[str, float],
        distributions: Mapping[str, Mapping[str, Any]],
        *,
        goes_on: bool,
    ) -> OptunaTrial:
        reports = result.get("reports") or {}
        intermediate = self._intermediate(reports)
        info = result.get("additional_info") or {}
        state, value = self._state(result, goes_on=goes_on)
        attributes = {name: result[name] for name in _ATTRIBUTES if result.get(name) is not None}
        attributes |= {name: info[name] for name in _INFO if info.get(name) is not None}
        attributes = {
            name: told[:MOST_TEXT] if isinstance(told, str) else told
            for name, told in attributes.items()
        }
        start, end = _start(info, reports), _time(info.get("end_time"))
        if state == RUNNING and start is None:
            state = WAITING  # since when it runs is told later, and Optuna asks once
        return OptunaTrial(
            state,
            value,
            params,
            distributions,
            intermediate,
            attributes,
            start=start,
            end=(end or start) if state in FINISHED else None,
        )

    def _intermediate(self, reports: Mapping[str, Sequence[Any]]) -> dict[str, float]:
        steps = reports.get(self._goal.resource) or ()
        values = reports.get(self._goal.metric) or ()
        return {
            str(step): float(value)
            for step, value in zip(steps, values, strict=False)
            if type(step) is int and isinstance(value, (int, float)) and math.isfinite(value)
        }

    def _state(self, result: Mapping[str, Any], *, goes_on: bool) -> tuple[int, float | None]:
        status, value = result.get("status"), result.get("error")
        if status in ("running", "interrupted") or (goes_on and status == "paused"):
            return RUNNING, None
        if value is None or not math.isfinite(value) or status == "failed":
            return FAIL, None
        return (COMPLETE if status == "completed" else PRUNED), float(value)


def _label(value: Any) -> str:
    return one_line(value if isinstance(value, str) else canonical(value))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return canonical(value)


def _place(value: Any, choices: Sequence[Any]) -> int | None:
    """Where the value is among these; 1, 1.0 and True are three."""
    same = (i for i, own in enumerate(choices) if value == own and type(value) is type(own))
    return next(same, None)


def _is_whole(domain: Mapping[str, Any], one: Hyperparameter) -> bool:
    """Whether its numbers are integers: by its domain, because few values may happen to be."""
    inner = domain.get("domain") if domain.get("type") == "quantized" else domain
    kind = str((inner if isinstance(inner, Mapping) else {}).get("type", ""))
    kind = kind.removeprefix("scipy.stats.")
    return kind in _WHOLE or (kind not in _FLOATS and one.is_whole)


def _start(info: Mapping[str, Any], reports: Mapping[str, Sequence[Any]]) -> float | None:
    """When the first leg began; its result knows only the last one's start."""
    first = zip(reports.get("time") or (), reports.get("elapsed") or (), strict=False)
    begun = [_time(time - elapsed) for time, elapsed in first][:1]
    known = [time for time in (_time(info.get("start_time")), *begun) if time is not None]
    return min(known, default=None)


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e11 else None
