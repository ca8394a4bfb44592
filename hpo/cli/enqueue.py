"""`hpo enqueue DIR lr=0.01 …`: points that a campaign tries next."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.cli import asking
from hpo.cli.asking import Known
from hpo.cli.points import read_file, read_words
from hpo.decisions.steering import completed_point
from hpo.errors import SettingsError
from hpo.folder.requests import Enqueue, asker
from hpo.record import events as ev
from hpo.report.narration import describe


def enqueue(arguments: Namespace) -> int:
    """Ask for points; the exit code.

    Raises:
        SettingsError: there is no campaign, a point is not in its space, or all were tried.
    """
    known = asking.look(Path(arguments.campaign), "enqueue points in")
    points: list[Mapping[str, Any]] = []
    if arguments.file is not None:
        points += read_file(Path(arguments.file))
    if arguments.point:
        points.append(read_words(arguments.point))
    if not points:
        problem = "name a point, as in lr=0.01 batch_size=64, or a file of them with --from"
        raise SettingsError([problem], where=asking.WHERE)
    if problems := _problems(known, points):
        raise SettingsError(problems, where=asking.WHERE)
    by, now = asker(), time.time()
    if known.space is None:
        told = ["the values are checked when the manager takes the points up"]
        return asking.ask(known, [Enqueue(points, by, now)], told, [], json_=arguments.json)
    event, refused = known.answer(Enqueue(points, by, now))
    if not isinstance(event, ev.PointsEnqueued):
        return asking.ask(known, [], [], refused, json_=arguments.json)
    told = [f"to be tried next: {describe(point)}" for point in event.points]
    return asking.ask(known, [Enqueue(event.points, by, now)], told, refused, json_=arguments.json)


def _problems(known: Known, points: Sequence[Mapping[str, Any]]) -> list[str]:
    """All that is wrong with the points, as far as the campaign's file tells."""
    names = known.document["identity"]["space"]
    problems = []
    for number, point in enumerate(points, 1):
        if known.space is None:
            unknown = [name for name in point if name not in names]
            problems += [f"point {number}: the space has no {name!r}" for name in unknown]
            continue
        try:
            completed_point(known.space, point, known.state.constants)
        except ValueError as err:
            problems.append(f"point {number}: {err}")
    return problems
