"""The rows of a plan: the campaign as it is set, and the same with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    ahead: int | str = "auto" if spec.hpo.queue_ahead == 0 else 0
    per_job: int | str = "auto" if spec.hpo.legs_per_job == 1 else 1
    learned = {"time": "auto", "max_time": spec.slurm.time}
    time = _fixed_time(spec) if spec.slurm.learns_time else learned
    return [
        Variant(AS_SET, "the settings as they are", lambda question: question),
        Variant(
            "bound at submission",
            "each job is submitted for one trial, when another ends: what other tools do",
            _bound,
        ),
        Variant(
            f"queue_ahead: {ahead}",
            "no job waits behind those that run" if ahead == 0 else "jobs wait behind them",
            _set(hpo={"queue_ahead": ahead}),
        ),
        Variant(
            f"trials_per_job: {per_job}",
            "a job runs one leg" if per_job == 1 else "a job goes on while its time lasts",
            _set(hpo={"trials_per_job": per_job}),
        ),
        Variant(
            f"time: {time['time']}",
            "every job asks for the most time"
            if spec.slurm.learns_time
            else "jobs ask for the time that their legs need",
            _set(slurm=time),
        ),
    ]


def _bound(question: Question) -> Question:
    spec = question.spec
    time = _fixed_time(spec) if spec.slurm.learns_time else {}
    return replace(_set(hpo={"trials_per_job": 1}, slurm=time)(question), bound=True)


def _fixed_time(spec: CampaignSpec) -> dict[str, Any]:
    return {"time": spec.slurm.longest_time, "max_time": None}


def _set(
    *, hpo: Mapping[str, Any] | None = None, slurm: Mapping[str, Any] | None = None
) -> Callable[[Question], Question]:
    def change(question: Question) -> Question:
        spec = question.spec
        changed = replace(
            spec, hpo=spec.hpo.model_copy(update=hpo), slurm=spec.slurm.model_copy(update=slurm)
        )
        return replace(question, spec=changed)

    return change
