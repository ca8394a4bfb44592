"""A campaign's folder with offers and no manager, and one real job that serves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from user_project import NO_SYNC

from hpo.folder import offers
from hpo.folder.files import Layout, publish_json
from hpo.folder.offers import Leg
from hpo.job import start

JOB = "test-1"
HEAD = """
import os, signal, sys, threading, time
from pathlib import Path
HERE = Path(__file__).parent
"""


@dataclass
class SeatRun:
    """`objective` is the user's module; `offer` what there is to do, then `run` the job."""

    folder: Path
    objective: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layout = Layout(self.folder / "c")
        self.layout.create()
        (self.folder / "train.py").write_text(HEAD + self.objective, encoding="utf-8")
        seat = {
            "campaign": "test",
            "objective": f"{self.folder / 'train.py'}:objective",
            "pythonpath": [str(self.folder)],
            "metric": "loss",
            "mode": "min",
            "resource_attr": "epoch",
            "checkpoint_interval": 1,
            "claim_timeout": 0.0,
            "trials_per_job": "auto",
        }
        publish_json(self.layout.campaign, {"seat": seat | self.settings})

    def offer(self, count: int, *, first: int = 0, time_s: int = 0, **content: Any) -> None:
        """New trials, each of one epoch unless told otherwise."""
        base = {"config": {"x": 1.0, "max_epochs": 1}, "target": 1, "final": True}
        legs = [Leg(i, 0, 0, time_s=time_s) for i in range(first, first + count)]
        offers.publish_offers(self.layout, [(leg, base | content) for leg in legs])

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """What is empty in `environment` is not set."""
        told = os.environ | NO_SYNC | {"HPO_JOB_ID": JOB} | environment
        return subprocess.Popen(
            [sys.executable, "-u", start.__file__, "seat", str(self.layout.root)],
            cwd=self.folder,
            env={name: value for name, value in told.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, code: int = 0, /, **environment: str) -> str:
        """The job to its end, with that exit code; what it printed."""
        job = self.start(**environment)
        printed, _ = job.communicate(timeout=100)
        assert job.returncode == code, printed
        return printed

    def result(self, trial_id: int, attempt: int = 0) -> dict[str, Any]:
        path = self.layout.trial(trial_id) / f"result-a{attempt}.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def losses(self) -> list[float]:
        """Of all trials that have a result."""
        found = self.layout.trials.glob("trial_*/result-a0.json")
        by_trial = sorted((json.loads(p.read_text()) for p in found), key=lambda r: r["trial_id"])
        return [result["error"] for result in by_trial]

    def done(self) -> list[int]:
        """The trials whose legs were finished."""
        return sorted(leg.trial_id for leg in offers.list_legs(self.layout.claims) if leg.done)

    def left(self) -> list[int]:
        """The trials that are still offered."""
        return sorted(leg.trial_id for leg in offers.list_legs(self.layout.offers))
