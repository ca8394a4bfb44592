"""`hpo.Campaign` as a program builds it: what is wrong is told at once; what is written down."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from notebook_cells import Notebook

import hpo
from hpo.api.campaign import Campaign
from hpo.errors import ConfigDriftError, SettingsError
from hpo.settings.reading.loading import load
from hpo.settings.search import HpoSettings
from hpo.settings.slurm import SlurmSettings

SPACE = {"lr": hpo.loguniform(1e-4, 1.0), "max_epochs": 2}
TRAIN = """
def objective(config, trial):
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the user's, beside the notebook."""
    (tmp_path / "my_training.py").write_text(TRAIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("my_training")
    del sys.modules["my_training"]


def problems_of(*arguments: Any, **settings: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Campaign(*arguments, **settings)
    return caught.value.problems


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems_of(
        lambda config: 0.0,
        space={"lr": hpo.loguniform(0.0, 1.0)},
        n_trails=3,
        n_workers=2,
        partition="gpu",
        slurm=hpo.SLURM(gpu=1, time="soon", metric="loss"),  # type: ignore[call-arg]
        scheduler=hpo.ASHA(max_t=0),
    )
    text = "\n".join(found)
    for words in (
        "objective: a lambda has no name; write `def objective(config, trial):`",
        "unknown key 'n_trails' in hpo.Campaign: did you mean 'n_trials'?",
        "unknown key 'n_workers' in hpo.Campaign: it is called 'max_concurrent_jobs' here",
        "'partition' in hpo.Campaign belongs in hpo.SLURM",
        "unknown key 'gpu' in hpo.SLURM: did you mean 'gpus'?",
        "'metric' in hpo.SLURM belongs in hpo.Campaign",
        "'time' in hpo.SLURM",
        "hpo.Campaign must set 'n_trials'",
        "'scheduler['max_t']' in hpo.Campaign must be at least 1, not 0",
        "the space: lr: ",
    ):
        assert words in text
    assert "no objective" not in text


def test_what_jobs_could_not_find_is_refused() -> None:
    offset = 1.0

    def inner(config: dict[str, float]) -> float:
        return config["lr"] + offset

    (problem,) = problems_of(inner, space=SPACE, n_trials=1)
    assert "inner is defined inside test_what_jobs_could_not_find_is_refused()" in problem
    (problem,) = problems_of(object(), space=SPACE, n_trials=1)
    assert "object has no name that jobs find it by" in problem
    (problem,) = problems_of(space=SPACE, n_trials=1)
    assert problem.startswith("no objective: give a function, 'package.module:function'")


def test_a_function_of_a_module_is_named(train: Any, tmp_path: Path) -> None:
    campaign = Campaign(train.objective, space=SPACE, n_trials=2)
    assert campaign.output_dir == tmp_path / "hpo_results" / "objective"
    assert "my_training:objective" in repr(campaign)


def test_a_module_from_elsewhere_brings_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far" / "my_package").mkdir(parents=True)
    (tmp_path / "far" / "my_package" / "__init__.py").touch()
    (tmp_path / "far" / "my_package" / "train.py").write_text(TRAIN)
    monkeypatch.syspath_prepend(tmp_path / "far")
    module = importlib.import_module("my_package.train")
    run = Campaign(module.objective, space=SPACE, n_trials=1).run(executor="local")
    assert run.results.trials.status.tolist() == ["completed"]
    assert run.results.settings["objective"] == "my_package.train:objective"


def test_the_written_file_says_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notebook = Notebook(monkeypatch)
    notebook.cell(TRAIN)
    settings: dict[str, Any] = {
        "n_trials": 7,
        "metric": "loss",
        "mode": "max",
        "max_wallclock_time": 600,
        "points_to_evaluate": [{"lr": 0.01}],
        "max_queued_jobs": 100,
        "env": None,
    }
    del settings["env"]
    campaign = Campaign(
        notebook["objective"],
        space={"lr": hpo.loguniform(1e-4, 1.0), "width": [1, 2]},
        scheduler=hpo.ASHA(max_t=9, stopping=True, grace_period=2),
        slurm=hpo.SLURM(mem="2G", extra={"reservation": "course"}, env_setup="true"),
        output_dir=Path("somewhere/my search"),
        **settings,
    )
    meant = campaign._spec()
    file = campaign._write()
    assert file == tmp_path / "somewhere" / "my search_campaign.py"
    read = load(str(file)).spec()
    assert read.slurm == meant.slurm
    assert read.slurm.model_fields_set == meant.slurm.model_fields_set
    assert read.space.to_json() == meant.space.to_json()
    assert read.objective == f"{tmp_path}/somewhere/my search_objective.py:objective"
    same = {"objective", "output_dir"}
    assert read.hpo.model_dump(exclude=same) == meant.hpo.model_dump(exclude=same)
    assert read.hpo.model_fields_set - same == meant.hpo.model_fields_set - same
    assert read.output_dir == meant.output_dir
    assert file.stat().st_mode & 0o077 == 0


def test_the_searcher_brings_space_seed_and_points_along(train: Any) -> None:
    searcher = hpo.AsyncRandomSearch(SPACE, seed=5, points_to_evaluate=[{"lr": 0.5}])
    campaign = Campaign(train.objective, searcher=searcher, n_trials=3)
    spec = campaign._spec()
    assert spec.hpo.seed == 5
    assert spec.hpo.points_to_evaluate == [{"lr": 0.5, "max_epochs": 2}]
    run = campaign.run(executor="local")
    assert run.results.trials.lr.tolist() == [searcher.suggest(n, ())["lr"] for n in range(3)]  # type: ignore[index]


def test_plan_prints_what_the_command_prints(train: Any) -> None:
    campaign = Campaign(train.objective, space=SPACE, n_trials=4)
    plan = campaign.plan(epoch_seconds=60, trials=4, seeds=1)
    assert "4 trials, whole trials" in repr(plan)
    assert json.dumps(plan.data)
    with pytest.raises(SettingsError, match="--queue-wait soon: must be a time"):
        campaign.plan(queue_wait="soon")
    assert list(Path.cwd().glob("hpo_results*")) == []  # nothing is left behind


def test_another_search_in_the_folder_is_refused(train: Any) -> None:
    Campaign(train.objective, space=SPACE, n_trials=1).run(executor="local")
    other = Campaign(train.objective, space={"lr": [0.1, 0.2], "max_epochs": 2}, n_trials=1)
    with pytest.raises(ConfigDriftError, match=r"holds another search(.|\n)*with fresh=True"):
        other.run(executor="local")
    assert other.run(executor="local", fresh=True).results.trials.lr.tolist()[0] in (0.1, 0.2)


def test_an_objective_that_cannot_be_imported_is_told_before_anything_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module\n" + TRAIN)
    campaign = Campaign("broken.py:objective", space=SPACE, n_trials=1)
    for start in (campaign.run, campaign.submit):
        with pytest.raises(SettingsError, match="no_such_module"):
            start(executor="local")
    assert not campaign.output_dir.exists()


def test_running_programs_can_complete_the_options() -> None:
    assert list(inspect.signature(hpo.SLURM).parameters) == list(SlurmSettings.model_fields)
    own = {"space", "slurm"}
    assert set(inspect.signature(Campaign).parameters) == own | set(HpoSettings.model_fields)
    assert next(iter(inspect.signature(Campaign).parameters)) == "objective"


def test_a_scheduler_brings_searcher_limits_and_rungs_along(train: Any) -> None:
    scheduler = hpo.Scheduler(
        hpo.AsyncRandomSearch({"lr": hpo.loguniform(1e-4, 1.0)}, seed=5),
        hpo.Limits(n_trials=12, max_wallclock_s=60.0, target_metric=0.1),
        hpo.Asha(max_t=9, grace_period=3),
    )
    spec = Campaign(train.objective, scheduler=scheduler)._spec()
    assert (spec.hpo.n_trials, spec.hpo.seed, spec.hpo.max_wallclock_time) == (12, 5, 60.0)
    assert spec.hpo.target_error == 0.1
    assert spec.asha() == hpo.Asha(max_t=9, grace_period=3, seed=5)
    assert "max_lost_legs" not in spec.hpo.model_fields_set
    assert Campaign(train.objective, scheduler=scheduler, n_trials=3)._spec().hpo.n_trials == 3


def test_the_types_of_options_name_each_setting() -> None:
    from hpo.api.options import CampaignOptions, SlurmOptions

    assert set(SlurmOptions.__annotations__) == set(SlurmSettings.model_fields)
    apart = {"objective", "searcher", "scheduler"}
    assert set(CampaignOptions.__annotations__) | apart == set(HpoSettings.model_fields)


def test_the_doctor_says_what_the_command_says(train: Any) -> None:
    found = Campaign(train.objective, space=SPACE, n_trials=2).doctor(executor="local")
    assert not found.will_fail
    assert "a campaign can start" in repr(found)
    assert {one["verdict"] for one in found.data["checks"]} <= {"ok", "warn", "unknown"}
    broken = Campaign("my_training:objektive", space=SPACE, n_trials=2).doctor(executor="local")
    assert broken.will_fail
    assert "no function 'objektive'" in repr(broken)
