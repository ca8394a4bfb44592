"""The result document of a leg: out of its claim, its reports and its end.

Owns how long a trial has trained over all its attempts, and what is written about a leg whose own
process cannot tell any more. Writes nothing; `result_file` owns the document's form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.folder import offers
from hpo.folder import results as result_file
from hpo.folder.files import Layout, is_writable, read_json, read_plain
from hpo.folder.reports import read_reports

if TYPE_CHECKING:
    from hpo.job.leg import LegSettings, Surroundings


def document_of(
    claim: offers.Leg,
    offer: Mapping[str, Any],
    settings: LegSettings,
    here: Surroundings,
    ended: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]],
    resource: int,
    start: float,
    end: float,
    earlier: float,
) -> dict[str, Any]:
    """The result document of a leg that began at `start` and ended at `end` (s, Unix).

    `ended` holds its status and, for a failure, what went wrong; `earlier` are the seconds that
    former attempts trained.
    """
    last = history[-1] if history else {}
    return result_file.document(
        trial_id=claim.trial_id,
        config=offer["config"],
        metric=settings.metric,
        mode=settings.mode,
        history=history,
        error=last.get(settings.metric) if ended["status"] != "failed" else None,
        resource=resource,
        rung=claim.rung,
        attempt=claim.attempt,
        job_id=here.job_id,
        goes_on=here.goes_on(ended["status"]),
        additional_info={
            "training_time": earlier + end - start,
            "leg_time": end - start,
            "start_time": start,
            "end_time": end,
            "host": here.host,
        }
        | here.info
        | ({"max_rss_mb": used} if (used := here.used_mb()) else {}),
        **ended,
    )


def broken_leg(
    layout: Layout,
    claim: offers.Leg,
    offer: Mapping[str, Any],
    settings: LegSettings,
    here: Surroundings,
    ended: Mapping[str, Any],
) -> dict[str, Any]:
    """The result document of a leg whose process ended without one; `ended` says how."""
    folder = layout.trial(claim.trial_id)
    begun = read_json(folder / f"attempt-a{claim.attempt}.json")
    start = begun.get("start_time") if isinstance(begun, dict) else None
    now = here.clock()
    history = read_reports(
        folder, resource_attr=settings.resource_attr, up_to_attempt=claim.attempt
    )
    history = history if is_writable(history) else []
    return document_of(
        claim,
        offer,
        settings,
        here,
        ended,
        history=history,
        resource=history[-1][settings.resource_attr] if history else 0,
        start=start if isinstance(start, (int, float)) else now,
        end=now,
        earlier=earlier_time(layout, claim),
    )


def earlier_time(layout: Layout, claim: offers.Leg) -> float:
    """Seconds that earlier attempts trained, as far as their reports tell."""
    total = 0.0
    for attempt in range(claim.attempt):
        path = layout.trial(claim.trial_id) / f"reports-a{attempt}.jsonl"
        try:
            *_, last = read_plain(path).splitlines()
            total += max(0.0, float(json.loads(last)["elapsed"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return total
