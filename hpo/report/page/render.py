"""The page: the document of `model`, the template, the scripts and the charts, in one HTML text.

Whatever a user wrote is text here and never markup: the template escapes it, and the document is
JSON in which nothing can end its script element. The page may ask for nothing, as its policy says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from hpo import __version__
from hpo.folder.files import to_json
from hpo.report import MissingExtraError
from hpo.report.page import panels, words
from hpo.report.page.importance import importance_of
from hpo.report.page.model import Facts, Json, build, by_rank, started
from hpo.report.page.scales import hours_text
from hpo.report.page.sources import FailedKind, Sources
from hpo.shown import one_line
from hpo.values import canonical, flat

SCRIPTS = ("base", "progress", "seats", "parameters", "trials", "page")
LICENCES = ("NOTICE", "LICENSE")
BEST_ROWS = 10
NAMED_TRIALS = 12  # of those that failed alike
MOST_TRACE = 20_000  # characters of a traceback: its end
_UNSAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def render(sources: Sources, folder: str, settings: Mapping[str, Any], now: float) -> str:
    """The page as it is to be written.

    Args:
        sources: what the campaign's files say.
        folder: where it lies, for the commands that the page names.
        settings: the settings of campaign.json as they may be told.
        now: the time (s, Unix).

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as err:
        raise MissingExtraError(
            "a report needs jinja2, which is not installed: pip install 'hpo-campaign[report]'"
        ) from err
    state, plan, document = sources.history.state, sources.plan, sources.document
    levels = state.levels or plan.levels  # which may have been extended
    importance = importance_of(state, plan.space, levels)
    until = _until(sources, now)
    facts = Facts(plan.space, levels, plan.gpus, until, sources.curves, importance.shares)
    model = build(sources.history, facts)
    standing = panels.standing(state, _silent_s(sources, now))
    data = _script_json(model)
    scripts = [_asset("vendor/echarts.min.js"), *(_asset(f"assets/{name}.js") for name in SCRIPTS)]
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "line": one_line,
        "moment": _moment,
        "span": words.span,
        "value": words.value_text,
    }
    text = environment.from_string(_asset("assets/page.html")).render(
        name=sources.name(folder),
        folder=folder,
        model=model,
        data=data,
        css=_asset("assets/page.css"),
        scripts=scripts,
        policy=_policy(scripts),
        standing=standing,
        ahead=panels.ahead(sources.status) if standing.tone == panels.ACTIVE else None,
        counts=panels.counts(state, state.n_trials or plan.n_trials),
        hours=hours_text(state.seat_seconds / 3600 * max(1, plan.gpus)),
        meters=list(panels.meters(state, plan.gpus)),
        advice=panels.advice(state, plan.gpus, document["settings"]),
        best=_best(sources),
        rows=_best_rows(sources, model["constants"]),
        goal=state.goal,
        importance=importance.text,
        failures=[_failure(kind, model["constants"]) for kind in sources.failures],
        began=state.started_at,
        until=until,
        written=now,
        start=_start(document),
        settings=_readable(settings),
        code=_code(document),
        versions={"hpo": __version__, "Python": platform.python_version()},
        licences={name: _asset(f"vendor/{name}") for name in LICENCES},
    )
    return text.encode("utf-8", "backslashreplace").decode()  # because of lone surrogates


def _asset(name: str) -> str:
    return files("hpo.report.page").joinpath(name).read_text(encoding="utf-8")


def _script_json(value: Json) -> str:
    """JSON that no HTML parser takes for anything else, and that is plain ASCII."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE)


def _policy(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy: these scripts and no other, and no request of any kind."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _until(sources: Sources, now: float) -> float:
    """Up to when something is known: of one that runs the last sign of its manager."""
    latest = sources.history.latest
    updated = None if sources.status is None else sources.status.updated
    known = [time for time in (latest, updated) if time is not None]
    if sources.history.state.ended is not None and latest is not None:
        return latest
    return max(known, default=now)


def _silent_s(sources: Sources, now: float) -> float | None:
    """How long nobody has seen the manager (s); None: of a simulated one, or nobody knows."""
    if sources.plan.executor == "simulated":
        return None
    latest = sources.history.latest
    beat = None if sources.status is None else sources.status.beat.at
    seen = max((time for time in (beat, latest) if time is not None), default=None)
    return None if seen is None else max(0.0, now - seen)


def _time(value: object) -> float | None:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e11
    return float(value) if isinstance(value, (int, float)) and is_one else None


def _moment(seconds: float) -> str:
    """A time as people write it, with the zone of this machine."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(seconds)).strip()


def _best(sources: Sources) -> Json | None:
    state = sources.history.state
    if state.best_trial is None:
        return None
    trial = state.trials[state.best_trial]
    return {
        "trial": trial.trial_id,
        "value": trial.metric,
        "resource": trial.resource,
        "config": _readable(trial.config),
    }


def _best_rows(sources: Sources, constants: Mapping[str, Any]) -> list[Json]:
    """The best trials, with what was varied."""
    state = sources.history.state
    return [
        {
            "trial": trial.trial_id,
            "value": trial.metric,
            "resource": trial.resource,
            "config": _varied(trial.config, constants),
        }
        for trial in by_rank(state, started(state))[:BEST_ROWS]
    ]


def _varied(config: Mapping[str, Any], constants: Mapping[str, Any]) -> list[tuple[str, str]]:
    values = flat(config)
    return [(name, _short(value)) for name, value in values.items() if name not in constants]


def _short(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else value
    return text if isinstance(text, str) else canonical(text)


def _failure(kind: FailedKind, constants: Mapping[str, Any]) -> Json:
    lines = kind.traceback[-MOST_TRACE:].splitlines()
    return {
        "cause": kind.cause,
        "count": len(kind.trials),
        "trials": kind.trials[:NAMED_TRIALS],
        "more": max(0, len(kind.trials) - NAMED_TRIALS),
        "example": kind.trials[0],
        "message": kind.message,
        "config": _varied(kind.config, constants),
        "traceback": "\n".join(one_line(line) for line in lines),
    }


def _start(document: Mapping[str, Any]) -> Json | None:
    """How the manager was started last."""
    start = document.get("start")
    if not isinstance(start, dict):
        return None
    return {key: str(start.get(key, "")) for key in ("command", "folder", "executor", "host")}


def _code(document: Mapping[str, Any]) -> list[Json]:
    """The versions of the objective's code, first to last."""
    notes = document.get("code")
    found = []
    for note in notes if isinstance(notes, list) else []:
        if not isinstance(note, dict):
            continue
        git, listed = note.get("git"), note.get("files")
        git = git if isinstance(git, dict) else {}
        found.append(
            {
                "since": _time(note.get("since")),
                "digest": str(note.get("digest", "")),
                "files": sorted(map(str, listed)) if isinstance(listed, dict) else [],
                "commit": str(git.get("commit") or ""),
                "dirty": git.get("dirty") is True,
            }
        )
    return found


def _readable(value: Mapping[str, Any]) -> str:
    return to_json(dict(value), indent=2)
