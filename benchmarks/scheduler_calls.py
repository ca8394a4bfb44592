"""How often the scheduler is asked: this program beside submitit's own polling, for the same jobs.

    python benchmarks/scheduler_calls.py [--trials 100] [--seats 8] [--wait 30]

Random search; a trial takes 20 min (median, log-normal with sigma 0.8), a job waits `--wait` min
(mean) in the queue. Both sides run in virtual time and call the same fake sbatch, squeue, sacct and
scontrol on PATH, which count and answer as SLURM would:

- this program: the manager with its real SLURM side (one job per trial; poll_interval 60 s), the
  seats simulated; each job's `scontrol update` of its own name, from its node, is added;
- a plain submitit loop, as in its documentation: as many jobs as seats; `job.done()` of all that
  run every 10 s (what `submitit.helpers.as_completed` does by default); one ends, the next is
  submitted. Its watcher asks sacct 0, 2, 4, 8 … s after the newest submission, then every 10 min.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from unittest import mock

import numpy as np
from simulated_campaign import NAME, SimulatedCampaign, random_search

from hpo.cluster.simulated.arrival import Exponential
from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.cluster import SimulatedCluster
from hpo.cluster.simulated.model import ClusterModel
from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Change, Submit
from hpo.settings.search import SlurmSettings

EPOCHS, EPOCH_S, SPREAD = 20, 60.0, 0.8
MIN_JOB_AGE_S = 300.0  # how long squeue goes on to show what has ended
LOOK_S = 10.0  # of submitit's helpers
WORDS = {JobPhase.QUEUED: "PENDING", JobPhase.RUNNING: "RUNNING", JobPhase.ENDED: "COMPLETED"}
FAKE = """#!/bin/sh
echo {name} >> {folder}/calls
cat {folder}/{name}.answer 2>/dev/null
exit 0
"""


class FakeSlurm:
    """Programs on PATH that count, and answer with what lies in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "bin").mkdir(parents=True)
        for name in ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo"):
            program = folder / "bin" / name
            program.write_text(FAKE.format(name=name, folder=folder), encoding="utf-8")
            program.chmod(0o755)
        os.environ["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"

    def answer(self, name: str, text: str) -> None:
        """What the program prints from now on."""
        (self._folder / f"{name}.answer").write_text(text, encoding="utf-8")

    def take(self) -> Counter[str]:
        """The calls since this was last asked."""
        path = self._folder / "calls"
        calls = Counter(path.read_text(encoding="utf-8").split()) if path.exists() else Counter()
        path.unlink(missing_ok=True)
        return calls


class MirroredCluster(SimulatedCluster):
    """Simulated jobs of which the manager hears through the real SLURM side alone."""

    def attach(self, slurm: SlurmCluster, fake: FakeSlurm, clock: SimulatedClock) -> None:
        """Before the manager starts."""
        self._slurm, self._fake, self._virtual = slurm, fake, clock
        self._ended_at: dict[str, float] = {}

    def submit(self, order: Submit) -> list[str]:
        """One sbatch of the real side; the same jobs, simulated."""
        self._fake.answer("sbatch", f"Submitted batch job {self._arrays + 1}\n")
        told = self._slurm.submit(order)
        made = super().submit(order)
        # submitit makes no array of one job, and then has no number of a task.
        assert told in (made, [made[0].partition("_")[0]])
        return made

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """What the fake squeue and sacct say, as the real side understands it."""
        now = self._virtual.now()
        rows, ended = [], []
        for job_id, job in self._jobs.items():
            word = WORDS[job.phase]
            if job.phase is JobPhase.ENDED:
                since = self._ended_at.setdefault(job_id, now)
                ended.append(f"{job_id}|{word}|0:0|node1|2:00:00|Unknown")
                if now - since > MIN_JOB_AGE_S:
                    continue
            rows.append(f"{job_id}|{word}|None|node1|2:00:00|0|trial.{NAME}")
        self._fake.answer("squeue", "\n".join(rows) + "\n")
        self._fake.answer("sacct", "\n".join(ended) + "\n")
        return self._slurm.poll(job_ids)

    def change(self, order: Change) -> None:
        """Both."""
        self._slurm.change(order)
        super().change(order)


def ours(root: Path, fake: FakeSlurm, trials: int, model: ClusterModel) -> tuple[float, Counter]:
    """Virtual hours, and the calls."""
    campaign = SimulatedCampaign(root, model, kind=MirroredCluster)
    cluster, clock = campaign.cluster, campaign.clock
    request = SeatRequest(SlurmSettings(time="2:00:00"))
    slurm = SlurmCluster(campaign.layout, NAME, request, poll_s=60.0, result_grace_s=30.0)
    assert isinstance(cluster, MirroredCluster)
    cluster.attach(slurm, fake, clock)
    scheduler = Scheduler(random_search(EPOCHS, model.seed), Limits(n_trials=trials))
    manager = campaign.manager(scheduler, SeatLimits(model.seats, 450))
    with mock.patch("hpo.cluster.slurm.times.time") as virtual:
        virtual.time.side_effect = virtual.monotonic.side_effect = clock.now
        assert manager.run()
    assert len(cluster.lives.use.legs_run) == trials
    calls = fake.take()
    calls["scontrol"] += cluster.lives.use.started  # each job gives itself the name of its trial
    return clock.now() / 3600.0, calls


def submitit_loop(
    root: Path, fake: FakeSlurm, trials: int, model: ClusterModel
) -> tuple[float, Counter]:
    """The same trials on as many jobs at once, the next submitted when one has ended."""
    import submitit
    from submitit.core import core

    now, states, running = 0.0, {}, {}

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    ends: dict[str, tuple[float, float]] = {}
    executor = submitit.SlurmExecutor(folder=root)
    executor.update_parameters(time=120)
    left = list(range(trials))[::-1]
    with mock.patch.object(core, "_time") as virtual:
        virtual.time.side_effect, virtual.sleep.side_effect = lambda: now, sleep
        while left or running:
            while left and len(running) < model.seats:
                trial_id = left.pop()
                fake.answer("sbatch", f"Submitted batch job {trial_id + 1}\n")
                job = executor.submit(time.sleep, 1)
                starts = now + model.wait_s(trial_id + 1, 0, 0, 0)
                took = model.start_s + EPOCHS * model.epoch_of_trial_s(trial_id)
                ends[job.job_id] = (starts, starts + took)
                running[job.job_id] = job
            for job_id, (starts, end) in ends.items():
                word = "PENDING" if now < starts else "RUNNING"
                states[job_id] = word if now < end else "COMPLETED"
            rows = "\n".join(f"{job_id}|{word}|node1" for job_id, word in states.items())
            fake.answer("sacct", f"JobID|State|NodeList\n{rows}\n")
            for job_id, job in list(running.items()):
                if now >= ends[job_id][1]:
                    job.paths.result_pickle.touch()
                if job.done():
                    del running[job_id]
            now += LOOK_S
    return now / 3600.0, fake.take()


def main() -> None:
    """Run both sides and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seats", type=int, default=8)
    parser.add_argument("--wait", type=float, default=30.0, help="mean, min")
    arguments = parser.parse_args()
    model = ClusterModel(
        seats=arguments.seats,
        arrival=Exponential(60.0 * arguments.wait),
        straggle=0.1,
        epoch_s=EPOCH_S,
        epoch_spread=SPREAD,
        poll_s=60.0,
        tick_s=2.0,
    )
    programs = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo")
    print("".join(f"{word:>10}" for word in ("", "hours", *programs, "all", "all/h", "all/trial")))
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeSlurm(Path(folder) / "slurm")
        for name, side in (("this", ours), ("submitit", submitit_loop)):
            hours, calls = side(Path(folder) / name, fake, arguments.trials, model)
            total = calls.total()
            cells = [f"{hours:.1f}", *(str(calls[program]) for program in programs), str(total)]
            cells += [f"{total / hours:.0f}", f"{total / arguments.trials:.1f}"]
            print("".join(f"{cell:>10}" for cell in (name, *cells)), flush=True)
    waits = [model.wait_s(array, 0, 0, 0) for array in range(1, 1000)]
    print(
        f"{arguments.trials} trials, {arguments.seats} seats, waits of {np.mean(waits) / 60:.0f} "
        f"min; Python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main()
