"""The two halves of `resume.py`, each in a process of its own: make a campaign, resume it.

python benchmarks/resume_parts.py make FOLDER FINISHED
python benchmarks/resume_parts.py measure FOLDER TICKS
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Unused below, but held by the process of every manager on SLURM whose space is scipy's.
import scipy.stats  # noqa: F401
import submitit  # noqa: F401

import hpo.cli.run  # noqa: F401
from hpo.cluster.protocol import ClusterTraits
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.folder import attempts, offers
from hpo.folder.files import Layout, to_json
from hpo.folder.journal import Header, Journal
from hpo.folder.offers import Leg
from hpo.manager.loop import Manager, Surroundings
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.search.random import AsyncRandomSearch
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Change, Submit
from hpo.space.domains import choice, loguniform, randint, uniform
from hpo.space.space import read_space

RUNNING = 8
OFFERED = 1000  # as many as a manager writes ahead of need
HEADER = Header("benchmark-0a1b2c", "0123456789abcdef")
METRIC, MODE = "validation_error", "min"
START = 1_790_000_000.0
TICK_S = 2.0
BATCH = 5000  # events that are written to disk together
SPACE: dict[str, Any] = {
    "learning_rate": loguniform(1e-5, 1e-1),
    "weight_decay": loguniform(1e-8, 1e-2),
    "dropout": uniform(0.0, 0.6),
    "hidden_units": randint(16, 1024),
    "n_layers": randint(1, 8),
    "activation": choice(["relu", "gelu", "tanh"]),
    "batch_size": choice([32, 64, 128, 256]),
    "max_epochs": 50,
}
AUDITED = ("open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.truncate", "os.mkdir")


def make(root: Path, finished: int) -> None:
    """Write the campaign: `finished` ended trials, 8 that run, 1000 that are offered."""
    layout = Layout(root)
    layout.create()
    journal = Journal(layout.journal, HEADER)
    batch: list[ev.Event] = []
    for event in _events(layout, finished):
        batch.append(event)
        if len(batch) >= BATCH:
            journal.append(batch)
            batch.clear()
    journal.append(batch)


def _events(layout: Layout, finished: int) -> Iterator[ev.Event]:
    """All events of the campaign in order; the files that go with them are written beside."""
    search = AsyncRandomSearch(read_space(SPACE)[0], seed=0)
    yield ev.CampaignStarted(START)
    for trial_id in range(finished + RUNNING + OFFERED):
        config = search.suggest(trial_id, taken=())
        assert config is not None
        now = START + 37.123456 * trial_id
        yield ev.TrialDrawn(now, trial_id, config)
        yield ev.LegOffered(now, trial_id, 0, 0, config["max_epochs"])
        if trial_id < finished:
            yield from _ended(layout, trial_id, config, now)
            continue
        offers.publish_offers(layout, [(Leg(trial_id, 0, 0), {"config": config, "target": 50})])
        if trial_id < finished + RUNNING:
            taken = offers.claim_best(layout, _job(trial_id))
            assert taken is not None
            yield ev.LegClaimed(now, trial_id, 0, 0, _job(trial_id))


def _ended(
    layout: Layout, trial_id: int, config: Mapping[str, Any], now: float
) -> Iterator[ev.Event]:
    """One trial's life: 1 in 20 fails, 1 in 20 loses its first leg to a preemption."""
    attempt, job, error = 0, _job(trial_id), 0.1 + (trial_id * 7919 % 10007) / 10007
    fails = trial_id % 20 == 7
    yield ev.LegClaimed(now, trial_id, 0, 0, job)
    if trial_id % 20 == 13:
        attempt = 1
        yield ev.LegLost(now, trial_id, 0, 0, job, "preempted", "preempted and requeued", 17)
        yield ev.LegOffered(now, trial_id, 0, 1, 50)
        yield ev.LegClaimed(now, trial_id, 0, 1, job)
    leg = (trial_id, 0, attempt, job)
    message = "CUDA error: device-side assert triggered"
    if fails:
        result = Result(Outcome.FAILED, None, 3, 41.25, "RuntimeError", message)
    else:
        result = Result(Outcome.COMPLETED, error, 50, 1234.567891)
    yield ev.LegFinished(now, *leg, result)
    if fails:
        yield ev.TrialFailed(now, trial_id, "RuntimeError", message)
    else:
        yield ev.TrialCompleted(now, trial_id)
    claim, info = offers.Leg(*leg), {"end_time": now}
    account = attempts.Account(claim, result, config, Goal(METRIC, MODE), [], info)
    document = account.to_json()
    # Not through `publish`: that syncs each file to disk, which is the job's cost and not read here
    layout.result(trial_id).write_text(to_json(document, indent=2) + "\n", encoding="utf-8")


