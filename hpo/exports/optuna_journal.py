"""A study of Optuna's JournalStorage, written in one go and, of a live campaign, added to.

The format is that of `optuna.storages.journal`: one operation a line. Written as text, because
Optuna's own calls sync the disk once for each value: hours for ten thousand trials. Optuna is not
needed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from hpo.exports.optuna_trials import FINISHED, WAITING, OptunaTrial
from hpo.record.goal import Goal

CREATE_STUDY, SET_STUDY_ATTRIBUTE = 0, 2
CREATE_TRIAL, SET_PARAM, SET_STATE, SET_INTERMEDIATE, SET_ATTRIBUTE = 4, 5, 6, 7, 8
MINIMIZE, MAXIMIZE = 1, 2
_NOT_YET = OptunaTrial(WAITING, None, {}, {}, {}, {})
Operation = dict[str, Any]


class StudyWriter:
    """What is to be written so that a study tells what a campaign tells; trial numbers are ours."""

    def __init__(self, name: str, goal: Goal, attributes: Mapping[str, Any]) -> None:
        self._told: dict[int, OptunaTrial] = {}
        direction = MAXIMIZE if goal.mode == "max" else MINIMIZE
        self._begin: list[Operation] = [
            {"op_code": CREATE_STUDY, "study_name": name, "directions": [direction]},
            *(
                {"op_code": SET_STUDY_ATTRIBUTE, "study_id": 0, "user_attr": {key: value}}
                for key, value in attributes.items()
            ),
        ]
        self._texts: dict[str, tuple[Mapping[str, Any], str]] = {}

    def text(self, trials: Mapping[int, OptunaTrial]) -> str:
        """The lines that bring the study up to date; empty where it is."""
        begin, self._begin = self._begin, []
        operations: list[Operation] = [*begin, *self._operations(trials)]
        return "".join(
            json.dumps({**operation, "worker_id": "hpo"}, separators=(",", ":")) + "\n"
            for operation in operations
        )

    def _operations(self, trials: Mapping[int, OptunaTrial]) -> Iterator[Operation]:
        for number in range(max(trials, default=-1) + 1):
            trial = trials.get(number)
            told = self._told.get(number)
            if told is None:
                # One that has not begun takes its place, because Optuna counts.
                yield self._create(trial or _NOT_YET)
                self._told[number] = trial or _NOT_YET
            elif trial is not None and told.state not in FINISHED:
                yield from self._change(number, told, trial)
                self._told[number] = trial

    def _create(self, trial: OptunaTrial) -> Operation:
        ended = {} if trial.end is None else {"datetime_complete": _moment(trial.end)}
        return {
            "op_code": CREATE_TRIAL,
            "study_id": 0,
            "datetime_start": None if trial.start is None else _moment(trial.start),
            **ended,
            "state": trial.state,
            "value": trial.value,
            "values": None,
            "distributions": {
                name: self._text(name, distribution)
                for name, distribution in trial.distributions.items()
            },
            "params": dict(trial.params),
            "user_attrs": dict(trial.attributes),
            "system_attrs": {},
            "intermediate_values": dict(trial.intermediate),
        }

    def _change(self, number: int, told: OptunaTrial, trial: OptunaTrial) -> Iterable[Operation]:
        where = {"trial_id": number}
        for name in trial.params.keys() - told.params.keys():
            text = self._text(name, trial.distributions[name])
            value = {"param_name": name, "param_value_internal": trial.params[name]}
            yield {"op_code": SET_PARAM, **where, **value, "distribution": text}
        if told.state == WAITING and trial.state != WAITING:
            start = _moment(trial.start or 0.0)
            state: Operation = {"state": 0, "values": None, "datetime_start": start}
            yield {"op_code": SET_STATE, **where, **state}
        for step, value_ in trial.intermediate.items():
            if told.intermediate.get(step) != value_:
                reported = {"step": int(step), "intermediate_value": value_}
                yield {"op_code": SET_INTERMEDIATE, **where, **reported}
        for name, known in trial.attributes.items():
            if told.attributes.get(name) != known:
                yield {"op_code": SET_ATTRIBUTE, **where, "user_attr": {name: known}}
        if trial.state in FINISHED:
            values = None if trial.value is None else [trial.value]
            end = _moment(trial.end or trial.start or 0.0)
            state = {"state": trial.state, "values": values, "datetime_complete": end}
            yield {"op_code": SET_STATE, **where, **state}

    def _text(self, name: str, distribution: Mapping[str, Any]) -> str:
        known = self._texts.get(name)
        if known is None or known[0] is not distribution:
            self._texts[name] = known = (distribution, json.dumps(distribution))
        return known[1]


def _moment(seconds: float) -> str:
    whole = math.floor(seconds)
    microseconds = min(999_999, int((seconds - whole) * 1e6))
    moment = datetime.fromtimestamp(whole, tz=timezone.utc)
    return moment.replace(microsecond=microseconds).isoformat(timespec="microseconds")
