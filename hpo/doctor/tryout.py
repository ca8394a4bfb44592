"""One job that tries a real trial: an epoch, a checkpoint, and another epoch from there.

The job is that of a campaign in a throw-away folder, so that all it needs is tried: the request,
`env_setup`, the imports, the shared folder, users' code. The legs are offered from here, as a
manager does it. What was submitted is cancelled, and the folder removed, whatever happens.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.cluster.protocol import Cluster
from hpo.doctor.tried import Ground, Tryout
from hpo.errors import (
    HpoError,
    PollError,
    SubmissionLimitError,
)
from hpo.folder import safety, starts
from hpo.folder.attempts import read_attempt
from hpo.folder.campaign import Start
from hpo.folder.files import Layout
from hpo.folder.offers import Leg, publish_offers
from hpo.folder.reports import read_attempt_reports
from hpo.manager.opening import open_campaign
from hpo.record.result import Outcome, Result
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Cancel, Submit
from hpo.settings.spec import CampaignSpec
from hpo.units.duration import in_words

LOOK_S = 0.5  # between two looks at the files
POLL_S = 15.0  # between two looks at the queue
FIRST_POLL_S = 4.0
END_S = 30.0  # that the job may take to end by itself
TRIAL = 0

Say = Callable[[str], None]
MakeCluster = Callable[[CampaignSpec, Layout, str], Cluster]


def try_out(
    spec: CampaignSpec, config: Mapping[str, Any], executor: str, make: MakeCluster, say: Say
) -> Tryout:
    """Submit one job, wait for it, and tell what came of it.

    Args:
        spec: the campaign.
        config: the configuration of the trial that is tried.
        executor: slurm or local.
        make: the cluster for a campaign in a folder, whose jobs it names.
        say: tells a person what is waited for.

    Raises:
        HpoError: the job cannot be asked for.
        OSError: the folder cannot be made.
    """
    with _throw_away(spec) as folder:
        epochs = spec.legs().target(config, _last_rung(spec))
        goes_on = epochs is None or epochs > 1
        settings: dict[str, Any] = {"trials_per_job": 2 if goes_on else 1, "claim_timeout": 60.0}
        settings |= {"snapshot_code": False, "output_dir": str(folder)}
        trial = replace(spec, output_dir=folder, hpo=spec.hpo.model_copy(update=settings))
        layout = Layout(folder)
        _make(trial, layout)
        start = Start(executor, socket.gethostname(), "hpo doctor --job", str(Path.cwd()))
        campaign = open_campaign(trial, start, time.time())
        cluster = make(trial, layout, campaign.header.campaign)
        legs = _Legs(layout, config, epochs, goes_on=goes_on)
        legs.offer_first()
        job_ids = _submit(cluster)
        try:
            say(f"job {job_ids[0]} is submitted; Ctrl-C cancels it")
            return _Watch(layout, cluster, job_ids[0], legs, say).follow()
        finally:
            _end(cluster, job_ids)


def _last_rung(spec: CampaignSpec) -> int:
    asha = spec.asha()
    return 0 if asha is None else len(asha.levels) - 1


@contextlib.contextmanager
def _throw_away(spec: CampaignSpec) -> Iterator[Path]:
    root = spec.output_dir
    folder = root.with_name(f"{root.name}.doctor-{secrets.token_hex(3)}")
    made = [above for above in folder.parents if not above.exists()]
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for above in made:
            with contextlib.suppress(OSError):  # because somebody else put something there
                above.rmdir()


def _make(spec: CampaignSpec, layout: Layout) -> None:
    safety.set_umask(spec.hpo.sharing)
    if problems := safety.create(layout, spec.hpo.sharing):
        raise OSError("; ".join(problems))


def _submit(cluster: Cluster) -> list[str]:
    """The job, where it can be had.

    Raises:
        HpoError: it cannot.
    """
    job_ids = cluster.submit(Submit(1, 1))
    if not job_ids:
        raise SubmissionLimitError("there is no room for a job at this moment: try again later")
    return job_ids


def _end(cluster: Cluster, job_ids: list[str]) -> None:
    """Let the job end by itself for a while, then cancel it."""
    until = time.monotonic() + END_S
    try:
        while time.monotonic() < until:
            status = cluster.poll(job_ids).get(job_ids[0])
            if status is None or status.phase is not JobPhase.RUNNING:
                break
            time.sleep(FIRST_POLL_S)
    except (PollError, KeyboardInterrupt):
        pass  # it is cancelled all the same
    with contextlib.suppress(HpoError):
        cluster.change(Cancel(tuple(job_ids), "it was a try", running=True))


@dataclass(slots=True)
class _Legs:
    """The two legs of the trial, as files."""

    layout: Layout
    config: Mapping[str, Any]
    epochs: int | None
    goes_on: bool

    def offer_first(self) -> None:
        self._offer(Leg(TRIAL, 0, 0), target=1, start=0)

    def offer_second(self, reached: int) -> None:
        self._offer(Leg(TRIAL, 1, 1), target=reached + 1, start=reached)

    def _offer(self, leg: Leg, *, target: int, start: int) -> None:
        content = {
            "trial_id": leg.trial_id,
            "rung": leg.rung,
            "attempt": leg.attempt,
            "target": target,
            "final": self.epochs is not None and target >= self.epochs,
            "start": start,
            "config": dict(self.config),
        }
        publish_offers(self.layout, [(leg, content)])

    def result(self, number: int, job_id: str) -> Result | None:
        found = read_attempt(self.layout, Leg(TRIAL, number, number, job_id))
        return None if found is None else found[0]

    def saved_bytes(self) -> int | None:
        """What lies there to go on from, the user's own files counted; None: nothing."""
        folder = self.layout.trial(TRIAL)
        whole = [found.path for found in checkpoint.find(folder)[:1]]
        files = [
            path
            for root in (*whole, self.layout.users_files(TRIAL))
            for path in root.rglob("*")
            if path.is_file()
        ]
        return sum(path.stat().st_size for path in files) if files else None

    def went_on_at(self) -> int | None:
        reports = read_attempt_reports(self.layout.trial(TRIAL), 1)
        found = reports[0].get("epoch") if reports else None
        return found if isinstance(found, int) else None


