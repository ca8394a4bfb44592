"""The rows of a plan: the campaign as it is set, and the same with one thing changed.

Owns what is compared. A row is one function from a question to a question. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hpo.plan.simulation import Question
from hpo.settings.spec import CampaignSpec

AS_SET = "as set"


@dataclass(frozen=True, slots=True)
class Variant:
    """One row; `change` gives its campaign."""

    name: str
    meaning: str
    change: Callable[[Question], Question]


def variants(spec: CampaignSpec) -> list[Variant]:
    """All rows, the campaign as it is set first; what is set already is compared with its lack."""
    return [
        Variant(AS_SET, "the settings as they are", lambda question: question),
        Variant(
            "bound at submission",
            "each job is submitted for one trial, when another ends: what other tools do",
            _bound,
        ),
        _other_queue_ahead(spec),
        _other_trials_per_job(spec),
        _other_time(spec),
    ]


def _bound(question: Question) -> Question:
    spec = question.spec
    time = _fixed_time(spec) if spec.slurm.learns_time else {}
    changed = _changed(spec, hpo={"trials_per_job": 1}, slurm=time)
    return replace(question, spec=changed, bound=True)


def _other_queue_ahead(spec: CampaignSpec) -> Variant:
    value: int | str = "auto" if spec.hpo.queue_ahead == 0 else 0
    meaning = "no job waits behind those that run" if value == 0 else "jobs wait behind them"
    return Variant(f"queue_ahead: {value}", meaning, _set(hpo={"queue_ahead": value}))


def _other_trials_per_job(spec: CampaignSpec) -> Variant:
    value: int | str = "auto" if spec.hpo.legs_per_job == 1 else 1
    meaning = "a job runs one leg" if value == 1 else "a job goes on while its time lasts"
    return Variant(f"trials_per_job: {value}", meaning, _set(hpo={"trials_per_job": value}))


def _other_time(spec: CampaignSpec) -> Variant:
    if spec.slurm.learns_time:
        fixed = _fixed_time(spec)
        meaning = "every job asks for the most time"
        return Variant(f"time: {fixed['time']}", meaning, _set(slurm=fixed))
    learned = {"time": "auto", "max_time": spec.slurm.time}
    return Variant("time: auto", "jobs ask for the time that their legs need", _set(slurm=learned))


def _fixed_time(spec: CampaignSpec) -> dict[str, Any]:
    return {"time": spec.slurm.longest_time, "max_time": None}


def _set(
    *, hpo: dict[str, Any] | None = None, slurm: dict[str, Any] | None = None
) -> Callable[[Question], Question]:
    def change(question: Question) -> Question:
        return replace(question, spec=_changed(question.spec, hpo=hpo or {}, slurm=slurm or {}))

    return change


def _changed(spec: CampaignSpec, *, hpo: dict[str, Any], slurm: dict[str, Any]) -> CampaignSpec:
    return replace(
        spec, hpo=spec.hpo.model_copy(update=hpo), slurm=spec.slurm.model_copy(update=slurm)
    )
