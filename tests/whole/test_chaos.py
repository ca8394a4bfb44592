"""The short form of `make chaos`: campaigns killed at random in virtual time and as processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chaos import in_simulation, on_processes, training
from chaos.audit import Auditor, Findings
from simulation import Campaign

ROOT = Path(__file__).resolve().parents[2]


def test_a_hundred_dead_managers_in_virtual_time(tmp_path: Path) -> None:
    total = Findings()
    for seed in range(6):
        kills, found = in_simulation.run(tmp_path / str(seed), seed, 30)
        assert kills["manager crashed"] == 30
        total.add(found)
    assert total.faults == []
    assert total.trials >= 72


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])  # ASHA with a job for each leg, and with jobs that stay
def test_killed_managers_and_seats_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    known = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(known))
    kills, found = on_processes.run(tmp_path / "project", seed=seed, kills=4)
    assert kills.total() >= 1
    assert found.faults == []
    assert found.trials == 8


@pytest.mark.slow
def test_kills_fail_no_trial_of_a_users_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(known))
    kills, found = on_processes.run_training(tmp_path / "project", 1, 4, name="script")
    assert kills.total() >= 1
    assert found.faults == []
    assert found.trials == 8


def test_a_training_code_whose_library_is_missing_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"exotic": training.Code("", needs=["no_such_library"])}
    monkeypatch.setattr(training, "CODES", training.CODES | more)
    assert {"loop", "script"} <= set(training.available())
    assert "exotic" not in training.available()
    assert (
        "LEFT OUT: training code 'exotic', which needs no_such_library" in capsys.readouterr().out
    )


def _ended_campaign(root: Path) -> Auditor:
    campaign = Campaign(root, n_trials=3)
    auditor = Auditor(root)
    campaign.run()
    return auditor


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("rm results/trial_1.json", "lost"),
        ("drop TrialCompleted", "lost"),
        ("twice LegFinished", "doubled"),
        ("touch claims/trial_1.rung_0.a0.job_9.json", "doubled"),
        ("drop CampaignEnded", "unended"),
        ("change", "undone"),
    ],
)
def test_the_auditor_finds_what_is_broken_on_purpose(
    tmp_path: Path, damage: str, kind: str
) -> None:
    auditor = _ended_campaign(tmp_path / "c")
    assert auditor.findings().faults == []
    auditor.before_kill()
    journal = tmp_path / "c" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    what, _, name = damage.partition(" ")
    if what == "rm":
        (tmp_path / "c" / name).unlink()
    elif what == "touch":
        (tmp_path / "c" / name).touch()
    elif what == "change":
        journal.write_bytes(b"".join(lines).replace(b'"lr": ', b'"lr":  ', 1))
    else:
        index = next(i for i, line in enumerate(lines) if name.encode() in line)
        lines[index : index + 1] = [] if what == "drop" else [lines[index]] * 2
        journal.write_bytes(b"".join(lines))
    assert getattr(auditor.findings(), kind)