def _job(trial_id: int) -> str:
    return f"41000_{trial_id}"


class SteppingClock:
    """Goes on by one tick when told."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        """The time of the tick."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance."""
        self._now += seconds


class BusyCluster:
    """Says of every job that it runs; its queue is full, so that nothing is submitted."""

    traits = ClusterTraits(
        has_queue=True, tick_s=TICK_S, poll_s=60.0, result_grace_s=60.0, vanish_s=300.0
    )

    @property
    def others(self) -> int:
        """None."""
        return 0

    def submit(self, order: Submit) -> list[str]:
        """Never called: all seats are taken."""
        raise AssertionError(f"{order.count} seats were asked for, {order.at_once} at once")

    def change(self, order: Change) -> None:
        """Never called: nothing waits."""
        raise AssertionError(str(order))

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """All run."""
        return {job_id: JobStatus(JobPhase.RUNNING, node="node1") for job_id in job_ids}

    def last_words(self, job_id: str) -> str:
        """None."""
        del job_id
        return ""


class FileCalls:
    """Counts what Python's audit events tell of file operations; stat and fsync are not told."""

    def __init__(self) -> None:
        self.count = 0
        self.counting = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self.counting and event in AUDITED:
            self.count += 1


def measure(root: Path, ticks: int) -> dict[str, float]:
    """Resume the campaign and do idle ticks; times in s, sizes in bytes."""
    layout = Layout(root)
    size = layout.journal.stat().st_size
    peak_before = _peak()
    calls = FileCalls()
    scheduler = Scheduler(AsyncRandomSearch(read_space(SPACE)[0], seed=0), Limits(n_trials=0))
    clock = SteppingClock(START + 1e7)
    begin = time.perf_counter()
    journal = Journal(layout.journal, HEADER)
    read = time.perf_counter()
    manager = Manager(
        Surroundings(layout, BusyCluster(), clock, lambda: False),
        journal,
        scheduler,
        SeatLimits(RUNNING, RUNNING),
        goal=Goal(METRIC, MODE),
    )
    manager.start()
    started = time.perf_counter()
    peak_resumed = _peak()
    took = []
    calls.counting = True
    for _ in range(ticks):
        clock.sleep(TICK_S)
        before = time.perf_counter()
        manager.tick()
        took.append(time.perf_counter() - before)
    calls.counting = False
    grown = layout.journal.stat().st_size - size
    assert grown == 0, f"the ticks were not idle: the journal grew by {grown} bytes"
    assert manager.state.open_trials == RUNNING + OFFERED
    return {
        "read_s": read - begin,
        "start_s": started - read,
        "tick_s": statistics.median(took),
        "tick_p95_s": sorted(took)[int(0.95 * len(took))],
        "calls": calls.count / ticks,
        "peak_imports": peak_before,
        "peak_resumed": peak_resumed,
        "peak": _peak(),
        "journal": size,
    }


def _peak() -> int:
    """Peak resident memory of this process in bytes (macOS counts in bytes, Linux in KiB)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    what, folder, number = sys.argv[1:]
    if what == "make":
        make(Path(folder), int(number))
    else:
        print(json.dumps(measure(Path(folder), int(number))))