class _Watch:
    """Follows the job to its end."""

    def __init__(
        self, layout: Layout, cluster: Cluster, job_id: str, legs: _Legs, say: Say
    ) -> None:
        self._layout, self._cluster, self._legs = layout, cluster, legs
        self._job_id, self._say = job_id, say
        self._begun = time.monotonic()
        self._next_poll = self._begun + FIRST_POLL_S
        self._said = ""
        self._remark_at_s = 60.0
        self._ended: float | None = None
        self._seen = Tryout(job_id, epochs=legs.epochs)

    def follow(self) -> Tryout:
        while True:
            if self._seen.first is None:
                self._look_for_first()
                if self._seen.first is not None and not self._goes_on(self._seen.first):
                    return self._seen
            elif (second := self._legs.result(1, self._job_id)) is not None:
                return replace(self._seen, second=second, went_on_at=self._legs.went_on_at())
            if trouble := self._trouble():
                return replace(self._seen, trouble=trouble)
            time.sleep(LOOK_S)

    def _look_for_first(self) -> None:
        self._look_for_start()
        first = self._legs.result(0, self._job_id)
        if first is None:
            return
        saved = self._legs.saved_bytes()
        self._seen = replace(self._seen, first=first, checkpoint_bytes=saved)

    def _look_for_start(self) -> None:
        if self._seen.node:
            return
        claimed = any(self._layout.claims.glob("trial_*"))
        if claimed or self._legs.result(0, self._job_id) is not None:
            waited = time.monotonic() - self._begun
            told = starts.ground(self._layout)
            node = str(told.get("node") or socket.gethostname())
            ground = _read_ground(told) if told else None
            self._seen = replace(self._seen, waited_s=waited, node=node, ground=ground)
            self._tell(f"the trial runs on {node}")

    def _goes_on(self, first: Result) -> bool:
        """Offer the second leg, where there is something to go on to."""
        done = first.outcome is Outcome.COMPLETED and not first.early
        if not (self._legs.goes_on and done and self._seen.checkpoint_bytes is not None):
            return False
        self._legs.offer_second(max(1, first.resource))
        self._tell("an epoch is trained and saved; now another one from there")
        return True

    def _trouble(self) -> str:
        """Why no more is to come; empty while something may."""
        for failed in starts.failed(self._layout):
            if failed.tries > 1 or failed.kind != "imports":
                said = f", after {failed.said!r}" if failed.said else ""
                return f"it cannot start on {failed.node}: {failed.why}{said}"
        now = time.monotonic()
        if now < self._next_poll:
            return ""
        self._next_poll = now + POLL_S
        try:
            status = self._cluster.poll([self._job_id]).get(self._job_id)
        except PollError as err:
            self._tell(f"SLURM does not say how the job stands: {err}")
            return ""
        if status is None:
            return ""
        if status.phase is JobPhase.QUEUED:
            self._tell(_waiting(status))
        elif self._seen.node and self._seen.first is None:
            took_s = now - self._begun - self._seen.waited_s
            if took_s >= self._remark_at_s:
                self._remark_at_s = 2 * took_s
                self._tell(f"its first epoch takes {in_words(took_s)} so far")
        if status.phase is not JobPhase.ENDED:
            return ""
        # Its last files may be seen late.
        self._ended = self._ended or now
        if now < self._ended + self._cluster.traits.result_grace_s:
            self._next_poll = now + FIRST_POLL_S
            return ""
        words = " | ".join(self._cluster.last_words(self._job_id).strip().splitlines()[-3:])
        return f"it ended without a result: {status.detail or 'no reason was given'}; {words}"

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(text)


def _waiting(status: JobStatus) -> str:
    why = f", as {status.why}" if status.why else ""
    when = ""
    if status.starts_at is not None:
        when = time.strftime("; planned for %Y-%m-%d %H:%M", time.localtime(status.starts_at))
    return f"the job waits in the queue{why}{when}"


def _read_ground(told: Mapping[str, object]) -> Ground:
    imports_s, models = told.get("imports_s"), told.get("models")
    given, driver = told.get("gpus_given"), told.get("driver")
    return Ground(
        python=str(told.get("python") or "unknown"),
        imports_s=float(imports_s) if isinstance(imports_s, (int, float)) else None,
        failed_lines=str(told.get("failed_lines") or ""),
        gpus_given=None if given is None else str(given),
        driver=None if driver is None else str(driver),
        models=tuple(map(str, models)) if isinstance(models, list) else (),
    )
