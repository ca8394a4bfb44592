"""Legs as files: whoever's rename succeeds has the leg, and nobody else."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from histories import make_layout, offer_files, take
from hypothesis import given
from hypothesis import strategies as st

import hpo
from hpo.folder import offers
from hpo.folder.files import Layout
from hpo.folder.offers import Leg

nodes = st.just("") | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,11}", fullmatch=True)
job_ids = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
legs = st.builds(
    Leg,
    st.integers(0, 10**6),
    st.integers(0, 20),
    st.integers(0, 99),
    st.none() | job_ids,
    st.booleans(),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    nodes,
).map(lambda leg: leg if leg.job_id else leg._replace(done=False))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(legs)
def test_a_file_name_tells_the_whole_leg(leg: Leg) -> None:
    assert offers.parse(leg.name) == leg


@given(st.text(max_size=40) | st.sampled_from([".trial_1.rung_0.a0.json.tmp", "trial_1.json"]))
def test_other_files_are_no_legs(name: str) -> None:
    assert offers.parse(name) is None


class TestClaiming:
    def test_the_best_offer_is_the_highest_rung_and_then_the_oldest_trial(
        self, layout: Layout
    ) -> None:
        offer_files(layout, 10, 9, 2)
        offer_files(layout, 30, rung=1)
        taken = [take(layout, f"j{i}").trial_id for i in range(4)]
        assert taken == [30, 2, 9, 10]
        assert offers.claim_best(layout, "late") is None

    def test_the_claim_names_the_job_and_carries_the_offer(self, layout: Layout) -> None:
        offer_files(layout, 17)
        claim, offer = offers.claim_best(layout, "123_4") or (None, {})
        assert claim == Leg(17, 0, 0, "123_4")
        assert offer["target"] == 9
        assert names(layout.claims) == ["trial_17.rung_0.a0.job_123_4.json"]
        assert names(layout.offers) == []

    def test_files_that_are_no_offers_are_left_alone(self, layout: Layout) -> None:
        (layout.offers / "notes.txt").write_text("mine")
        (layout.offers / ".trial_1.rung_0.a0.json.tmp").write_text("{")
        assert offers.claim_best(layout, "1") is None
        assert len(names(layout.offers)) == 2

    @pytest.mark.parametrize("torn", ['{"trial_id"', "", "[]", "{}", '{"config": 3}', "[" * 10**5])
    def test_an_offer_torn_by_the_file_server_keeps_its_job_from_taking_another(
        self, layout: Layout, torn: str
    ) -> None:
        offer_files(layout, 1, 2)
        whole = (layout.offers / Leg(1, 0, 0).name).read_text()
        (layout.offers / Leg(1, 0, 0).name).write_text(torn)
        for again in (False, True):
            with pytest.raises(OSError, match="cannot be read"):
                offers.claim_best(layout, "7", again=again)
        assert names(layout.offers) == [Leg(2, 0, 0).name]
        (layout.claims / Leg(1, 0, 0, "7").name).write_text(whole)  # it was only late
        claim, _ = offers.claim_best(layout, "7", again=True) or (None, {})
        assert claim == Leg(1, 0, 0, "7")

    def test_a_folder_that_cannot_be_read_is_no_news(self, layout: Layout) -> None:
        layout.offers.rmdir()
        assert offers.claim_best(layout, "7") is None
        with pytest.raises(OSError, match="offers"):
            offers.list_legs(layout.offers)

    def test_many_processes_at_once_take_each_offer_exactly_once(self, layout: Layout) -> None:
        offer_files(layout, *range(120))
        program = (
            "import sys; from pathlib import Path; from hpo.folder import offers, files\n"
            "layout = files.Layout(Path(sys.argv[1])); sys.stdin.read(1)\n"
            "while taken := offers.claim_best(layout, sys.argv[2]): print(taken[0].trial_id)\n"
        )
        jobs = [
            subprocess.Popen(
                [sys.executable, "-c", program, str(layout.root), f"job{i}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(Path(hpo.__file__).parents[1])},
            )
            for i in range(8)
        ]
        for job in jobs:
            assert job.stdin is not None
            job.stdin.write("go")
            job.stdin.flush()
        taken = Counter(int(line) for job in jobs for line in job.communicate()[0].split())
        assert taken == Counter(range(120))
        assert [job.returncode for job in jobs] == [0] * 8
        assert len(names(layout.claims)) == 120

    def test_many_threads_at_once_take_each_offer_exactly_once(self, layout: Layout) -> None:
        offer_files(layout, *range(200))
        taken: Counter[int] = Counter()
        start = threading.Barrier(8)

        def seat(job_id: str) -> None:
            mine = []
            start.wait()
            while found := offers.claim_best(layout, job_id):
                mine.append(found[0].trial_id)
            taken.update(mine)

        seats = [threading.Thread(target=seat, args=(f"t{i}",)) for i in range(8)]
        for thread in seats:
            thread.start()
        for thread in seats:
            thread.join()
        assert taken == Counter(range(200))


class TestGivingBack:
    def test_a_requeued_job_offers_its_leg_as_the_next_attempt(self, layout: Layout) -> None:
        offer_files(layout, 3)
        claim = take(layout, "7")
        assert offers.give_back(layout, "7") == [Leg(3, 0, 1)]
        assert not offers.is_held(layout, claim)
        assert take(layout, "8") == Leg(3, 0, 1, "8")

    def test_only_its_own_unfinished_legs_are_given_back(self, layout: Layout) -> None:
        offer_files(layout, 1, 2, 3)
        others, done = take(layout, "7_1"), take(layout, "7")
        offers.finish(layout, done)
        mine = take(layout, "7")
        assert offers.give_back(layout, "7") == [Leg(mine.trial_id, 0, 1)]
        assert offers.is_held(layout, others)
        assert names(layout.claims) == [others.name, done._replace(done=True).name]

    def test_giving_back_twice_raises_the_attempt_once(self, layout: Layout) -> None:
        offer_files(layout, 1)
        take(layout, "7")
        offers.give_back(layout, "7")
        assert offers.give_back(layout, "7") == []
        assert names(layout.offers) == ["trial_1.rung_0.a1.json"]


class TestFencing:
    def test_a_fenced_job_cannot_finish(self, layout: Layout) -> None:
        offer_files(layout, 1)
        claim = take(layout, "7")
        assert offers.is_held(layout, claim)
        assert offers.fence(layout, claim)
        assert not offers.is_held(layout, claim)
        assert not offers.finish(layout, claim)
        assert offers.give_back(layout, "7") == []

    def test_a_finished_claim_cannot_be_fenced(self, layout: Layout) -> None:
        offer_files(layout, 1)
        claim = take(layout, "7")
        assert offers.finish(layout, claim)
        assert not offers.fence(layout, claim)
        assert names(layout.claims) == ["trial_1.rung_0.a0.job_7.done.json"]

    def test_of_fence_and_finish_at_once_exactly_one_wins(self, layout: Layout) -> None:
        offer_files(layout, *range(100))
        claims = [take(layout, "7") for _ in range(100)]
        won: dict[str, list[bool]] = {}

        def act(name: str) -> None:
            start.wait()
            won[name] = [getattr(offers, name)(layout, claim) for claim in claims]

        start = threading.Barrier(2)
        rivals = [threading.Thread(target=act, args=(name,)) for name in ("fence", "finish")]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert [a != b for a, b in zip(won["fence"], won["finish"], strict=True)] == [True] * 100
        assert won["fence"].count(True) == len(names(layout.revoked))
        assert won["finish"].count(True) == len(names(layout.claims))

    def test_of_claim_and_revocation_at_once_exactly_one_wins(self, layout: Layout) -> None:
        offer_files(layout, *range(100))
        revoked: list[int] = []
        start = threading.Barrier(2)

        def revoke() -> None:
            start.wait()
            revoked.extend(i for i in range(100) if offers.revoke_offer(layout, Leg(i, 0, 0)))

        manager = threading.Thread(target=revoke)
        manager.start()
        start.wait()
        taken = []
        while found := offers.claim_best(layout, "7"):
            taken.append(found[0].trial_id)
        manager.join()
        assert sorted(taken + revoked) == list(range(100))

    def test_a_claim_counts_as_held_while_the_file_server_is_away(
        self, layout: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any, **__: Any) -> None:
            raise PermissionError

        with monkeypatch.context() as patch:
            patch.setattr(Path, "stat", away)
            assert offers.is_held(layout, Leg(1, 0, 0, "7"))

    def test_discarding_a_leg_twice_does_no_harm(self, layout: Layout) -> None:
        offer_files(layout, 1)
        for _ in range(2):
            offers.discard(layout.offers, Leg(1, 0, 0))
        assert names(layout.offers) == []


class TestRenamesThatLie:
    """A retried NFS request reports an error for a rename that its first try carried out."""

    def test_a_rename_that_happened_counts_although_an_error_was_reported(
        self, layout: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rename = os.rename

        def lie(source: Path, target: Path) -> None:
            rename(source, target)
            raise FileNotFoundError

        offer_files(layout, 1, 2)
        monkeypatch.setattr(os, "rename", lie)
        assert take(layout, "7") == Leg(1, 0, 0, "7")
        assert offers.give_back(layout, "7") == [Leg(1, 0, 1)]
        claim = take(layout, "8")
        assert offers.finish(layout, claim)
        assert not offers.fence(layout, claim)
        assert offers.revoke_offer(layout, Leg(2, 0, 0))

    def test_a_rename_that_did_not_happen_does_not_count(
        self, layout: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_source: Path, _target: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        offer_files(layout, 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", refuse)
            with pytest.raises(OSError, match="No space"):
                offers.claim_best(layout, "7")
            with pytest.raises(OSError, match="No space"):
                offers.claim_best(layout, "7", again=True)
        assert names(layout.claims) == []
        assert take(layout, "7").trial_id == 1
