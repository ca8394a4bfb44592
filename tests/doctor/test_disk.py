"""Room, quotas and what a filesystem does with files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_wish import WISH

from hpo.doctor import disk, quotas
from hpo.doctor.disk import Need, Probed
from hpo.doctor.machine import Machine, judge
from hpo.units.sizes import Size

GB = 10**9
NEED = Need(files=1000, bytes=10 * GB, checkpoint=None)

QUOTA = """\
Disk quotas for user me (uid 1000):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
      /dev/sda1  900000* 1000000 2000000 1790000000  10  0  0  0
fs:/home  5  0  0  0  7  0  0  0
      /dev/odd  five  0  0  0  7  0  0  0
"""
LFS = "/lustre 900000 1000000 2000000 - 10 100 200 -\n"
MMLSQUOTA = """\
mmlsquota::HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:blockUsage:\
blockQuota:blockLimit:blockInDoubt:blockGrace:filesUsage:filesQuota:filesLimit:filesInDoubt:
mmlsquota::0:1:::scratch:USR:1000:me:900000:1000000:2000000:0:none:10:0:0:0:
mmlsquota::0:1:::scratch:USR:1000:none:none:none::0:none:none:none:none:0:
other words
"""


def test_what_the_campaign_will_write_is_told_with_and_without_checkpoints() -> None:
    assert "not known yet" in str(NEED)
    assert "with checkpoints of 1.2 GB" in str(replace(NEED, checkpoint=1_200_000_000))
    assert WISH.files == 40 + 500 + 500 + 9 * 10
    assert WISH.bytes(None) == WISH.files * 4096
    assert WISH.bytes(GB) == WISH.files * 4096 + 18 * GB


@pytest.mark.parametrize(
    ("free", "inodes", "verdict"),
    [
        (100 * GB, 10**6, "ok"),
        (100 * GB, None, "ok"),
        (15 * GB, None, "warn"),
        (5 * GB, None, "fail"),
        (100 * GB, 1500, "warn"),
        (100 * GB, 10, "fail"),
    ],
)
def test_too_little_room_is_told(free: int, inodes: int | None, verdict: str) -> None:
    found = disk.space(free, inodes, NEED, "/scratch")
    assert found.verdict == verdict
    assert "free in /scratch" in found.found


@pytest.mark.parametrize(
    ("used", "soft", "hard", "verdict"),
    [
        (10 * GB, None, None, "ok"),
        (10 * GB, 100 * GB, 200 * GB, "ok"),
        (10 * GB, None, 100 * GB, "ok"),
        (85 * GB, 100 * GB, 200 * GB, "warn"),
        (120 * GB, 100 * GB, 200 * GB, "warn"),
        (195 * GB, 100 * GB, 200 * GB, "fail"),
        (195 * GB, None, 200 * GB, "fail"),
    ],
)
def test_a_quota_that_does_not_last_is_told(
    used: int, soft: int | None, hard: int | None, verdict: str
) -> None:
    quota = quotas.Quota("/scratch", used, soft, hard, 10, None, None)
    assert disk.quotas([quota], NEED, "quota").verdict == verdict


def test_a_quota_of_files_counts_too_and_the_worst_is_told() -> None:
    quota = quotas.Quota("home", 120 * GB, 100 * GB, None, 950, None, 1000)
    found = disk.quotas([quota], NEED, "quota")
    assert found.verdict == "fail"
    assert "950 files of 1000 files used on home" in found.found
    assert disk.quotas([], NEED, "quota").verdict == "ok"


def test_what_the_three_programs_print_is_read() -> None:
    (found,) = quotas.read("ext4", QUOTA, "/dev/sda1")
    expected = (900_000 * 1024, 1_000_000 * 1024, 2_000_000 * 1024, 10)
    assert (found.used, found.soft, found.hard, found.files) == expected
    (free,) = quotas.read("nfs", QUOTA, "fs:/home")
    assert (free.soft, free.hard, free.files_hard) == (None, None, None)
    assert quotas.read("ext4", QUOTA, "/dev/odd") == []
    (gpfs,) = quotas.read("gpfs", MMLSQUOTA, "scratch")
    assert (gpfs.where, gpfs.used, gpfs.soft, gpfs.hard, gpfs.files) == ("scratch", *expected)
    (lustre,) = quotas.read("lustre", LFS, "x")
    assert (lustre.used, lustre.files_soft, lustre.files_hard) == (expected[0], 100, 200)


def test_each_filesystem_is_asked_by_its_own_program() -> None:
    assert quotas.command("gpfs", "/dev/scratch", "/scratch/me", "me")[-1] == "scratch"
    assert quotas.command("lustre", "x", "/l/me", "me") == [
        "lfs",
        "quota",
        "-q",
        "-u",
        "me",
        "/l/me",
    ]
    assert quotas.command("nfs", "x", "/h", "me")[0] == "quota"


def test_a_filesystem_that_lacks_something_fails_and_a_clock_that_is_off_warns() -> None:
    good, clock = disk.files(Probed("ext4", (), 0.0))
    assert (good.verdict, clock.verdict) == ("ok", "ok")
    bad, late = disk.files(Probed("odd", (("hard link", "not permitted"),), -40.0))
    assert (bad.verdict, late.verdict) == ("fail", "warn")
    assert "40 s behind" in late.found
    _, early = disk.files(Probed("odd", (), 40.0))
    assert "40 s ahead" in early.found
    _, unknown = disk.files(Probed("odd", (), None))
    assert unknown.verdict == "unknown"
    assert disk.unwritable("/etc", "not permitted").verdict == "fail"


def test_a_umask_that_locks_its_owner_out_fails() -> None:
    assert disk.umask(0o022).verdict == "ok"
    assert disk.umask(0o777).verdict == "fail"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (15e6, "15 MB"), (2e12, "2.0 TB")],
)
def test_sizes_are_told_as_people_say_them(size: float, words: str) -> None:
    assert disk.in_bytes(size) == words


def test_a_machine_that_is_too_small_is_told() -> None:
    large = Machine(64, 1 << 20, 8)
    assert [f.verdict for f in judge(large, WISH, 1)] == ["ok", "ok", "ok"]
    small = judge(Machine(2, 100, 4), WISH, 1)
    assert [f.verdict for f in small] == ["warn", "warn", "warn"]
    assert "max_concurrent_jobs to 2" in small[0].advice
    assert "4 trials fit on 4 GPUs" in small[2].found
    assert judge(Machine(2, 100, 4), WISH, 2)[2].verdict == "ok"
    assert judge(Machine(2, 100, 0), WISH, 1)[2].verdict == "warn"
    assert judge(Machine(2, 100, 1), replace(WISH, gpus=2), 1)[2].verdict == "fail"
    least = replace(WISH, gpus=0, cpus=None, size=Size())
    assert [f.verdict for f in judge(Machine(8, 100, 0), least, 1)] == ["ok", "ok", "ok"]
