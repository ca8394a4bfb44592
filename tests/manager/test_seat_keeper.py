"""How orders are carried out, and what is done where the cluster does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_cluster import HandCluster

from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.decisions.limits import SeatLimits
from hpo.decisions.node_blame import NodeBlame
from hpo.errors import SeatsBrokenError
from hpo.folder.files import Layout
from hpo.manager.seats.keeper import SeatKeeper
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, apply
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Avoid, Cancel, Submit
from hpo.settings.search import SlurmSettings

DEAD = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, detail="SLURM says FAILED, exit code 1:0")


class Cluster(SlurmCluster):
    """The real one, but for what squeue says."""

    def poll(self, job_ids: object) -> dict[str, JobStatus]:
        del job_ids
        return {f"7_{number}": DEAD for number in range(5)}


def _five_jobs_die(tmp_path: Path, words: str) -> None:
    layout, book = Layout(tmp_path / "c"), SeatBook()
    layout.create()
    for number in range(5):
        (layout.jobs / f"7_{number}_0_log.out").write_text(words)
    request = SeatRequest(SlurmSettings())
    cluster = Cluster(layout, "search", request, poll_s=1.0, result_grace_s=1.0)
    keeper = SeatKeeper(cluster, book, SeatLimits(8, 450), NodeBlame())
    book.submitted([f"7_{number}" for number in range(5)], Submit(5, 5))
    for now in (0.0, 60.0, 120.0):  # seats are buried one poll after their end
        keeper.poll_if_due(CampaignState(), now)
        keeper.stop_if_broken(CampaignState(), now)


@pytest.mark.parametrize("words", ["", "ModuleNotFoundError: torch", "my server: timed out"])
def test_jobs_that_die_of_their_environment_stop_it(tmp_path: Path, words: str) -> None:
    with pytest.raises(SeatsBrokenError, match="5 jobs in a row died"):
        _five_jobs_die(tmp_path, words)


AT_ONCE = 4


def offering(count: int) -> CampaignState:
    state = CampaignState()
    for number in range(count):
        apply(state, ev.TrialDrawn(0.0, number, {"x": number}))
        apply(state, ev.LegOffered(0.0, number, 0, 0))
    return state


class Keeping:
    """A keeper on a cluster that is moved by hand."""

    def __init__(self, cluster: HandCluster, limits: SeatLimits) -> None:
        self.cluster, self.book = cluster, SeatBook()
        self.keeper = SeatKeeper(cluster, self.book, limits, NodeBlame())

    def tick(self, now: float, state: CampaignState) -> None:
        self.keeper.poll_if_due(state, now)
        self.keeper.fill(state, now)


def test_an_array_follows_another_only_once_it_is_known_what_runs() -> None:
    cluster = HandCluster(poll_s=60.0)
    keeping = Keeping(cluster, SeatLimits(AT_ONCE, 100))
    keeping.tick(0.0, offering(8))
    assert cluster.limits == {"1": AT_ONCE}
    cluster.start()  # which the manager has not heard of when it asks for more
    cluster.answers = False
    for now in (20.0, 40.0, 100.0, 300.0):
        keeping.tick(now, offering(60))
        cluster.start()
        assert len(cluster.running()) <= AT_ONCE
    cluster.answers = True
    for now in (1000.0, 1020.0, 1040.0):
        keeping.tick(now, offering(60))
    cluster.start()
    assert len(cluster.running()) == AT_ONCE
    cluster.jobs |= dict.fromkeys(["1_0", "1_1"], JobStatus(JobPhase.ENDED, ok=True))
    for now in (1100.0, 1200.0, 1300.0, 1400.0):
        keeping.tick(now, offering(60))
        cluster.start()
        assert len(cluster.running()) <= AT_ONCE
    assert len(cluster.running()) == AT_ONCE
    assert len(cluster.limits) == 2


def test_after_the_limit_was_lowered_no_more_run_than_that() -> None:
    cluster = HandCluster()
    for count, at_once in ((8, 2), (1, 1), (8, 1)):
        cluster.submit(Submit(count, at_once))
    keeping = Keeping(cluster, SeatLimits(1, 100))
    for now in (0.0, 60.0, 120.0, 180.0):
        keeping.tick(now, offering(60))
    cluster.start()
    assert len(cluster.running()) == 1
    assert {job_id.partition("_")[0] for job_id in cluster.jobs} == {"1"}


def test_what_the_cluster_refuses_is_tried_again_later_and_nothing_waits_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = HandCluster(silent_about=(Avoid,))
    keeping = Keeping(cluster, SeatLimits(AT_ONCE, 100))
    keeping.tick(0.0, offering(2))
    state = offering(9)
    apply(state, ev.NodeQuarantined(0.0, "gpu2", 1e9, "its jobs die"))
    for second in range(100):
        keeping.tick(20.0 + second, state)
    assert sum(isinstance(order, Avoid) for order in cluster.orders) == 3, "at 20, 50 and 110 s"
    assert sum(order.count for order in cluster.orders if isinstance(order, Submit)) == 9
    told = [line for line in caplog.messages if "not sure that" in line]
    assert told[0] == (
        "not sure that 2 jobs that wait keep off gpu2, trying again in 30 s: "
        "scontrol: Access/permission denied"
    )


def test_a_campaign_that_has_ended_takes_back_what_waits_at_once() -> None:
    cluster = HandCluster(silent_about=(Cancel,))
    keeping = Keeping(cluster, SeatLimits(AT_ONCE, 100))
    keeping.tick(0.0, offering(9))
    keeping.keeper.dismiss(1.0)
    assert len(cluster.jobs) == 9
    cluster.silent_about = ()
    keeping.keeper.dismiss(2.0)
    assert cluster.jobs == {}


def test_the_users_other_jobs_count_against_what_a_user_may_queue() -> None:
    def waiting(others: int, *, shared: bool = True) -> int:
        cluster = HandCluster(others=others)
        limits = SeatLimits(AT_ONCE, 450, queue_ahead=250, shared=shared)
        Keeping(cluster, limits).tick(0.0, offering(1000))
        return len(cluster.jobs)

    assert [waiting(others) for others in (0, 100, 300, 445)] == [254, 254, 150, 5]
    assert waiting(5000) == AT_ONCE, "what may run has its place"
    assert waiting(300, shared=False) == 254, "the user has said how many the campaign may have"


def test_a_requeued_seat_is_replaced_where_a_gpu_is_free() -> None:
    late = JobStatus(JobPhase.QUEUED, reason="BeginTime", begins_later=True)
    cluster = HandCluster(poll_s=60.0)
    keeping = Keeping(cluster, SeatLimits(AT_ONCE, 100))
    keeping.tick(0.0, offering(AT_ONCE))
    cluster.start()
    state = offering(AT_ONCE)
    for number in range(AT_ONCE):
        apply(state, ev.LegClaimed(1.0, number, 0, 0, f"1_{number}"))
        keeping.book.claimed(f"1_{number}", number, 1.0)
    keeping.tick(2.0, state)
    cluster.jobs["1_0"] = late
    interrupted = Result(Outcome.INTERRUPTED, None, 1, 1.0)
    apply(state, ev.LegFinished(3.0, 0, 0, 0, "1_0", interrupted))
    keeping.book.left("1_0", over=False, early=True)
    apply(state, ev.LegOffered(3.0, 0, 0, 1))
    for second in range(3, 30):
        keeping.tick(float(second), state)
        if "1_0" not in cluster.jobs:
            cluster.start()
        assert len(cluster.running()) <= AT_ONCE
    assert "1_0" not in cluster.jobs
    assert len(cluster.running()) == AT_ONCE, "long before the next poll"
