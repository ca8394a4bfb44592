"""What becomes of jobs that wait when settings are edited: changed in their places, or anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.cluster.slurm.edits import Edits, asked, edits, keep
from hpo.folder.files import Layout
from hpo.settings.slurm import SlurmSettings

OLD: dict[str, Any] = {"partition": "main", "time": "10", "mem": "1G", "gpus": 1, "qos": "a"}


def edited(**changes: Any) -> Edits:
    return edits(SlurmSettings(**OLD), SlurmSettings(**(OLD | changes)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Edits()),
        ({"env_setup": ["a"], "python": ["x"], "env_setup_strict": False}, Edits()),
        ({"partition": "gpu", "qos": "b"}, Edits(words=("Partition=gpu", "QOS=b"))),
        ({"constraint": "ampere", "exclude": "n1"}, Edits(("Features=ampere", "ExcNodeList=n1"))),
        ({"gpus": 2, "gpu_type": "a100"}, Edits(words=("Gres=gpu:a100:2",))),
        ({"mem": "2G"}, Edits(sizes=("MinMemoryNode=2048",))),
        ({"time": "40"}, Edits(time_min=40, is_longer=True)),
        ({"time": "5"}, Edits(time_min=5)),
        ({"time": "0:10:00"}, Edits()),  # the same in other words
        ({"qos": None}, Edits(anew=("qos",))),  # nobody knows the default
        ({"cpus_per_task": 2, "gpus": 0}, Edits(anew=("cpus_per_task", "gpus"))),
        ({"extra": {"nice": 5}}, Edits(anew=("extra",))),
        ({"mem": None}, Edits(anew=("mem",))),
    ],
)
def test_what_slurm_can_change_in_its_place(changes: dict[str, Any], expected: Edits) -> None:
    assert edited(**changes) == expected
    assert bool(expected) == (expected != Edits())


def test_the_settings_that_jobs_were_asked_for_with_are_kept_until_they_were_changed(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path / "c")
    layout.create()
    old, new = SlurmSettings(**OLD), SlurmSettings(**(OLD | {"time": "40"}))
    # Of a version that wrote down no others than those of its last start.
    assert asked(layout, OLD, new) == old
    assert asked(layout, None, new) == old  # a start that was cut short
    keep(layout, new)
    assert asked(layout, OLD, new) == new
    layout.asked.unlink()
    assert asked(layout, {"no such": 1}, new) == new
