"""How soon the death of a job is noticed at the default settings: SLURM's words, virtual time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from histories import take
from simulation import HEADER, SPACE

from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.slurm import cluster as slurm
from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.folder.files import Layout
from hpo.folder.journal import Journal, read_events
from hpo.manager.loop import Manager, Surroundings
from hpo.record.events import LegLost
from hpo.record.goal import Goal
from hpo.search.random import AsyncRandomSearch
from hpo.settings.search import HpoSettings, SlurmSettings
from hpo.space.space import read_space

START = 1_795_000_000.0
JOB = "17"


class Slurm:
    """Answers as SLURM 22.05 did for a job whose process was killed (recorded)."""

    def __init__(self, clock: SimulatedClock, skew_s: float) -> None:
        self._clock, self._skew_s = clock, skew_s
        self.died_at = float("inf")
        self.asked: list[float] = []

    def ask(self, command: Sequence[str], *, timeout_s: float = 60.0) -> str:
        dead = self._clock.now() >= self.died_at
        if command[0] == "squeue":
            self.asked.append(self._clock.now())
            word, reason = ("FAILED", "NonZeroExitCode") if dead else ("RUNNING", "None")
            return f"{JOB}|{word}|{reason}|gpu3|10:00|4G|N/A|trial_0.simulated\n"
        assert command[0] == "sacct"
        end = time.localtime(self.died_at + self._skew_s)
        return f"{JOB}|FAILED|9:0|gpu3|10:00|{time.strftime('%Y-%m-%dT%H:%M:%S', end)}\n"


@pytest.mark.parametrize(("skew_s", "at_most_s"), [(0.0, 63.0), (-7200.0, 63.0), (7200.0, 93.0)])
@pytest.mark.parametrize("after_poll_s", [1.0, 10.0, 29.0, 31.0, 45.0, 58.0])
def test_a_dead_job_is_noticed_at_the_next_poll(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after_poll_s: float,
    skew_s: float,
    at_most_s: float,
) -> None:
    defaults = HpoSettings(n_trials=1)
    layout = Layout(tmp_path / "c")
    layout.create()
    clock = SimulatedClock(START)
    answers = Slurm(clock, skew_s)
    monkeypatch.setattr(slurm, "ask", answers.ask)
    cluster = SlurmCluster(
        layout,
        "simulated",
        SeatRequest(SlurmSettings()),
        poll_s=defaults.poll_interval,
        result_grace_s=defaults.result_grace,
    )
    monkeypatch.setattr(cluster, "submit", lambda _count, **_how: [JOB])
    manager = Manager(
        Surroundings(layout, cluster, clock, lambda: False),
        Journal(layout.journal, HEADER),
        Scheduler(AsyncRandomSearch(read_space(SPACE)[0], 0), Limits(n_trials=1)),
        SeatLimits(1, 10),
        goal=Goal(),
    )
    manager.start()

    def tick_until(end: float) -> None:
        while clock.now() < end:
            manager.tick()
            clock.sleep(cluster.traits.tick_s)

    tick_until(START + 4.0)
    assert take(layout, JOB).trial_id == 0
    tick_until(START + 200.0)
    answers.died_at = answers.asked[-1] + 60.0 + after_poll_s
    tick_until(answers.died_at + 150.0)
    (lost,) = [e for e in read_events(layout.journal) if isinstance(e, LegLost)]
    assert 0.0 < lost.time - answers.died_at <= at_most_s
    if skew_s == 0.0:
        # What can be known earliest: the poll after the death, and no sooner than the grace.
        seen = min(at for at in answers.asked if at >= answers.died_at)
        assert (
            lost.time <= max(seen, answers.died_at + defaults.result_grace) + cluster.traits.tick_s
        )
    gaps = [b - a for a, b in zip(answers.asked[1:], answers.asked[2:], strict=False)]
    assert min(gaps) >= 60.0
