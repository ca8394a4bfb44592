"""Where a leg ended, and what the manager does with a node that breaks what it gets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, claimed, drawn, make_layout, offer_files, offered, state_after, take
from histories import write_result as write
from simulation import Campaign

from hpo.cluster.simulated.model import ClusterModel
from hpo.errors import SeatsBrokenError, SubmissionError
from hpo.folder import offers
from hpo.folder.files import Layout, publish_json
from hpo.folder.quarantine import is_quarantined
from hpo.manager.observe import Observer
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import CampaignState
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Submit

RUNNING = {"leg_time": 12.5, "training_time": 12.5, "end_time": NOW}
TEXTS: list[tuple[object, str]] = [
    ("gpu003", "gpu003"),
    ("gpu003.amarel.rutgers.edu", "gpu003.amarel.rutgers.edu"),
    ("n1,n2", ""),
    ("gpu[1-4]", ""),
    ("None assigned", ""),
    ("n1\n", ""),
    ("-v", ""),
    ("x" * 64, ""),
    ("", ""),
    (7, ""),
    (None, ""),
]


class TestWhereALegEnded:
    @pytest.fixture
    def layout(self, tmp_path: Path) -> Layout:
        layout = make_layout(tmp_path)
        offer_files(layout, 0)
        return layout

    def look(self, layout: Layout, book: SeatBook | None = None) -> ev.Event:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0), claimed(0)])
        observer = Observer(layout, book or SeatBook(), 10.0)
        (fact,) = observer.facts(state, observer.look(), NOW)
        return fact

    @pytest.mark.parametrize(("text", "node"), TEXTS)
    def test_a_result_names_it_and_its_text_is_not_trusted(
        self, layout: Layout, text: object, node: str
    ) -> None:
        claim = take(layout, "7")
        write(layout, claim, additional_info=RUNNING | {"host": text})
        offers.finish(layout, claim)
        fact = self.look(layout)
        assert isinstance(fact, ev.LegFinished)
        assert fact.result.node == node

    @pytest.mark.parametrize(("text", "node"), TEXTS)
    def test_a_lost_leg_ran_where_its_job_said_as_it_began(
        self, layout: Layout, text: object, node: str
    ) -> None:
        claim = take(layout, "7")
        layout.trial(0).mkdir()
        had = {"mem_had_mb": 768, "time_had_s": -1}
        publish_json(layout.trial(0) / "attempt-a0.json", {"job_id": "7", "host": text} | had)
        offers.fence(layout, claim)
        fact = self.look(layout)
        assert isinstance(fact, ev.LegLost)
        assert (fact.node, fact.mem_had_mb, fact.time_had_s) == (node, 768, 0)

    @pytest.mark.parametrize("content", [None, [], {"job_id": "8", "host": "n1"}])
    def test_else_where_the_cluster_says_that_the_job_ended(
        self, layout: Layout, content: Any
    ) -> None:
        claim = take(layout, "7")
        layout.trial(0).mkdir()
        publish_json(layout.trial(0) / "attempt-a0.json", content)
        offers.fence(layout, claim)
        book = SeatBook()
        book.claimed("7", 0, NOW)
        gone = JobStatus(JobPhase.ENDED, cause=Cause.NODE_FAILED, node="gpu9")
        book.take_poll({"7": gone}, NOW, vanish_s=60.0)
        fact = self.look(layout, book)
        assert isinstance(fact, ev.LegLost)
        assert (fact.node, fact.cause) == ("gpu9", "node_failed")

    def test_a_fenced_leg_of_a_job_that_came_back_and_ended_well_is_offered_again(
        self, layout: Layout
    ) -> None:
        offers.fence(layout, take(layout, "7"))
        book = SeatBook()
        book.claimed("7", 0, NOW)
        book.take_poll({"7": JobStatus(JobPhase.ENDED, Cause.KILLED, ok=True)}, NOW, vanish_s=60.0)
        fact = self.look(layout, book)
        assert isinstance(fact, ev.LegLost)
        assert fact.cause == "vanished"


class BadNode:
    """A simulated cluster on one node of which every seat dies before it looks for a leg."""

    def __init__(self, campaign: Campaign, *nodes: str) -> None:
        self.asked: list[tuple[int, list[str]]] = []
        self.refuses = False
        cluster, lives = campaign.cluster, campaign.cluster.lives
        submit, start = cluster.submit, lives.start

        def submit_avoiding(order: Submit) -> list[str]:
            self.asked.append((order.count, sorted(order.avoid)))
            if order.avoid and self.refuses:
                raise SubmissionError("Requested node configuration is not available")
            self.out = set(order.avoid)
            return submit(order)

        def start_dying(job: Any) -> None:
            start(job)
            if job.status.node in set(nodes) - self.out:
                lives.end(job, Cause.KILLED, "SLURM says FAILED")

        def last_words(job_id: str) -> str:
            del job_id
            return "loading\ncannot open the GPU"

        # On this cluster alone, because the simulator knows no node that is broken for seats.
        cluster.submit = submit_avoiding  # type: ignore[method-assign]
        lives.start = start_dying  # type: ignore[method-assign]
        cluster.last_words = last_words  # type: ignore[method-assign]


def quarantines(campaign: Campaign) -> list[str]:
    lines = campaign.journal_bytes().decode().splitlines()
    return [r["node"] for r in map(json.loads, lines) if r.get("event") == "NodeQuarantined"]


MODEL = ClusterModel(seats=8, queue_wait_s=10.0)


class TestCampaigns:
    @pytest.fixture(autouse=True)
    def _fast_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Syncing guards against machines that die, which is not what happens here."""
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)

    def test_a_bad_node_is_named_left_out_and_the_campaign_ends(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        campaign = Campaign(tmp_path / "c", model=MODEL, n_trials=40)
        bad = BadNode(campaign, "node2")
        state: CampaignState = campaign.run().state
        assert state.ended == "all trials ended"
        assert quarantines(campaign) == ["node2"]
        assert "node node2 is not used for 1 h" in caplog.text
        assert "SLURM says FAILED: cannot open the GPU" in caplog.text
        assert bad.asked[0] == (40, [])
        assert {tuple(nodes) for _, nodes in bad.asked[1:]} == {("node2",)}

    def test_seats_that_stay_are_told_of_it_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = Campaign(tmp_path / "c", model=MODEL, n_trials=40)
        BadNode(campaign, "node2")
        manager = campaign.manager()
        monkeypatch.setattr(manager, "_seats_stay", True)
        assert manager.run()
        nodes = [f"node{i}" for i in range(8)]
        assert [node for node in nodes if is_quarantined(campaign.layout, node)] == ["node2"]

    def test_a_refusal_without_the_node_is_asked_again_with_it(self, tmp_path: Path) -> None:
        campaign = Campaign(tmp_path / "c", model=MODEL, n_trials=40)
        bad = BadNode(campaign, "node2")
        bad.refuses = True
        assert campaign.run().state.ended == "all trials ended"
        assert bad.asked[-2][1] == ["node2"]
        assert bad.asked[-1][1] == []

    def test_when_seats_die_everywhere_it_is_the_environment(self, tmp_path: Path) -> None:
        campaign = Campaign(tmp_path / "c", model=MODEL, n_trials=40)
        BadNode(campaign, *(f"node{i}" for i in range(8)))
        with pytest.raises(SeatsBrokenError, match=r"in a row died before they took a trial; the"):
            campaign.run()
        assert quarantines(campaign) == []

    def test_on_the_only_node_it_is_the_environment_or_the_node(self, tmp_path: Path) -> None:
        campaign = Campaign(tmp_path / "c", model=ClusterModel(seats=1), n_trials=1)
        BadNode(campaign, "node0")
        began = campaign.clock.now()
        with pytest.raises(SeatsBrokenError, match=r"died .* all on node0; .*\n.*\n.*\n.*exclude"):
            campaign.run()
        # One seat at a time, so the pauses between them are seen: 0, 30, 60 and 120 s.
        assert campaign.clock.now() - began > 200.0
