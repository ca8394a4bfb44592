"""What becomes of simulated jobs: they wait, start, look for legs, train, are struck, and end.

Owns the times at which that happens. Holds no limit (`simulated_jobs`) and no assumption about the
cluster (`simulated_model`); a leg is carried out by `simulated_training`, in one moment, once its
time has passed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.jobs import RunningLeg, SeatQueue, SeatUse, SimulatedJob
from hpo.cluster.simulated.model import ClusterModel
from hpo.cluster.simulated.training import LegRunner
from hpo.folder import offers
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout
from hpo.folder.patience import StorageTrouble
from hpo.job.orders import LegSettings
from hpo.record.causes import Cause
from hpo.record.result import Outcome
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.stay import Stay
from hpo.units.sizes import Size, limit_s, warning_s

LOOK_S = 5.0  # between two looks of a seat that found no offer
DEFAULT_EPOCHS = 10  # of a trial that does not say how many it has


class SeatLives:
    """All jobs of one simulated cluster, from their submission to their end; times in s.

    Attributes:
        live: jobs that wait or run, by their id.
        use: what the seats were used for.
    """

    def __init__(
        self,
        layout: Layout,
        clock: SimulatedClock,
        model: ClusterModel,
        settings: LegSettings,
        load: Callable[[], Callable[..., Any]],
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._model = model
        self._claim_timeout = settings.claim_timeout
        self._runner = LegRunner(layout, settings, load)
        self._queue = SeatQueue(model.room)
        self.live: dict[str, SimulatedJob] = {}
        self.use = SeatUse()

    @property
    def running(self) -> int:
        """Jobs that hold a seat now."""
        return self._queue.running

    def charged_s(self) -> float:
        """Seat time so far, that of running jobs included."""
        running = [job for job in self.live.values() if job.phase is JobPhase.RUNNING]
        return self.use.held_s + sum(self._clock.now() - job.started_at for job in running)

    def limit_array(self, array: int, at_once: int) -> None:
        """Let at most `at_once` jobs of the array run from now on; what runs already goes on."""
        for job in self.live.values():
            if job.array == array:
                job.at_once = at_once
        self._queue.release(array, at_once)
        self._start_eligible()

    def submit(self, job: SimulatedJob) -> None:
        """The job waits from now on."""
        self.live[job.job_id] = job
        self._enqueue(job, self._wait_s(job))

    def shrink(self, job: SimulatedJob, size: Size) -> None:
        """The job, which waits, asks for less from now on."""
        now, before_s = self._clock.now(), self._wait_s(job)
        job.resize(size)
        if job.eligible_at > now and before_s > 0.0:
            share = min(1.0, self._wait_s(job) / before_s)
            job.eligible_at = now + (job.eligible_at - now) * share
            self._clock.at(job.eligible_at, partial(self._arrive, job))

    def _wait_s(self, job: SimulatedJob) -> float:
        return self._model.wait_s(job.array, job.number, job.lives, job.size.time_min)

    def _enqueue(self, job: SimulatedJob, wait_s: float) -> None:
        job.phase = JobPhase.QUEUED
        job.status = job.in_phase(JobPhase.QUEUED, reason="Priority")
        # What a former life held is lost, and told as such: else nobody would count how often.
        if self._model.bound_at_submission and job.lives == 0:
            self._bind(job)
        job.eligible_at = self._clock.now() + wait_s
        self._clock.at(job.eligible_at, partial(self._arrive, job))

    def _bind(self, job: SimulatedJob) -> None:
        """Take a leg now and wait with it; without one the job looks again when it starts."""
        try:
            job.bound = self._claim(job)
        except OSError:
            job.bound = None  # as a submission that failed; the job may still start
        if job.bound is not None:
            job.status = job.in_phase(JobPhase.RUNNING)

    def _claim(self, job: SimulatedJob) -> tuple[offers.Leg, dict[str, Any]] | None:
        memory, time_s = self._memory_mb(job), job.time_s(self._clock.now())
        return offers.claim_best(self._layout, job.job_id, mem_mb=memory, time_s=time_s)

    def _memory_mb(self, job: SimulatedJob) -> int:
        return self._model.mem_mb if job.size.mem_mb is None else job.size.mem_mb

    def _arrive(self, job: SimulatedJob) -> None:
        if job.phase is JobPhase.QUEUED:
            self._queue.arrive(job)
            self._start_eligible()

    def _start_eligible(self) -> None:
        while (job := self._queue.next()) is not None:
            self.start(job)

    def start(self, job: SimulatedJob) -> None:
        """A life of the job begins."""
        now = self._clock.now()
        self.use.starts(now)
        job.phase, job.lives, job.started_at = JobPhase.RUNNING, job.lives + 1, now
        job.leg, job.last_trial, job.leaving = None, None, False
        job.stay = Stay(self._model.legs_per_job, leave_at=_leave_at(job))
        job.status = job.in_phase(JobPhase.RUNNING, node=f"node{job.number % 8}")
        ready = now + self._model.start_s
        self._clock.at(ready, partial(self._look, job, job.lives, ready + self._claim_timeout))
        self._schedule_strikes(job)

    def _schedule_strikes(self, job: SimulatedJob) -> None:
        """When this life will be signalled or killed, if nothing ends it before."""
        preempted_s, failed_s = self._model.strikes_s(job.array, job.number, job.lives)
        start, leave_at = job.started_at, job.stay.leave_at
        strikes = [
            (start + preempted_s, Cause.PREEMPTED, start + (preempted_s + self._model.grace_s)),
            (start + failed_s, Cause.NODE_FAILED, start + failed_s),
        ]
        if leave_at is not None:
            strikes.insert(0, (leave_at, Cause.TIME_LIMIT, _end_at(job)))
        for at, cause, killed_at in strikes:
            if killed_at < math.inf:
                self._clock.at(at, partial(self._strike, job, job.lives, cause, killed_at))

    def _lives(self, job: SimulatedJob, life: int) -> bool:
        return life == job.lives and job.phase is JobPhase.RUNNING

    def _look(self, job: SimulatedJob, life: int, deadline: float) -> None:
        if not self._lives(job, life):
            return
        now = self._clock.now()
        taken, job.bound = job.bound, None
        try:
            if life > 1 and job.stay.legs == 0 and taken is None:
                offers.give_back(self._layout, job.job_id)
            if stop_request.stands(self._layout):
                self.end(job, Cause.KILLED, "the campaign was stopped", ok=True)
                return
            if job.stay.legs and (why := job.stay.why_no_time(now)) is not None:
                self.end(job, Cause.KILLED, why, ok=True)
                return
            if taken is None:
                taken = self._claim(job)
        except OSError as err:
            self.end(job, Cause.STORAGE, str(err))
            return
        if taken is not None:
            self._train(job, *taken)
        elif now >= deadline:
            self.end(job, Cause.KILLED, "found no offer", ok=True)
        else:
            self._clock.at(min(now + LOOK_S, deadline), partial(self._look, job, life, deadline))

    def _train(self, job: SimulatedJob, claim: offers.Leg, offer: Mapping[str, Any]) -> None:
        model, now = self._model, self._clock.now()
        stays = job.last_trial == claim.trial_id
        job.stay.took()
        job.last_trial = claim.trial_id
        job.leg = leg = RunningLeg(
            claim,
            offer,
            claimed_at=now,
            begin=now + (0.0 if stays else model.load_s),
            epoch_s=model.epoch_of_trial_s(claim.trial_id),
            epochs=max(1, (offer.get("target") or DEFAULT_EPOCHS) - offer.get("start", 0)),
        )
        first = (job.array, job.number, job.lives)
        random = model.random(*first) if job.stay.legs == 1 else model.random(*first, job.stay.legs)
        fate = float(random.random())
        cut = now + (leg.end - now) * float(random.random())
        if fate < model.preemption_rate:
            self._clock.at(cut, partial(self._lose, job, leg, Cause.PREEMPTED, 0))
        elif fate < model.preemption_rate + model.failure_rate:
            self._clock.at(cut, partial(self._lose, job, leg, Cause.NODE_FAILED, 0))
        elif model.memory_of_trial_mb(claim.trial_id) > self._memory_mb(job):
            self._clock.at(cut, partial(self._lose, job, leg, Cause.OUT_OF_MEMORY, 0))
        else:
            self._clock.at(leg.end, partial(self._finish, job, leg, leg.epochs))

    def _strike(self, job: SimulatedJob, life: int, cause: Cause, killed_at: float) -> None:
        """The job's life is to end: it saves and leaves if an epoch ends in time, or dies."""
        if not self._lives(job, life) or (job.leaving and cause is not Cause.NODE_FAILED):
            return
        job.leaving = True
        leg = job.leg
        if leg is None:
            self._leave(job, cause)
            return
        next_epoch = leg.done_by(self._clock.now()) + 1
        next_at = leg.begin + next_epoch * leg.epoch_s
        if next_at > killed_at:
            epochs = leg.done_by(killed_at)
            self._clock.at(killed_at, partial(self._lose, job, leg, cause, epochs))
        elif next_epoch < leg.epochs:
            self._clock.at(next_at, partial(self._finish, job, leg, next_epoch, cause))
        # Else it gets to its target first, and ends there.

    def _finish(
        self, job: SimulatedJob, leg: RunningLeg, epochs: int, asked: Cause | None = None
    ) -> None:
        """The leg gets to its target, or leaves before it because it was asked to."""
        if job.leg is not leg:
            return  # it was lost, or cancelled, or left before
        job.leg = None
        now = self._clock.now()
        self.use.spent(leg, now)
        try:
            if epochs == leg.epochs:
                outcome = self._runner.finish(job, leg, partial(self._goes_on, job))
            else:
                self._runner.interrupt(job, leg, epochs)
                outcome = Outcome.INTERRUPTED
        except StorageTrouble as err:
            self.end(job, Cause.STORAGE, str(err))
            return
        self.use.trained(leg, now)
        job.stay.ended(outcome, now - leg.claimed_at, now)
        if asked is not None:
            self._leave(job, asked)
        elif job.leaving or job.stay.over is not None:
            self.end(job, Cause.KILLED, job.stay.over or "it was asked to leave", ok=True)
        else:
            self._look(job, job.lives, now + self._claim_timeout)

    def _goes_on(self, job: SimulatedJob, outcome: Outcome) -> bool:
        """Whether the seat means to take another leg after one that ends so now."""
        return not (job.leaving or job.stay.why_last(outcome, self._clock.now()))

    def _lose(self, job: SimulatedJob, leg: RunningLeg, cause: Cause, epochs: int) -> None:
        if job.leg is not leg:
            return  # cancelled, or it left before
        job.leg = None
        self.use.spent(leg, self._clock.now())
        with contextlib.suppress(StorageTrouble):  # then what it had saved is gone with it
            self._runner.kill(job, leg, epochs)
        self._leave(job, cause)

    def _leave(self, job: SimulatedJob, cause: Cause) -> None:
        """The life is over: back into the queue after a preemption, else the job ends."""
        if cause is Cause.PREEMPTED:
            self._stop_holding(job)
            again_s = self._wait_s(job) if self._model.preemptions_per_hour else 0.0
            self._enqueue(job, self._model.requeue_s + again_s)
            self._start_eligible()
        else:
            self.end(job, cause, _WORDS[cause])

    def _stop_holding(self, job: SimulatedJob) -> None:
        self.use.left(job, self._clock.now())
        self._queue.leave(job)

    def end(self, job: SimulatedJob, cause: Cause, detail: str, *, ok: bool = False) -> None:
        """The job is over; others may start in its place."""
        if job.phase is JobPhase.RUNNING:
            self._stop_holding(job)
        job.phase, job.leg = JobPhase.ENDED, None
        node = job.status.node
        job.status = JobStatus(JobPhase.ENDED, cause=cause, detail=detail, ok=ok, node=node)
        self.live.pop(job.job_id, None)
        self._start_eligible()


def _leave_at(job: SimulatedJob) -> float | None:
    """When a job that starts now is asked to leave; None: it has no limit."""
    if job.size.time_min is None:
        return None
    return max(job.started_at, _end_at(job) - warning_s(job.size.time_min))


def _end_at(job: SimulatedJob) -> float:
    """When a job that starts now is at its limit; infinite: it has none."""
    seconds = limit_s(job.size.time_min)
    return math.inf if seconds is None else job.started_at + seconds


_WORDS = {
    Cause.TIME_LIMIT: "it reached its time limit",
    Cause.NODE_FAILED: "its node failed",
    Cause.OUT_OF_MEMORY: "it needed more memory than it had",
}
