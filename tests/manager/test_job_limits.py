"""There are never more jobs than allowed, whatever happens to jobs, polls and managers."""

from __future__ import annotations

from collections import Counter
from random import Random

from hand_cluster import DONE, HandCluster
from hypothesis import given
from hypothesis import strategies as st

from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import ComingLeg
from hpo.decisions.node_blame import NodeBlame
from hpo.manager.seats.keeper import SeatKeeper
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import CampaignState, apply
from hpo.seats.book import JobPhase, JobStatus, SeatBook

KILLED = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail="SLURM says FAILED")
ACTIONS = {
    "start": 12, "claim": 6, "end": 4, "kill": 1, "requeue": 1, "vanish": 1, "offer": 2, "fill": 4
}  # fmt: skip


@given(seed=st.integers(0, 2**32))
def test_there_are_never_more_jobs_than_allowed_whatever_happens_to_them(seed: int) -> None:
    random = Random(seed)
    at_once, max_queued = random.randint(1, 6), random.randint(1, 25)
    offered, to_come = random.randrange(40), random.randrange(20)
    queue_ahead = random.choice([None, 0, 3])
    restarts = random.random() < 0.3
    steps = [
        (action, random.randrange(60), random.choice([0, 0, 0, 6144, 9216]))
        for action in random.choices(list(ACTIONS), list(ACTIONS.values()), k=150)
    ]
    # The keeper may know less than is true.
    cluster = HandCluster(poll_s=random.choice([0.0, 20_000.0]))
    limits = SeatLimits(at_once, max_queued, 4096, queue_ahead)
    state, needs = CampaignState(), Counter({0: offered})
    seats = SeatBook()
    keeper: SeatKeeper | None = None
    now = 0.0
    for action, which, size in [("fill", 0, 0), *steps, ("fill", 0, 0)]:
        now += 1000.0
        live = cluster.live()
        job = live[which % len(live)] if live else None
        runs = job is not None and cluster.jobs[job].phase is JobPhase.RUNNING
        if action == "offer":
            needs[size] += which % 5
        elif action == "start" and job is not None and not runs and cluster.may_start(job):
            cluster.jobs[job] = JobStatus(JobPhase.RUNNING, size=cluster.jobs[job].size)
        elif action == "claim" and runs and job is not None:
            has_mb = cluster.jobs[job].size.mem_mb or 0
            fits = [need for need in needs if needs[need] and need <= has_mb]
            if fits and job in seats.seats and seats.seats[job].trial_id is None:
                needs[max(fits)] -= 1
                seats.claimed(job, which, now)
        elif action in ("end", "kill") and runs and job is not None:
            cluster.jobs[job] = DONE if action == "end" else KILLED
            seats.left(job, over=True)
        elif action == "requeue" and runs and job is not None:
            cluster.jobs[job] = JobStatus(JobPhase.QUEUED, size=cluster.jobs[job].size)
            seats.left(job, over=False)
        elif action == "vanish" and job is not None:
            del cluster.jobs[job]
        elif action == "fill":
            if restarts or keeper is None:
                held = {i: s.trial_id for i, s in seats.seats.items() if s.trial_id is not None}
                seats = SeatBook()
                keeper = SeatKeeper(cluster, seats, limits, NodeBlame())
                for job_id, trial_id in held.items():
                    seats.claimed(job_id, trial_id, now)
            state = _offering(needs)
            for again in range(8):  # each does no more than is safe by what it knows
                before = dict(cluster.jobs)
                keeper.poll_if_due(state, now + again)
                keeper.fill(state, now + again, to_come={ComingLeg(0, None): to_come})
            assert cluster.jobs == before, "what was asked for is neither taken back nor repeated"
        assert len(cluster.live()) <= max_queued
        assert len(cluster.running()) <= at_once


def _offering(needs: Counter[int]) -> CampaignState:
    """A campaign with so many offers by the memory that they need."""
    state = CampaignState()
    for number, mem_mb in enumerate(needs.elements()):
        apply(state, ev.TrialDrawn(0.0, number, {"x": number}))
        apply(state, ev.LegOffered(0.0, number, 0, 0, mem_mb=mem_mb))
    return state
