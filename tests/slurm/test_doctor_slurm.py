"""`hpo doctor` on a real SLURM: each check is seen to fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

CONFIG = """\
space: {lr: "loguniform(1e-4, 1e-1)", max_epochs: 2}
slurm: {partition: main, time: "0:10:00", mem: 500M, gpus: 1}
hpo: {n_trials: 4, max_concurrent_jobs: 2, objective: "train.py:objective"}
"""
TRAIN = """
def objective(config, trial):
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=config["lr"])
"""
ACCOUNT = f"doctored{os.getpid()}"  # because several of these tests run at once


@pytest.fixture
def folder(slurm: RealSlurm, tmp_path: Path) -> Path:
    del slurm
    (tmp_path / "search.yaml").write_text(CONFIG)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.fixture
def account(slurm: RealSlurm) -> Iterator[str]:
    """An account of this test alone, with tight limits."""
    limits = ["MaxSubmitJobs=3", "MaxJobs=1", "MaxTRES=gres/gpu=1", "MaxWall=00:05:00"]
    slurm.run("sacctmgr", "-iQ", "add", "account", ACCOUNT, check=False)
    slurm.run("sacctmgr", "-iQ", "add", "user", "root", f"Account={ACCOUNT}", *limits, check=False)
    yield ACCOUNT
    slurm.run("sacctmgr", "-iQ", "delete", "user", "root", f"Account={ACCOUNT}", check=False)
    slurm.run("sacctmgr", "-iQ", "delete", "account", ACCOUNT, check=False)


@pytest.fixture
def qos(slurm: RealSlurm, account: str) -> Iterator[str]:
    """A QOS of this test alone, which lets a user have one GPU and three jobs."""
    name = f"doctored{os.getpid()}"
    limits = ["MaxSubmitJobsPerUser=3", "MaxTRESPerUser=gres/gpu=1", "MaxWall=00:30:00"]
    slurm.run("sacctmgr", "-iQ", "add", "qos", name, *limits, check=False)
    user = ["user", "root", "where", f"Account={account}", "set", f"QOS=normal,{name}"]
    slurm.run("sacctmgr", "-iQ", "modify", *user, "MaxSubmitJobs=-1", "MaxJobs=-1", "MaxWall=-1")
    yield name
    slurm.run("sacctmgr", "-iQ", "delete", "qos", name, check=False)


@pytest.fixture
def maintenance(slurm: RealSlurm) -> Iterator[str]:
    """All nodes, in 40 hours: far beyond what the jobs of other tests ask for."""
    name = f"doctored{os.getpid()}"
    begins = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 40 * 3600))
    slurm.run(
        *("scontrol", "create", "reservation", f"reservationname={name}", f"starttime={begins}"),
        *("duration=60", "user=root", "flags=maint,ignore_jobs", "nodes=ALL"),
    )
    yield name
    slurm.run("scontrol", "delete", f"reservationname={name}", check=False)


def doctor(folder: Path, *settings: str, **environment: str) -> dict[str, dict[str, Any]]:
    """The worst of each check, by its name; exit code 2 where something fails, else 0."""
    options = [word for word in settings if word.startswith("--")]
    changes = [word for word in settings if word not in options]
    options += ["--set", *changes] if changes else []
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "doctor", "--config", "search.yaml", "--json", *options],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,  # for a job that waits while other tests have the GPUs
    )
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout)
    order = ["ok", "unknown", "warn", "fail"]
    ranked = sorted(told["checks"], key=lambda one: order.index(one["verdict"]))
    assert done.returncode == (2 if ranked[-1]["verdict"] == "fail" else 0), ranked
    assert all(one["do"] for one in ranked if one["verdict"] in ("warn", "fail"))
    return {one["check"]: one for one in ranked}


def test_a_sound_campaign_is_told_so(folder: Path) -> None:
    found = doctor(folder)
    assert not [one for one in found.values() if one["verdict"] == "fail"]
    well = (
        "slurm",
        "partition",
        "account",
        "gpus",
        "mem",
        "cpus",
        "request",
        "time",
        "maintenance",
    )
    assert {name: found[name]["verdict"] for name in well} == dict.fromkeys(well, "ok")
    assert found["accounting"]["verdict"] == "ok"
    assert "main: REQUEUE" in found["preemption"]["found"]


@pytest.mark.parametrize(
    ("setting", "check", "words"),
    [
        ("slurm.partition=mian", "partition", "did you mean main"),
        ("slurm.account=nobodys", "account", "you have no account nobodys"),
        ("slurm.qos=golden", "request", "qos"),
        ("slurm.gpus=5", "gpus", "more than 2"),
        ("slurm.gpu_type=h100", "gpus", "no node"),
        ("slurm.mem=900G", "mem", "more than 250G"),
        ("slurm.cpus_per_task=65", "cpus", "more than 64"),
        ("slurm.constraint=volta", "request", "feature"),
        ('slurm.env_setup=["source /no/such/file"]', "env_setup", "/no/such/file"),
        ("hpo.objective=elsewhere:objective", "objective", "elsewhere"),
    ],
)
def test_what_slurm_would_refuse_fails(folder: Path, setting: str, check: str, words: str) -> None:
    found = doctor(folder, setting)[check]
    assert found["verdict"] == "fail", found
    assert words in found["found"]


def test_what_slurm_would_cut_is_told(folder: Path) -> None:
    found = doctor(folder, "slurm.time=10-00:00:00", "hpo.checkpoint_interval=0")
    assert found["time"]["verdict"] == "warn"
    assert "3-00:00:00" in found["time"]["do"]
    assert found["preemption"]["verdict"] == "warn"


def test_an_array_that_is_too_large_for_the_cluster_is_told(folder: Path) -> None:
    settings = ("hpo.n_trials=5000", "hpo.max_queued_jobs=2000", "hpo.max_concurrent_jobs=1500")
    found = doctor(folder, *settings)["array size"]
    assert found["verdict"] == "warn"
    assert "1001" in found["found"]


def test_limits_of_an_account_are_told(folder: Path, account: str) -> None:
    found = doctor(folder, f"slurm.account={account}")
    assert found["account"]["verdict"] == "ok"
    assert found["jobs"]["verdict"] == "warn"
    assert account in found["jobs"]["found"]
    assert found["time"]["verdict"] == "fail"  # 10 minutes are asked for, 5 are allowed
    two = doctor(folder, f"slurm.account={account}", "slurm.gpus=2")
    assert two["gpu limit"]["verdict"] == "fail"


def test_limits_of_a_qos_are_told(folder: Path, account: str, qos: str) -> None:
    found = doctor(folder, f"slurm.account={account}", f"slurm.qos={qos}", "slurm.time=60")
    assert found["request"]["verdict"] in ("ok", "fail")  # SLURM itself may see the time
    assert f"QOS {qos}" in found["jobs"]["found"]
    assert f"QOS {qos}" in found["gpu limit"]["found"]
    assert found["time"]["verdict"] == "fail"


def test_a_maintenance_that_cuts_the_time_is_told(folder: Path, maintenance: str) -> None:
    assert doctor(folder)["maintenance"]["verdict"] == "ok"
    found = doctor(folder, "slurm.time=2-00:00:00")["maintenance"]
    assert found["verdict"] == "warn"
    assert maintenance in found["found"]


def test_a_quota_that_is_used_up_fails(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tools = tmp_path_factory.mktemp("tools")
    device = subprocess.run(
        ["df", "--output=source", str(folder)], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    row = f"{device} 1000 1000 1000 0 10 0 0 0"
    (tools / "quota").write_text(f"#!/bin/sh\necho '{row}'\nexit 1\n")
    (tools / "quota").chmod(0o755)
    found = doctor(folder, PATH=f"{tools}:{os.environ['PATH']}")["quota"]
    assert found["verdict"] == "fail"


def test_a_slurm_that_does_not_answer_fails(folder: Path) -> None:
    found = doctor(folder, SLURM_CONF="/no/such/slurm.conf")["slurm"]
    assert found["verdict"] == "fail"
    assert "/no/such/slurm.conf" in found["found"]


def test_a_job_is_tried_and_nothing_is_left(folder: Path) -> None:
    found = doctor(folder, "--job")
    assert {found[name]["verdict"] for name in ("job", "its python", "epoch")} == {"ok"}
    assert "gpu" in found["job"]["found"]
    # The nodes of the tests give numbers of GPUs, and have none.
    assert found["its gpu"]["verdict"] == "warn"
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != "_") == [
        "search.yaml",
        "train.py",
    ]


def test_what_fails_on_the_node_alone_is_told(folder: Path) -> None:
    line = '[ -z "$SLURM_JOB_ID" ] || cat /no/such/module'
    found = doctor(folder, "--job", f"slurm.env_setup={json.dumps([line])}")
    assert found["env_setup"]["verdict"] == "ok"
    assert found["job"]["verdict"] == "fail"
    assert "/no/such/module" in found["job"]["found"]


def test_ctrl_c_cancels_the_job_and_removes_its_folder(slurm: RealSlurm, folder: Path) -> None:
    before = set(slurm.run("squeue", "-h", "-o", "%i").split())
    command = [sys.executable, "-m", "hpo", "doctor", "--config", "search.yaml", "--job"]
    extra = 'slurm.extra={"begin": "now+1hour"}'
    with subprocess.Popen(
        [*command, "--set", extra], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as child:  # fmt: skip
        assert child.stderr is not None
        line = next(line for line in child.stderr if "is submitted" in line)
        job_id = line.split()[1]
        assert "waits in the queue" in next(iter(child.stderr))
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=60) == 75
    assert job_id not in before
    assert job_id not in slurm.run("squeue", "-h", "-o", "%i").split()
    assert not list(folder.glob("**/*doctor*"))
