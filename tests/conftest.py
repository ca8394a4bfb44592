"""Fixtures that every test folder shares: a real SLURM, and folders with awkward names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

START_CLUSTER = Path(__file__).parent / "slurm" / "start_cluster.sh"
NO_SLURM = "NO REAL SLURM:"


@dataclass(frozen=True)
class SlurmCluster:
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
def slurm() -> Iterator[SlurmCluster]:
    """Give a running SLURM; all pytest-xdist workers share it, and it stays up afterwards."""
    conf = _ambient_conf() if os.environ.get("HPO_TEST_SLURM") == "ambient" else None
    conf = conf or _own_conf()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(conf))
        yield SlurmCluster(conf)


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly when the tests against a real SLURM did not run."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if NO_SLURM in str(r.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f"!!! {len(skipped)} TEST(S) AGAINST A REAL SLURM DID NOT RUN !!!", red=True, bold=True
        )


@pytest.fixture
def weird_tmp_path(tmp_path: Path) -> Path:
    """Give a folder whose name breaks careless quoting in shell scripts."""
    folder = tmp_path / """it's a "weird" name"""
    folder.mkdir()
    return folder
