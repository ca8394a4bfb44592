"""The rows of a plan: the campaign as it is set, and the same with one thing changed.

Owns what is compared. A row is one function from a question to a question. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hpo.planning.simulation import Question

AS_SET = "as set"


@dataclass(frozen=True, slots=True)
class Variant:
    """One row; `change` gives its campaign."""

    name: str
    meaning: str
    change: Callable[[Question], Question]


def variants(queue_ahead: int | str) -> list[Variant]:
    """All rows, the campaign as it is set first; what is set already is compared with its lack."""
    ahead = (
        Variant("queue_ahead: 0", "no job waits behind those that run", _none_ahead)
        if queue_ahead != 0
        else Variant("queue_ahead: auto", "jobs wait behind those that run", _many_ahead)
    )
    return [
        Variant(AS_SET, "the settings as they are", lambda question: question),
        Variant(
            "bound at submission",
            "each job is submitted for one trial, when another ends: what other tools do",
            _bound,
        ),
        ahead,
        Variant(
            "trials_per_job: auto",
            "a job goes on with the next leg while its time lasts",
            _several_legs,
        ),
    ]


def _none_ahead(question: Question) -> Question:
    return replace(question, queue_ahead=0)


def _many_ahead(question: Question) -> Question:
    return replace(question, queue_ahead=None)


def _bound(question: Question) -> Question:
    model = replace(question.model, bound_at_submission=True, legs_per_job=1)
    seats = min(model.seats, question.spec.hpo.max_concurrent_jobs)
    return replace(question, model=model, max_queued=seats, queue_ahead=0)


def _several_legs(question: Question) -> Question:
    return replace(question, model=replace(question.model, legs_per_job=None))
