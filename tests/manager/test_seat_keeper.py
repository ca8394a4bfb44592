"""Jobs that die before they take a trial: whose fault it is decides whether the campaign stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.decisions.limits import SeatLimits
from hpo.decisions.node_blame import NodeBlame
from hpo.errors import SeatsBrokenError
from hpo.folder.files import Layout
from hpo.manager.seats.keeper import SeatKeeper
from hpo.record.causes import Cause
from hpo.record.state import CampaignState
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.settings.search import SlurmSettings

DEAD = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail="SLURM says FAILED, exit code 1:0")


class Cluster(SlurmCluster):
    """The real one, but for what squeue says."""

    def poll(self, job_ids: object) -> dict[str, JobStatus]:
        del job_ids
        return {f"7_{number}": DEAD for number in range(5)}

    def cancel_queued(self, job_ids: object) -> None:
        pass


def _five_jobs_die(tmp_path: Path, words: str) -> SeatBook:
    layout, book = Layout(tmp_path / "c"), SeatBook()
    layout.create()
    for number in range(5):
        (layout.jobs / f"7_{number}_0_log.out").write_text(words)
    request = SeatRequest(SlurmSettings())
    cluster = Cluster(layout, "search", request, poll_s=1.0, result_grace_s=1.0)
    keeper = SeatKeeper(cluster, book, SeatLimits(8, 450), NodeBlame())
    book.submitted([f"7_{number}" for number in range(5)])
    for now in (0.0, 60.0, 120.0):  # seats are buried one poll after their end
        keeper.poll_if_due(CampaignState(), now)
        keeper.stop_if_broken(CampaignState(), now)
    return book


@pytest.mark.parametrize("words", ["", "ModuleNotFoundError: torch", "my server: timed out"])
def test_jobs_that_die_of_their_environment_stop_it(tmp_path: Path, words: str) -> None:
    with pytest.raises(SeatsBrokenError, match="5 jobs in a row died"):
        _five_jobs_die(tmp_path, words)
