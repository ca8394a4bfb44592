"""`--fresh`: the old campaign is moved aside, never deleted, and only when nobody works on it."""

from __future__ import annotations

import time

from hpo.cli.clusters import job_gone_asker, make_cluster
from hpo.cli.signals import LeaveRequest
from hpo.errors import CampaignLockedError, PollError
from hpo.folder.campaign import stored
from hpo.folder.copies import origin
from hpo.folder.files import Layout
from hpo.manager.lock import ManagerLock
from hpo.manager.opening import move_aside, stored_name
from hpo.seats.book import JobPhase
from hpo.settings.spec import CampaignSpec


def make_room(spec: CampaignSpec, executor: str) -> None:
    """Move the campaign in the output directory aside, where there is one.

    Raises:
        CampaignLockedError: its manager or jobs of it live, or the cluster does not say.
    """
    layout = Layout(spec.output_dir)
    if not layout.campaign.exists():
        return
    lock = ManagerLock(layout)
    lock.acquire(job_gone_asker(executor))
    try:
        live = _live_jobs(layout, spec, executor)
    except PollError as err:
        raise CampaignLockedError(
            f"nobody can say whether jobs of the campaign in {layout.root} still run: {err}. "
            "Try again later"
        ) from err
    finally:
        lock.release()
    if live:
        raise CampaignLockedError(
            f"{len(live)} jobs of the campaign in {layout.root} still run or wait "
            f"({', '.join(live[:5])}…); let them finish by starting without --fresh, or cancel "
            "them first"
        )
    target = move_aside(layout, time.time())
    print(f"the old campaign lies in {target} now")  # because no log exists yet


def _live_jobs(layout: Layout, spec: CampaignSpec, executor: str) -> list[str]:
    name = stored_name(layout)
    if executor == "simulated" or name is None or origin(layout, stored(layout) or {}):
        return []  # jobs of a campaign that this is a copy of live for the other folder
    cluster, _ = make_cluster(executor, spec, layout, name, LeaveRequest())
    statuses = cluster.poll(())
    return sorted(i for i, status in statuses.items() if status.phase is not JobPhase.ENDED)
