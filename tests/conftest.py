"""Fixtures that every test folder shares: a real SLURM, and folders with awkward names."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings
from people import NO_USERS, People, give, some_people, why_not

# Of invented inputs `make test` tries few and `make test-long` many (--hypothesis-profile=long).
settings.register_profile("few", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=1000, deadline=None)
settings.load_profile("few")

# Hundreds of campaigns that nobody looks at; the tests of the page have it written themselves.
os.environ.setdefault("HPO_NO_REPORT", "1")
# Workers share the cores; threads of theirs that wait for each other took ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

START_CLUSTER = Path(__file__).parent / "slurm" / "start_cluster.sh"
NO_SLURM = "NO REAL SLURM:"
NO_DISK = "NO DISK TO FILL:"
NO_BROWSER = "NO BROWSER:"


@dataclass(frozen=True)
class RealSlurm:
    """A SLURM that answers; `conf` is its slurm.conf."""

    conf: Path

    def run(self, *args: str, check: bool = True, timeout: float = 60) -> str:
        """Run a SLURM command and return its stdout, e.g. `run("squeue", "-h")`."""
        done = subprocess.run(
            args, env=self.env(), capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode != 0:
            # CalledProcessError would hide stderr, which is all that explains the failure.
            raise RuntimeError(f"{args} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def env(self) -> dict[str, str]:
        """Return the environment for a process that is to use this cluster."""
        # The tests may themselves run in a job, whose variables would set options of new jobs.
        prefixes = ("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_", "SACCT_", "SINFO_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
        return {**kept, "SLURM_CONF": str(self.conf)}


@pytest.fixture(scope="session")
def slurm() -> Iterator[RealSlurm]:
    """Give a running SLURM; all pytest-xdist workers share it, and it stays up afterwards."""
    conf = _ambient_conf() if os.environ.get("HPO_TEST_SLURM") == "ambient" else None
    conf = conf or _own_conf()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(conf))
        yield RealSlurm(conf)


@pytest.fixture(autouse=True)
def _turns_on_the_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests that disturb the whole cluster (`alone`) run beside no other one on it."""
    if "slurm" not in request.fixturenames:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    with (Path(tempfile.gettempdir()) / "hpo-slurm-tests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def _ambient_conf() -> Path | None:
    """Return the slurm.conf of the cluster that this machine belongs to, if it answers."""
    try:
        done = subprocess.run(
            ["scontrol", "ping"], capture_output=True, text=True, timeout=60, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 or " is UP" not in done.stdout:
        return None
    return Path(os.environ.get("SLURM_CONF", "/etc/slurm/slurm.conf"))


def _own_conf() -> Path:
    """Start the cluster of the tests, or return the slurm.conf of the one already running."""
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        pytest.skip(f"{NO_SLURM} only root on Debian or Ubuntu can start one")
    # Long enough to install the packages.
    done = subprocess.run(
        [str(START_CLUSTER)], capture_output=True, text=True, timeout=1200, check=False
    )
    if done.returncode != 0:
        reason = f"{NO_SLURM} start_cluster.sh failed:\n{done.stderr[-2000:]}"
        if os.environ.get("HPO_REQUIRE_SLURM") == "1" or os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    export = done.stdout.splitlines()[-1]
    return Path(export.removeprefix("export SLURM_CONF="))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that want the cluster to themselves come last, when the others need it no more."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("invented")
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly when the tests against a real SLURM did not run."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if NO_SLURM in str(r.longrepr)]
    undone = [r for r in terminalreporter.stats.get("skipped", []) if NO_DISK in str(r.longrepr)]
    for left_out in terminalreporter.stats.get("skipped", []):
        if NO_USERS in str(left_out.longrepr):
            text = "!!! THE TESTS WITH SEVERAL USERS OF ONE MACHINE DID NOT RUN !!!"
            terminalreporter.write_line(text, red=True, bold=True)
            break
    unseen = [r for r in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(r.longrepr)]
    if unseen:
        text = f"!!! {len(unseen)} TEST(S) OF THE REPORT IN A BROWSER DID NOT RUN !!!"
        terminalreporter.write_line(text, red=True, bold=True)
    if undone:
        text = f"!!! {len(undone)} TEST(S) WITH A REALLY FULL DISK DID NOT RUN !!!"
        terminalreporter.write_line(text, red=True, bold=True)
    if skipped:
        terminalreporter.write_line(
            f"!!! {len(skipped)} TEST(S) AGAINST A REAL SLURM DID NOT RUN !!!", red=True, bold=True
        )


@dataclass(frozen=True)
class SmallDisk:
    """A filesystem of 2 MB, which a test may fill up and empty again."""

    root: Path

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.root / "filler").open("ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError as err:
                    assert err.errno == errno.ENOSPC  # noqa: PT017  # because it comes in the end

    def make_room(self) -> None:
        """As a user who deletes something."""
        (self.root / "filler").unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Give a disk that can really be full; only root can make one."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(root)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip(f"{NO_DISK} there is no mount")
    if done.returncode != 0:
        pytest.skip(f"{NO_DISK} {done.stderr.strip()}")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], timeout=60, check=True)


@pytest.fixture(scope="session")
def _people() -> Iterator[People]:
    if reason := why_not():
        pytest.skip(f"{NO_USERS} {reason}")
    with some_people() as people:
        yield people


@pytest.fixture
def people(_people: People) -> Iterator[People]:
    """Give three users of this machine, and a folder that all of them may enter."""
    folder = _people.scratch / "test"
    folder.mkdir(mode=0o755)
    yield replace(_people, scratch=folder)
    shutil.rmtree(folder)


@pytest.fixture
def place(people: People) -> Path:
    """Give a folder of the owner's that nobody else can write."""
    folder = people.scratch / "owners"
    folder.mkdir()
    return give(folder, people)


@pytest.fixture
def weird_tmp_path(tmp_path: Path) -> Path:
    """Give a folder whose name breaks careless quoting in shell scripts."""
    folder = tmp_path / """it's a "weird" name"""
    folder.mkdir()
    return folder
