"""What a killed campaign is to be judged by: its files alone, read without any code of hpo's.

Counts what must be zero (lost trials, doubled legs, undone decisions, campaigns that did not end)
and, as a figure, the epochs that were trained again because nobody had saved them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

FINAL = {
    "TrialCompleted": ("completed", "paused"),  # paused: stopped early, at a rung
    "TrialPaused": ("paused", "completed"),  # completed: at a rung that was the last then
    "TrialFailed": ("failed",),
    "TrialStopped": ("stopped", "paused", "interrupted", "completed"),
}


@dataclass
class Findings:
    """Of one campaign, or summed over many; everything but the last three must be zero."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    unended: list[str] = field(default_factory=list)
    failed_by_kill: list[str] = field(default_factory=list)  # where no kill may fail a trial
    trials: int = 0
    failed: int = 0  # told so, with a cause: what a killed process means by design
    epochs: int = 0
    epochs_again: int = 0

    @property
    def faults(self) -> list[str]:
        return [
            *self.lost,
            *self.doubled,
            *self.undone,
            *self.unended,
            *self.failed_by_kill,
        ]

    def add(self, other: Findings) -> None:
        for name in (f.name for f in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Auditor:
    """Looks at the journal before each kill, and at all files at the end."""

    root: Path
    _prefixes: list[bytes] = field(default_factory=list)

    def before_kill(self) -> None:
        """Remember what was decided: from now on it must stand."""
        path = self.root / "journal.jsonl"
        data = path.read_bytes() if path.exists() else b""
        self._prefixes.append(data[: data.rfind(b"\n") + 1])

    def findings(self) -> Findings:
        data = (self.root / "journal.jsonl").read_bytes()
        events = [json.loads(line) for line in data.splitlines()[1:]]
        found = Findings()
        for number, prefix in enumerate(self._prefixes):
            if not data.startswith(prefix):
                found.undone.append(f"{self.root}: kill {number} took back journal lines")
        if not events or events[-1]["event"] != "CampaignEnded":
            found.unended.append(f"{self.root}: the journal ends with {events[-1:]}")
        self._judge_trials(events, found)
        self._judge_claims(found)
        return found

    def _judge_trials(self, events: list[dict[str, Any]], found: Findings) -> None:
        by_trial: dict[int, list[dict[str, Any]]] = {}
        for event in events:
            if "trial_id" in event and event["event"] != "StopAsked":
                by_trial.setdefault(event["trial_id"], []).append(event)
            elif event["event"] == "RetryAsked":
                for trial_id in event["trial_ids"]:
                    by_trial[trial_id].append(event)
        found.trials = len(by_trial)
        if sorted(by_trial) != list(range(len(by_trial))):
            found.lost.append(f"{self.root}: trials are {sorted(by_trial)}")
        for trial_id, story in sorted(by_trial.items()):
            self._judge_end(trial_id, story, found)
            self._judge_legs(trial_id, story, found)
            self._count_epochs(trial_id, story, found)

    def _judge_end(self, trial_id: int, story: list[dict[str, Any]], found: Findings) -> None:
        where, last = f"{self.root.name}, trial {trial_id}", story[-1]["event"]
        if last not in FINAL:
            found.lost.append(f"{where} was left as {last}")
            return
        found.failed += last == "TrialFailed"
        try:
            result = json.loads((self.root / "results" / f"trial_{trial_id}.json").read_bytes())
        except (OSError, ValueError):
            if any(e["event"] == "LegClaimed" for e in story):
                found.lost.append(f"{where} is {last} and has no result")
            return
        if result["status"] not in FINAL[last]:
            found.lost.append(f"{where} is {last} and its result says {result['status']}")
        ended = [e["attempt"] for e in story if e["event"] == "LegFinished"]
        if last in ("TrialCompleted", "TrialPaused") and result["attempt"] != ended[-1]:
            found.lost.append(f"{where} shows attempt {result['attempt']}, not {ended[-1]}")

    def _judge_legs(self, trial_id: int, story: list[dict[str, Any]], found: Findings) -> None:
        where = f"{self.root.name}, trial {trial_id}"
        legs: Counter[tuple[Any, ...]] = Counter()
        rung = 0
        for event in story:
            kind = event["event"]
            if kind == "LegFinished" and event["outcome"] == "completed":
                legs["completed", event["rung"]] += 1
            if kind == "RetryAsked" and event["from_start"]:
                rung = 0
                legs = Counter({k: n for k, n in legs.items() if k[0] != "completed" or n > 1})
            if kind in ("LegFinished", "LegLost", "LegClaimed"):
                legs[kind, event["attempt"]] += 1
            if kind == "LegOffered":
                if event["rung"] < rung:
                    found.undone.append(f"{where} was demoted to rung {event['rung']}")
                rung = event["rung"]
        found.doubled += [
            f"{where}: {count} times {leg}" for leg, count in legs.items() if count > 1
        ]

    def _count_epochs(self, trial_id: int, story: list[dict[str, Any]], found: Findings) -> None:
        """An epoch that a finished attempt passed on must not be trained by a later one."""
        reached = 0
        seen: set[int] = set()
        counted = {e["attempt"]: e for e in story if e["event"] == "LegFinished"}
        folder = self.root / "trials" / f"trial_{trial_id}"
        fresh = _fresh_attempts(story)
        for attempt in sorted({e["attempt"] for e in story if e["event"] == "LegClaimed"}):
            later = [first for first in fresh if attempt < first]
            where = folder.with_name(f"{folder.name}.before_a{later[0]}") if later else folder
            epochs = _epochs(where / f"reports-a{attempt}.jsonl")
            if attempt in fresh:
                reached = 0
                found.epochs += len(seen)
                seen.clear()
            end = counted.get(attempt)
            if end is not None and end["outcome"] == "completed":
                twice = [epoch for epoch in epochs if epoch <= reached]
                if twice:
                    found.doubled.append(f"{self.root.name}, trial {trial_id}: epochs {twice}")
                reached = max([reached, *epochs])
            found.epochs_again += sum(epoch in seen for epoch in epochs)
            seen.update(epochs)
        found.epochs += len(seen)

    def _judge_claims(self, found: Findings) -> None:
        live = [p.name for p in (self.root / "claims").iterdir() if ".done." not in p.name]
        found.doubled += [f"{self.root.name}: {name} is claimed after the end" for name in live]


def _fresh_attempts(story: list[dict[str, Any]]) -> list[int]:
    """The attempts that somebody wanted from the start."""
    fresh, due = [], False
    for event in story:
        due = due or (event["event"] == "RetryAsked" and event["from_start"])
        if due and event["event"] == "LegOffered":
            fresh.append(event["attempt"])
            due = False
    return fresh


def _epochs(path: Path) -> list[int]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    epochs = []
    for line in lines:
        try:
            epochs.append(int(json.loads(line)["epoch"]))
        except (ValueError, KeyError, TypeError):
            continue  # torn by the kill
    return epochs
