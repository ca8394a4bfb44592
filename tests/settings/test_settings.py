"""Settings: strict types, SLURM's times and sizes, and what makes two campaigns the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hpo.cluster.slurm.request import SeatRequest
from hpo.settings.search import HpoSettings, SlurmSettings
from hpo.settings.spec import CampaignSpec
from hpo.space.domains import loguniform
from hpo.space.space import read_space
from hpo.units.slurm import parse_memory_mb, parse_time_min


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2:00:00", 120),
        (90, 90),
        ("90", 90),
        ("10:30", 11),
        ("0:01", 1),
        ("1-12", 36 * 60),
        ("1-00:30", 24 * 60 + 30),
        ("2-00:00:01", 2 * 24 * 60 + 1),
        (" 00:59:59 ", 60),
    ],
)
def test_times_are_read_as_slurm_reads_them(text: str | int, minutes: int) -> None:
    assert SlurmSettings.model_validate({"time": text}).time_min == minutes


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(1, 59))
def test_a_time_is_never_rounded_down(hours: int, minutes: int, seconds: int) -> None:
    text = f"{hours}:{minutes:02}:{seconds:02}"
    assert parse_time_min(text) == 60 * hours + minutes + 1


@pytest.mark.parametrize("time", ["two hours", "1:2:3:4", "", "0", 0, -5, True, 1.5, None, "1-"])
def test_other_times_are_refused_with_an_example(time: object) -> None:
    with pytest.raises(ValidationError, match=r"time such as '2:00:00'|longer than 0"):
        SlurmSettings.model_validate({"time": time})


@pytest.mark.parametrize(
    ("text", "megabytes"), [("16G", 16384), ("16gb", 16384), ("1500K", 2), ("1T", 1048576)]
)
def test_memory_has_a_unit(text: str, megabytes: int) -> None:
    assert SlurmSettings(mem=text).mem_mb == parse_memory_mb(text) == megabytes


@pytest.mark.parametrize("mem", ["16", 16, "0G", "lots", "1.5G", True, False])
def test_other_sizes_are_refused_with_an_example(mem: object) -> None:
    with pytest.raises(ValidationError, match="a size with a unit, such as '16G'"):
        SlurmSettings.model_validate({"mem": mem})


def test_memory_is_raised_to_half_as_much_more_unless_said_otherwise() -> None:
    assert SlurmSettings(mem="4G").max_mem_mb == 6144
    assert SlurmSettings(mem="4G", max_mem="4G").max_mem_mb == 4096
    assert SlurmSettings(mem="4G", max_mem="20G").max_mem_mb == 20480
    with pytest.raises(ValidationError, match="must be at least `mem`, 4G, not 2G"):
        SlurmSettings(mem="4G", max_mem="2G")
    with pytest.raises(ValidationError, match="with a unit"):
        SlurmSettings(max_mem="20")


def test_time_and_memory_may_be_learned_up_to_a_limit() -> None:
    learned = SlurmSettings(time="auto", mem="auto")
    assert (learned.learns_time, learned.time_min) == (True, 120)
    assert (learned.learns_mem, learned.mem_mb, learned.max_mem_mb) == (True, 8192, 8192)
    wide = SlurmSettings(time="auto", max_time="1-0", mem="auto", max_mem="20G")
    assert (wide.time_min, wide.mem_mb, wide.max_mem_mb) == (1440, 20480, 20480)
    fixed = SlurmSettings()
    assert not fixed.learns_time
    assert not fixed.learns_mem


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time": "2:00:00", "max_time": "4:00:00"}, "goes with `time: auto` only"),
        ({"max_time": "4:00:00"}, "`time` is 2:00:00, so leave it out"),
        ({"time": "auto", "max_time": "4"}, "must be at least 5 minutes"),
        ({"time": "auto", "max_time": "auto"}, "must be a time such as"),
        ({"time": "Auto"}, "must be a time such as"),
        ({"mem": "auto", "max_mem": "auto"}, "must be a size with a unit"),
    ],
)
def test_limits_of_what_is_learned_that_make_no_sense_are_refused(
    wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        SlurmSettings(**wrong)


def test_defaults() -> None:
    slurm, hpo = SlurmSettings(), HpoSettings(n_trials=50)
    assert (slurm.time_min, slurm.mem, slurm.cpus_per_task, slurm.gpus) == (120, "4G", 1, 0)
    assert (hpo.max_concurrent_jobs, hpo.mode, hpo.metric) == (4, "min", "validation_error")


def test_whole_numbers_do_where_any_number_does() -> None:
    assert HpoSettings(n_trials=1, poll_interval=5, max_wallclock_time=3600).poll_interval == 5.0


def test_one_setup_line_or_many() -> None:
    one = SlurmSettings.model_validate({"env_setup": "source activate x"})
    assert one.env_setup == ["source activate x"]
    assert SlurmSettings(env_setup=["a", "b"]).env_setup == ["a", "b"]


def test_paths_may_be_path_objects() -> None:
    paths = {"output_dir": Path("a/b"), "pythonpath": [Path("src")]}
    hpo = HpoSettings.model_validate({"n_trials": 1} | paths)
    assert (hpo.output_dir, hpo.pythonpath) == ("a/b", ["src"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_trials": "50"},
        {"n_trials": True},
        {"n_trials": 0},
        {"n_trials": 2.0},
        {"seed": -1},
        {"poll_interval": "60"},
        {"poll_interval": True},
        {"poll_interval": 0.5},
        {"poll_interval": float("inf")},
        {"max_wallclock_time": 0},
        {"mode": "minimum"},
        {"metric": ""},
        {"objective": "train"},
        {"objective": "train:not a name"},
        {"objective": print},
        {"points_to_evaluate": {"lr": 1}},
        {"pythonpath": "src"},
        {"n_trails": 3},
    ],
)
def test_wrong_search_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HpoSettings(**({"n_trials": 1} | wrong))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"--reservation": "x"}, "without dashes, 'reservation'"),
        ({"cpus_per_task": 4}, "set 'cpus_per_task' instead"),
        ({"mem": "4G"}, "set 'mem' instead"),
        ({"nice": None}, "must be text, a number or true"),
        ({"signal": "B:USR1@30"}, "'signal' cannot be set, because it tells the trials"),
        ({"output": "logs/%j.out"}, "the jobs' logs are looked for in `jobs/`"),
        ({"array": "0-3"}, "seats are asked for as arrays"),
        ({"requeue": False}, "a preempted job comes back by itself: leave it out"),
        ({"no_requeue": True}, "a preempted job comes back by itself"),
        ({3: 4}, "without dashes"),
        ([], "dictionary"),
    ],
)
def test_wrong_extra_options_are_refused(extra: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SlurmSettings.model_validate({"extra": extra})


def test_extra_options_keep_their_types() -> None:
    extra = {"reservation": "course", "nice": 100, "exclusive": True, "requeue": True}
    assert SlurmSettings.model_validate({"extra": extra}).extra == extra


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    space, problems = read_space({"lr": loguniform(1e-4, 1e-2), "batch_size": [32, 64]})
    assert problems == []
    return CampaignSpec(
        name="mlp",
        source=tmp_path / "mlp.py",
        space=space,
        slurm=SlurmSettings(),
        hpo=HpoSettings(n_trials=3),
        objective="train:objective",
        pythonpath=(str(tmp_path),),
        output_dir=tmp_path / "out",
    )


def test_a_spec_is_written_as_plain_data(spec: CampaignSpec) -> None:
    document = json.loads(json.dumps(spec.to_json(), allow_nan=False))
    assert document == spec.to_json()
    assert document["digest"] == spec.digest()
    assert document["hpo"]["n_trials"] == 3
    assert document["slurm"]["mem"] == "4G"
    assert document["space"]["lr"] == {"type": "loguniform", "low": 1e-4, "high": 1e-2}
    assert replace(spec, source=None).to_json()["source"] is None


def test_the_digest_follows_what_is_searched_and_not_how(spec: CampaignSpec) -> None:
    same = replace(
        spec,
        hpo=HpoSettings(n_trials=100, max_concurrent_jobs=8),
        slurm=SlurmSettings(partition="gpu"),
        output_dir=Path("/elsewhere"),
    )
    assert same.digest() == spec.digest()
    assert len(spec.digest()) == 16
    others = [
        replace(spec, space=read_space({"lr": loguniform(1e-4, 1e-1)})[0]),
        replace(spec, objective="train:other"),
        replace(spec, hpo=HpoSettings(n_trials=3, seed=1)),
        replace(spec, hpo=HpoSettings(n_trials=3, mode="max")),
        replace(spec, hpo=HpoSettings(n_trials=3, metric="loss")),
        replace(spec, hpo=HpoSettings(n_trials=3, points_to_evaluate=[{"lr": 1e-3}])),
    ]
    assert len({spec.digest(), *(other.digest() for other in others)}) == 7


def test_importing_the_settings_imports_nothing_slow() -> None:
    program = "import hpo.settings, hpo.space, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"scipy", "pandas", "numpy", "submitit", "torch"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({}, "4096M"),
        ({"mem": "800M"}, "800M"),
        ({"mem": None}, None),
        ({"mem": "0"}, "0"),
        ({"mem": 0}, "0"),
        ({"mem": "auto"}, "8192M"),
        ({"extra": {"mem-per-cpu": "1G"}}, None),
        ({"extra": {"mem_per_gpu": "1G"}}, None),
        ({"extra": {"mem-per-cpu": "1G"}, "mem": "2G"}, "2048M"),
        ({"extra": {"exclusive": True}}, "4096M"),
    ],
)
def test_memory_may_be_asked_for_in_another_way(
    settings: dict[str, Any], option: str | None
) -> None:
    slurm = SlurmSettings(**settings)
    assert slurm.mem_option == option
    is_known = option not in (None, "0")
    assert (slurm.mem_mb > 0, slurm.max_mem_mb > 0) == (is_known, is_known)
    options = [word for word in SeatRequest(slurm).sbatch_options() if word.startswith("--mem=")]
    assert options == ([] if option is None else [f"--mem={option}"])


@pytest.mark.parametrize("mem", [None, "0", 0])
def test_memory_that_is_not_known_cannot_be_raised(mem: Any) -> None:
    with pytest.raises(ValidationError, match="leave it out"):
        SlurmSettings(mem=mem, max_mem="8G")
