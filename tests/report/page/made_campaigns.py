"""Campaigns' folders for the page, of any size at once: their journal is invented, not run.

The events are those that a manager writes, in an order that the state accepts.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.folder.files import Layout, publish_json, to_json
from hpo.folder.journal import Header, Journal
from hpo.record import events as ev
from hpo.record.result import Outcome, Result

BEGIN = 1_790_000_000.0  # s since 1970
SPACE: dict[str, Any] = {
    "learning_rate": {"type": "loguniform", "low": 1e-4, "high": 1.0},
    "dropout": {"type": "uniform", "low": 0.0, "high": 0.9},
    "width": {"type": "lograndint", "low": 8, "high": 512},
    "optimizer": {"type": "choice", "values": ["sgd", "adam"]},
    "max_epochs": {"type": "constant", "value": 27},
}


def drawn_config(dice: random.Random) -> dict[str, Any]:
    """One of that space."""
    return {
        "learning_rate": 10 ** dice.uniform(-4, 0),
        "dropout": dice.uniform(0, 0.9),
        "width": dice.choice([8, 16, 64, 200, 512]),
        "optimizer": dice.choice(["sgd", "adam"]),
        "max_epochs": 27,
    }


@dataclass
class Made:
    """What the campaign is to be like; `write` puts it into a folder.

    With `levels` trials are promoted from rung to rung, else each is trained to its end. `ended`
    None: it still runs, and `running` jobs are in the middle of a leg.
    """

    n_trials: int = 30
    levels: Sequence[int] = (1, 3, 9, 27)
    jobs: int = 8
    seed: int = 0
    failed: float = 0.0
    preempted: float = 0.0
    ended: str | None = "all trials ended"
    metric: str = "validation_error"
    mode: str = "min"
    name: str = "made"
    space: Mapping[str, Any] = field(default_factory=lambda: dict(SPACE))
    config: Callable[[random.Random], dict[str, Any]] = drawn_config
    message: str = "the loss is not a number"
    traceback: str = 'Traceback (most recent call last):\n  File "train.py", line 7\nValueError'
    reports_of: int = 1000  # trials at most
    gpus: int = 1

    def write(self, root: Path) -> Path:
        layout = Layout(root)
        layout.create()
        publish_json(layout.campaign, self.document())
        journal = Journal(layout.journal, Header(self.name, "0123456789abcdef"))
        journal.append(_Run(self, layout).events())
        return root

    def document(self) -> dict[str, Any]:
        scheduler = {"type": "promotion", "levels": list(self.levels), "reduction_factor": 3}
        return {
            "format": 1,
            "campaign": "made-0a1b2c",
            "created": BEGIN,
            "identity": {
                "space": dict(self.space),
                "metric": self.metric,
                "mode": self.mode,
                "scheduler": scheduler if self.levels else None,
            },
            "start": {
                "executor": "slurm",
                "host": "hal0048",
                "command": "hpo run --config made",
                "folder": "/home/user/project",
            },
            "code": [
                {
                    "since": BEGIN,
                    "digest": "0123456789abcdef",
                    "files": {"train.py": "0123456789abcdef"},
                    "git": {"commit": "0123456789abcdef0123", "dirty": True, "diff": None},
                }
            ],
            "seat": {
                "metric": self.metric,
                "mode": self.mode,
                "resource_attr": "epoch",
                "trial_value": "last",
                "gpus": self.gpus,
            },
            "settings": {
                "name": self.name,
                "space": dict(self.space),
                "slurm": {
                    "partition": "main",
                    "time": "4:00:00",
                    "mem": "8G",
                    "env_setup": ["export TOKEN=hunter2"],
                },
                "hpo": {"n_trials": self.n_trials, "trials_per_job": 1, "metric": self.metric},
            },
        }


class _Run:
    """The events of the whole campaign, and the files of its trials."""

    def __init__(self, made: Made, layout: Layout) -> None:
        self.made, self.layout = made, layout
        self.dice = random.Random(made.seed)
        self.configs: list[dict[str, Any]] = []
        self.attempts: dict[int, int] = {}
        self.reached: dict[int, int] = {}
        self.values: dict[int, list[tuple[float, int]]] = {}
        self.promoted: list[tuple[int, int]] = []
        self.reports: dict[int, list[dict[str, Any]]] = {}
        self.jobs = itertools.count(100)
        self.time = BEGIN

    def events(self) -> list[ev.Event]:
        made = self.made
        found: list[ev.Event] = [ev.CampaignStarted(BEGIN)]
        free, busy = made.jobs, list[tuple[float, int, int, str]]()
        again: list[tuple[int, int]] = []
        self.time += 60.0
        while True:
            while free and (leg := again.pop() if again else self._next(found)):
                trial_id, rung = leg
                attempt = self.attempts[trial_id] = self.attempts.get(trial_id, -1) + 1
                target = made.levels[rung] if made.levels else 27
                final = not made.levels or rung == len(made.levels) - 1
                job = str(next(self.jobs))
                found.append(ev.LegOffered(self.time, trial_id, rung, attempt, target, final))
                found.append(ev.LegClaimed(self.time + 5, trial_id, rung, attempt, job))
                lasts = (target - self.reached.get(trial_id, 0)) * self.dice.uniform(40, 120)
                heapq.heappush(busy, (self.time + 15 + lasts, trial_id, rung, job))
                free -= 1
            if not busy or (made.ended is None and len(self.configs) == made.n_trials):
                break
            end, trial_id, rung, job = heapq.heappop(busy)
            self.time = max(self.time + 5, end)
            free += 1
            if self.dice.random() < made.preempted:
                found.append(self._lost(trial_id, rung, job))
                again.append((trial_id, rung))
            else:
                found += self._ended(trial_id, rung, job)
        if made.ended is not None:
            found.append(ev.CampaignEnded(self.time + 1, made.ended))
        self._write_reports()
        return found

    def _next(self, found: list[ev.Event]) -> tuple[int, int] | None:
        """One that was among the best third when it reached its rung, else a new trial."""
        if self.promoted:
            return self.promoted.pop()
        if len(self.configs) >= self.made.n_trials:
            return None
        self.configs.append(self.made.config(self.dice))
        trial_id = len(self.configs) - 1
        found.append(ev.TrialDrawn(self.time, trial_id, self.configs[-1]))
        return trial_id, 0

    def _lost(self, trial_id: int, rung: int, job: str) -> ev.LegLost:
        words = ("preempted", f"job {job} was preempted")
        attempt = self.attempts[trial_id]
        return ev.LegLost(self.time, trial_id, rung, attempt, job, *words, node="hal0007", lost_s=9)

    def _ended(self, trial_id: int, rung: int, job: str) -> list[ev.Event]:
        made, at, attempt = self.made, self.time, self.attempts[trial_id]
        if self.dice.random() < made.failed:
            told = Result(Outcome.FAILED, None, 0, 12.0, "ValueError", made.message)
            result = {"trial_id": trial_id, "traceback": made.traceback}
            publish_json(self.layout.result(trial_id), result, durable=False)
            return [
                ev.LegFinished(at, trial_id, rung, attempt, job, told),
                ev.TrialFailed(at, trial_id, "ValueError", made.message),
            ]
        target = made.levels[rung] if made.levels else 27
        start, curve = self.reached.get(trial_id, 0), self.reports.setdefault(trial_id, [])
        value = 0.0
        for epoch in range(start + 1, target + 1):
            value = self._value(trial_id, epoch)
            time = at - 60.0 * (target - epoch)
            curve.append({"epoch": epoch, made.metric: value, "time": time, "elapsed": 1.0})
        self.reached[trial_id] = target
        sign = -1 if made.mode == "max" else 1
        ranked = self.values.setdefault(rung, [])
        bisect.insort(ranked, (sign * value, trial_id))
        is_good = bisect.bisect(ranked, (sign * value, trial_id)) <= len(ranked) // 3
        if is_good and rung + 1 < len(made.levels):
            self.promoted.append((trial_id, rung + 1))
        told = Result(
            Outcome.COMPLETED,
            value,
            target,
            60.0 * (target - start),
            node="hal0007",
            mem_used_mb=900,
            mem_had_mb=8192,
            time_had_s=14_400,
            gpu_use=45.0,
            gpu_mem_mb=3000,
            gpu_mem_had_mb=24_000,
        )
        final = not made.levels or rung == len(made.levels) - 1
        closed = ev.TrialCompleted(at, trial_id) if final else ev.TrialPaused(at, trial_id)
        return [ev.LegFinished(at, trial_id, rung, attempt, job, told), closed]

    def _value(self, trial_id: int, epoch: int) -> float:
        dice = random.Random(f"{self.made.seed}:{trial_id}:{epoch}")
        own = random.Random(f"{self.made.seed}:{trial_id}").random()
        value = (0.02 + 0.5 * own * own) * (1 + 3.0 / epoch) * dice.uniform(0.95, 1.05)
        return 1 - value / 3 if self.made.mode == "max" else value

    def _write_reports(self) -> None:
        for trial_id, reports in list(self.reports.items())[: self.made.reports_of]:
            folder = self.layout.trial(trial_id)
            folder.mkdir()
            text = "".join(to_json(report) + "\n" for report in reports)
            (folder / "reports-a0.jsonl").write_text(text, encoding="utf-8")
