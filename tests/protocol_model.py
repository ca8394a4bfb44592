"""The claim protocol as a model: every interleaving of two jobs, a manager, and their deaths.

The jobs run `offers` and `leg.finish_leg`, the manager is `hpo.manager.Manager`: the real code, one
filesystem operation a step. States are remembered, so that each is explored once. What others
cannot notice (a temporary name, an attempt's file before its claim is done) is no reason to
interleave; before each such step there is still a crash.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from protocol_files import KNOWING, Op, Port, Processes, ProtocolError, carry_out
from protocol_programs import GRACE_OVER, JOURNAL, NO_TIME, job_program, manager_program
from protocol_world import Job, World, events_of, with_job

from hpo.folder import offers
from hpo.record import events as ev

STANDING = "/c/results/trial_0.json"


@dataclass
class Model:
    """Two jobs and a manager; `explore` finds every state that they can come to."""

    faults: int = 2
    first_outcome: str = "completed"
    jobs: int = 2
    legs: int = 1  # that a job may take
    steps: int = 0
    ends: int = 0

    def __post_init__(self) -> None:
        programs: dict[str, Callable[[Port], Any]] = {"manager": manager_program}
        for number in range(self.jobs):
            for life in (0, 1):
                programs[f"{number}.{life}"] = job_program(
                    str(number),
                    requeued=life > 0,
                    first_outcome=self.first_outcome,
                    legs=self.legs,
                )
        self.processes = Processes(programs)

    def explore(self) -> int:
        """Visit every state once, depth first, and require what must hold; how many there are."""
        first = World(
            files=((JOURNAL, ""),),
            manager=self.processes.start("manager"),
            jobs=tuple(Job(self.processes.start(f"{n}.0")) for n in range(self.jobs)),
            faults=self.faults,
        )
        came_from: dict[World, World | None] = {first: None}
        stack = [first]
        while stack:
            world = stack.pop()
            try:
                self.require(world)
                if self._is_quiet(world):
                    self.ends += 1
                    self.require_end(self._settled(world))
                for after in self.successors(world):
                    self.steps += 1
                    if after not in came_from:
                        came_from[after] = world
                        stack.append(after)
            except AssertionError as broken:
                raise ProtocolError(f"{broken}\n{self._story(world, came_from)}") from broken
        return len(came_from)

    def _story(self, world: World, came_from: Mapping[World, World | None]) -> str:
        """The schedule that led here, a line a step."""
        path = [world]
        while (before := came_from[path[-1]]) is not None:
            path.append(before)
        lines = []
        for before, after in pairwise(reversed(path)):
            if before.faults != after.faults:
                lines.append(f"  FAULT: {before.jobs} -> {after.jobs}")
            elif before.manager != after.manager:
                lines.append(f"  manager {_told(self.processes.last(after.manager))}")
            for number, (old, new) in enumerate(zip(before.jobs, after.jobs, strict=True)):
                if old.local != new.local and new.life == old.life:
                    lines.append(f"  job {number}   {_told(self.processes.last(new.local))}")
        return "\n".join(lines)

    def successors(self, world: World) -> Iterator[World]:
        op, _ = self.processes.next_op(world.manager)
        if op is not None and _is_private(op):
            yield self._manager_step(world, op)
            yield from self._manager_crash(world)
            return
        for number, job in enumerate(world.jobs):
            its_op = self._job_op(job)
            if its_op is not None and _is_private(its_op):
                yield self._job_step(world, number, its_op)
                yield from self._job_deaths(world, number)
                return
        if op is not None:
            yield self._manager_step(world, op)
            if op[0] == "tick" and op[2]:
                yield self._after_tick(world, op, GRACE_OVER)
        yield from self._manager_crash(world)
        for number, job in enumerate(world.jobs):
            its_op = self._job_op(job)
            if its_op is not None and self._may_start(world, number):
                yield self._job_step(world, number, its_op)
            yield from self._job_deaths(world, number)
            if world.faults and job.started and job.phase != "ended" and its_op is not None:
                # SLURM says that it is over, and it lives on: a late writer.
                gone = replace(job, phase="ended", cause="node_failed")
                yield replace(with_job(world, number, gone), faults=world.faults - 1)

    def _job_op(self, job: Job) -> Op | None:
        return None if job.dead else self.processes.next_op(job.local)[0]

    def _may_start(self, world: World, number: int) -> bool:
        """Two jobs are alike until one of them has moved: let that be the first."""
        return number == 0 or world.jobs[number - 1].started

    def _manager_crash(self, world: World) -> Iterator[World]:
        fresh = self.processes.start("manager")
        if world.faults and world.manager != fresh:
            yield replace(world, manager=fresh, faults=world.faults - 1)

    def _job_deaths(self, world: World, number: int) -> Iterator[World]:
        job = world.jobs[number]
        if not world.faults or not job.started or self._job_op(job) is None:
            return
        left = world.faults - 1
        yield replace(
            with_job(world, number, replace(job, dead=True, phase="ended", cause="node_failed")),
            faults=left,
        )
        if job.life == 0 and job.phase != "ended":
            again = Job(self.processes.start(f"{number}.1"), "queued", 1)
            yield replace(with_job(world, number, again), faults=left)

    def _job_step(self, world: World, number: int, op: Op) -> World:
        job = world.jobs[number]
        after, result = (world.files, True) if op[0] == "holds" else carry_out(world.files, op)
        local = self.processes.after(job.local, op, result)
        job = replace(job, local=local)
        if job.phase != "ended":  # SLURM does not change its mind
            over = self.processes.next_op(local)[0] is None
            job = (
                replace(job, phase="ended", cause="killed")
                if over
                else replace(job, phase="running")
            )
        return replace(with_job(world, number, job), files=after)

    def _manager_step(self, world: World, op: Op) -> World:
        if op[0] == "tick":
            return self._after_tick(world, op, NO_TIME)
        if op[0] == "poll":
            rows = tuple(
                (str(n), job.phase, job.cause)
                for n, job in enumerate(world.jobs)
                if job.started and (job.phase != "ended" or str(n) in op[1])
            )
            return replace(world, manager=self.processes.after(world.manager, op, rows))
        if op[0] == "cancel":
            jobs = tuple(
                replace(job, dead=True, phase="ended", cause="cancelled")
                if str(n) in op[1] and job.phase == "queued"
                else job
                for n, job in enumerate(world.jobs)
            )
            local = self.processes.after(world.manager, op, True)
            return replace(world, manager=local, jobs=jobs)
        after, result = (world.files, True) if op[0] == "round" else carry_out(world.files, op)
        return replace(world, files=after, manager=self.processes.after(world.manager, op, result))

    def _after_tick(self, world: World, op: Op, now: float) -> World:
        return replace(world, manager=self.processes.after(world.manager, op, now))

    # -------------------------------------------------------------------------------- what holds
    def require(self, world: World) -> None:
        """What must hold in every state."""
        names = dict(world.files)
        training = [
            claim
            for job in world.jobs
            if self._job_op(job) is not None
            and (claim := self.processes.claim_of(job.local)) is not None
            and claim in names
        ]
        assert len(training) <= 1, f"two claims that can both count: {training}"
        events = events_of(world)
        ended = [e for e in events if isinstance(e, ev.LegFinished)]
        assert len({e.attempt for e in ended}) == len(ended), "a result was accepted twice"
        assert sum(e.result.outcome == "completed" for e in ended) <= 1, (
            "the leg was accepted twice"
        )
        if STANDING in names:
            standing = json.loads(names[STANDING])
            shown = (standing["attempt"], standing["job_id"])
            counted = {(e.attempt, e.job_id) for e in ended}
            done = f"/c/claims/trial_0.rung_0.a{shown[0]}.job_{shown[1]}.done.json"
            assert shown in counted or done in names, f"a void attempt stands: {shown}"
            newest = max((e.attempt for e in ended), default=-1)
            published = not self._manager_owes_a_result(world)
            assert shown[0] >= newest or not published, f"{shown} replaced the result of {newest}"

    def _manager_owes_a_result(self, world: World) -> bool:
        """Between the journal's line and the result's file."""
        op, _ = self.processes.next_op(world.manager)
        return op is not None and op[0] != "tick"

    def require_end(self, world: World) -> None:
        """What must hold where nothing but another job can bring the campaign further."""
        names = dict(world.files)
        events = events_of(world)
        accepted = {(e.attempt, e.job_id) for e in events if isinstance(e, ev.LegFinished)}
        for number, job in enumerate(world.jobs):
            if not job.dead and self.processes.next_op(job.local)[1] == "counts":
                jobs = {job_id for _, job_id in accepted}
                assert str(number) in jobs, f"job {number} was told that its result counts"
        if isinstance(events[-1], ev.CampaignEnded):
            standing = json.loads(names[STANDING])
            last = max(accepted)
            assert (standing["attempt"], standing["job_id"]) == last, "the last result stands"
            assert standing["status"] == "completed"
            left = [name for name in names if name.startswith(("/c/claims/", "/c/offers/t"))]
            assert all(name.endswith(".done.json") for name in left), f"left behind: {left}"
            return
        offered = [offers.parse(name[10:]) for name in names if name.startswith("/c/offers/")]
        assert [leg for leg in offered if leg], f"the leg is lost: {sorted(names)}"

    def _is_quiet(self, world: World) -> bool:
        op, _ = self.processes.next_op(world.manager)
        return (op is None or op[0] == "tick") and all(
            self._job_op(job) is None for job in world.jobs
        )

    def _settled(self, world: World) -> World:
        """After as many ticks, and as much time, as the manager needs to find nothing more."""
        for _ in range(8):
            op, _ = self.processes.next_op(world.manager)
            if op is None:
                return world
            world = self._after_tick(world, op, GRACE_OVER)
            while (op := self.processes.next_op(world.manager)[0]) and op[0] != "tick":
                world = self._manager_step(world, op)
        return world


def _is_private(op: Op) -> bool:
    """Whether nobody else could notice this step, or change what it sees."""
    if op[0] in ("tick", "poll", "cancel"):
        return False
    if op[0] in KNOWING:
        return True
    path: str = op[2] if op[0] == "rename" else op[1]
    if op[0] == "write":
        return path == JOURNAL or path.endswith(".tmp") or path.startswith("/c/trials/")
    if op[0] == "exists":
        return not path.startswith("/c/offers/")
    if op[0] == "read":
        return path != STANDING
    return (path.startswith("/c/revoked") and op[0] != "rename") or path == "/c/leave"


def _told(step: tuple[Op, Any]) -> str:
    op, result = step
    words = [str(word) if len(str(word)) < 70 else "…" for word in op[:3]]
    return f"{' '.join(words)} -> {result!s:.90}"
