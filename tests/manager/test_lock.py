"""One manager per campaign, also over hosts and job lives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from histories import NOW, make_layout

from hpo.errors import CampaignLockedError, JournalForkError
from hpo.folder.files import Layout, publish_json, read_json
from hpo.folder.journal import Header, Journal
from hpo.manager.lock import NAMELESS_S, Holder, ManagerLock, this_process
from hpo.record.events import CampaignStarted

ELSEWHERE = Holder("node042", 4711, "900", 0, "abcdef", NOW)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def nobody_asked(job_id: str) -> bool | None:
    raise AssertionError(job_id)


def answer(gone: bool | None) -> Callable[[str], bool | None]:
    def is_job_gone(job_id: str) -> bool | None:
        assert job_id == ELSEWHERE.job_id
        return gone

    return is_job_gone


def hold_from_elsewhere(layout: Layout, holder: Holder = ELSEWHERE) -> None:
    """The two files that a manager on another host leaves when it dies."""
    layout.lock.write_text(f"{holder.pid}\n{holder.host}\n")
    publish_json(layout.lock.with_suffix(".json"), asdict(holder))


def lock_of_job(layout: Layout, job_id: str | None, restarts: int = 0) -> ManagerLock:
    lock = ManagerLock(layout)
    lock.holder = replace(lock.holder, job_id=job_id, restarts=restarts)
    return lock


def test_a_campaign_is_free_again_after_its_manager_left(layout: Layout) -> None:
    for _ in range(2):
        lock = ManagerLock(layout)
        lock.acquire(nobody_asked)
        assert asdict(lock.holder) == read_json(layout.lock.with_suffix(".json"))
        lock.guard()
        lock.release()
        assert not layout.lock.exists()


def test_a_second_manager_is_refused_and_told_who_is_there(layout: Layout) -> None:
    first = ManagerLock(layout)
    first.acquire(nobody_asked)
    second = ManagerLock(layout)
    with pytest.raises(CampaignLockedError) as refused:
        second.acquire(nobody_asked)
    message = str(refused.value)
    assert f"process {os.getpid()} on {first.holder.host}" in message
    assert f"remove {layout.lock}" in message
    assert refused.value.exit_code == 3
    first.guard()
    first.release()


def test_the_refusal_names_the_job_of_the_other_manager(layout: Layout) -> None:
    hold_from_elsewhere(layout)
    with pytest.raises(CampaignLockedError, match="process 4711 on node042, SLURM job 900, since"):
        lock_of_job(layout, "901").acquire(answer(False))


def test_a_manager_of_this_host_that_was_killed_is_followed_at_once(layout: Layout) -> None:
    program = (
        "import os, sys; from pathlib import Path; "
        "from hpo.folder import files; from hpo.manager import lock\n"
        "held = lock.ManagerLock(files.Layout(Path(sys.argv[1])))\n"
        "held.acquire(lambda _: None)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = str(Path(sys.modules["hpo"].__path__[0]).parent)
    environ = os.environ | {"PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", program, str(layout.root)], env=environ, check=False)
    assert layout.lock.exists()
    lock = ManagerLock(layout)
    lock.acquire(nobody_asked)
    lock.guard()
    lock.release()


class TestALockThatNamesNobody:
    """Its manager died between two system calls: it had made the lock and not yet written it."""

    def test_is_taken_over_once_nobody_can_be_writing_it_any_more(self, layout: Layout) -> None:
        layout.lock.touch()
        waited: list[float] = []
        lock = ManagerLock(layout, waited.append)
        lock.acquire(nobody_asked)
        assert sum(waited) == NAMELESS_S
        lock.guard()
        lock.release()

    def test_also_where_an_earlier_manager_has_left_its_record(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        layout.lock.write_bytes(b"")
        lock = ManagerLock(layout, lambda _: None)
        lock.acquire(nobody_asked)
        lock.release()

    @pytest.mark.parametrize("first", ["the lock", "the record"])
    def test_is_respected_if_it_names_somebody_after_a_while(
        self, layout: Layout, first: str
    ) -> None:
        layout.lock.touch()

        def sleep(seconds: float) -> None:
            if first == "the record":
                publish_json(layout.manager, asdict(ELSEWHERE))
            else:
                hold_from_elsewhere(layout)

        with pytest.raises(CampaignLockedError, match="node042"):
            ManagerLock(layout, sleep).acquire(answer(False))


class TestOnAnotherHost:
    def test_a_manager_whose_job_is_gone_is_followed(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        lock = lock_of_job(layout, "901")
        lock.acquire(answer(True))
        lock.guard()
        lock.release()

    def test_a_manager_whose_job_lives_is_respected(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        with pytest.raises(CampaignLockedError, match="still known to SLURM"):
            lock_of_job(layout, "901").acquire(answer(False))
        assert layout.lock.exists()

    def test_without_an_answer_of_slurm_nobody_takes_over(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        with pytest.raises(
            CampaignLockedError, match="SLURM could not be asked whether its job is gone"
        ):
            lock_of_job(layout, "901").acquire(answer(None))
        assert layout.lock.exists()

    def test_a_manager_outside_slurm_is_never_declared_dead(self, layout: Layout) -> None:
        hold_from_elsewhere(layout, replace(ELSEWHERE, job_id=None))
        with pytest.raises(CampaignLockedError, match="no SLURM job"):
            lock_of_job(layout, "901").acquire(nobody_asked)

    def test_a_requeued_manager_follows_its_own_former_life(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        lock = lock_of_job(layout, "900", restarts=1)
        lock.acquire(nobody_asked)
        lock.guard()
        lock.release()

    @pytest.mark.parametrize("restarts", [0, 1])
    def test_two_managers_in_one_life_of_a_job_do_not_get_along(
        self, layout: Layout, restarts: int
    ) -> None:
        hold_from_elsewhere(layout, replace(ELSEWHERE, restarts=1))
        with pytest.raises(CampaignLockedError, match="this job's other process"):
            lock_of_job(layout, "900", restarts).acquire(nobody_asked)

    @pytest.mark.parametrize("record", ["{", "[]", "5", '{"host": "x"}', '{"hots": 1}'])
    def test_an_unreadable_record_is_no_permission(self, layout: Layout, record: str) -> None:
        hold_from_elsewhere(layout)
        layout.lock.with_suffix(".json").write_text(record)
        with pytest.raises(CampaignLockedError, match="its record cannot be read"):
            lock_of_job(layout, "901").acquire(nobody_asked)

    def test_of_two_followers_the_slower_one_is_refused(self, layout: Layout) -> None:
        hold_from_elsewhere(layout)
        faster = lock_of_job(layout, "902")

        def asked_slowly(job_id: str) -> bool | None:
            faster.acquire(answer(True))
            return True

        with pytest.raises(CampaignLockedError, match=r"SLURM job 902.*it was faster"):
            lock_of_job(layout, "901").acquire(asked_slowly)
        faster.guard()
        faster.release()


class TestGuard:
    def test_a_manager_that_was_taken_over_writes_nothing_more(self, layout: Layout) -> None:
        lock = ManagerLock(layout)
        lock.acquire(nobody_asked)
        journal = Journal(layout.journal, Header("c", "d"), guard=lock.guard)
        before = layout.journal.read_bytes()
        hold_from_elsewhere(layout)
        with pytest.raises(JournalForkError, match="process 4711 on node042, SLURM job 900") as e:
            journal.append([CampaignStarted(NOW)])
        assert e.value.exit_code == 3
        assert layout.journal.read_bytes() == before

    def test_leaving_after_that_does_not_free_the_other_managers_lock(self, layout: Layout) -> None:
        lock = ManagerLock(layout)
        lock.acquire(nobody_asked)
        layout.lock.unlink()
        hold_from_elsewhere(layout)
        lock.release()
        assert layout.lock.exists()

    def test_a_record_that_cannot_be_read_just_now_stops_nobody(self, layout: Layout) -> None:
        lock = ManagerLock(layout)
        lock.acquire(nobody_asked)
        layout.lock.with_suffix(".json").write_text("")
        lock.guard()
        lock.release()


def test_a_process_knows_its_job_and_its_life() -> None:
    holder = this_process({"SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "3"})
    assert (holder.job_id, holder.restarts, holder.pid) == ("12", 3, os.getpid())
    plain = this_process({"SLURM_RESTART_COUNT": ""})
    assert (plain.job_id, plain.restarts) == (None, 0)
    assert plain.nonce != holder.nonce
    assert re.fullmatch(r"process \d+ on \S+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(plain))
