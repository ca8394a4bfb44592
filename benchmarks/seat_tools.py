"""The ways of running 64 trials on 8 seats that dead_seconds.py compares, one function each.

Each returns when all trials have ended. The functions on SLURM submit jobs with one GPU each; the
others start local processes, because those tools have no other way on one machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from seat_work import N_TRIALS
from slurm_campaign import run_campaign

HERE = Path(__file__).resolve().parent
SEATS = 8
SBATCH = ["sbatch", "--parsable", "--gres=gpu:1", "--mem=1500M", "--time=30", "--output=/dev/null"]

CAMPAIGN = """
import sys
from hpo import uniform

def get_config_space():
    return {"x": uniform(0.0, 1.0), "max_epochs": 1}

def get_slurm_config():
    return {"time": "0:30:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(n)d, "max_concurrent_jobs": %(seats)d, "output_dir": "results",
            "poll_interval": %(poll)d, "claim_timeout": 10%(more)s}

def objective(config, trial):
    sys.path.insert(0, %(here)r)
    from seat_work import work
    trial.report(epoch=1, validation_error=work(%(log)r))
"""


def this_program(folder: Path, more: str = "", poll: int = 60) -> None:
    """`hpo run` with its defaults: one SLURM job a trial."""
    values = {"n": N_TRIALS, "seats": SEATS, "poll": poll, "more": more}
    run_campaign(folder / "project", CAMPAIGN % (values | {"here": str(HERE), "log": str(folder)}))


def this_program_staying(folder: Path) -> None:
    """The same with jobs that go on while their time lasts, each trial in a fork."""
    this_program(folder, ', "trials_per_job": "auto"')


def this_program_in_one_process(folder: Path) -> None:
    """The same, all trials of a job in its own process, as the workers of others do it."""
    this_program(folder, ', "trials_per_job": "auto", "trial_process": "same"')


def bare_array(folder: Path) -> None:
    """One `sbatch --array` of the work alone: the floor for one job a trial."""
    command = f"{sys.executable} -S -E {HERE / 'seat_work.py'} {folder}"
    _wait_for_jobs([_sbatch(f"--array=0-{N_TRIALS - 1}%{SEATS}", command)])


def submitit_loop(folder: Path) -> None:
    """What people write by hand: keep eight jobs, look once a second which are done."""
    import submitit

    executor = submitit.AutoExecutor(folder=folder / "submitit", cluster="slurm")
    executor.update_parameters(
        slurm_gres="gpu:1", slurm_mem="500M", slurm_time=30, slurm_setup=[_import_line()]
    )
    from seat_work import work

    jobs: list[submitit.Job[float]] = []
    started = 0
    while started < N_TRIALS or jobs:
        jobs = [job for job in jobs if not job.done()]
        while started < N_TRIALS and len(jobs) < SEATS:
            jobs.append(executor.submit(work, str(folder)))
            started += 1
        time.sleep(1.0)


def optuna_workers(folder: Path) -> None:
    """Optuna: eight jobs that share a journal and keep their GPU."""
    _workers(folder, "optuna", OPTUNA)


def neps_workers(folder: Path) -> None:
    """NePS: eight jobs that share a folder and keep their GPU."""
    _workers(folder, "neps", NEPS)


def syne_tune(folder: Path) -> None:
    """Syne Tune's local backend with its defaults."""
    _local(folder, "syne_tune_run.py", SYNE_TUNE % {"fast": ""})


def syne_tune_fast(folder: Path) -> None:
    """The same, looking every 0.5 s instead of every 5."""
    _local(folder, "syne_tune_run.py", SYNE_TUNE % {"fast": ", sleep_time=0.5"})


def ray_tune(folder: Path) -> None:
    """Ray Tune with its defaults."""
    _local(folder, "ray_run.py", RAY)


ON_SLURM: dict[str, Callable[[Path], None]] = {
    "bare sbatch --array": bare_array,
    "this program, one job a trial": this_program,
    "this program, several legs a job": this_program_staying,
    "the same, in one process": this_program_in_one_process,
    "plain submitit loop": submitit_loop,
    "Optuna workers": optuna_workers,
    "NePS workers": neps_workers,
}
LOCAL: dict[str, Callable[[Path], None]] = {
    "Syne Tune local, defaults": syne_tune,
    "Syne Tune local, every 0.5 s": syne_tune_fast,
    "Ray Tune": ray_tune,
}

OPTUNA = """
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
storage = JournalStorage(JournalFileBackend(FOLDER + "/journal.log"))
study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True,
                            sampler=optuna.samplers.RandomSampler())
def objective(trial):
    trial.suggest_float("x", 0, 1)
    return work(FOLDER)
stop = optuna.study.MaxTrialsCallback(N_TRIALS, states=None)
study.optimize(objective, n_trials=N_TRIALS // 8 + 8, callbacks=[stop])
"""
NEPS = """
import neps
class Space(neps.PipelineSpace):
    x = neps.Float(0, 1)
def evaluate_pipeline(x):
    return work(FOLDER)
neps.run(evaluate_pipeline, Space(), root_directory=FOLDER + "/neps", optimizer="random_search",
         total_evaluations_to_spend=N_TRIALS)
"""
SYNE_TUNE = """
import sys
if "--x" in sys.argv:
    from syne_tune import Reporter
    Reporter()(epoch=1, loss=work(FOLDER))
else:
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import RandomSearch
    Tuner(
        trial_backend=LocalBackend(entry_point=__file__),
        scheduler=RandomSearch({"x": uniform(0, 1)}, metrics=["loss"]),
        stop_criterion=StoppingCriterion(max_num_trials_completed=N_TRIALS),
        n_workers=8, save_tuner=False, suffix_tuner_name=True%(fast)s,
    ).run()
"""
RAY = """
import ray
from ray import tune
ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)
def trainable(config):
    import sys
    sys.path.insert(0, HERE)
    from seat_work import work
    return {"loss": work(FOLDER)}
tune.Tuner(
    trainable, param_space={"x": tune.uniform(0, 1)},
    tune_config=tune.TuneConfig(num_samples=N_TRIALS, metric="loss", mode="min"),
    run_config=tune.RunConfig(storage_path=FOLDER + "/ray", verbose=0),
).fit()
"""


def _import_line() -> str:
    return f"export PYTHONPATH={HERE}"


def _script(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    head = f"import sys\nHERE = {str(HERE)!r}\nFOLDER = {str(folder)!r}\nsys.path.insert(0, HERE)\n"
    path.write_text(f"{head}from seat_work import N_TRIALS, work\n{body}", encoding="utf-8")
    return path


def _workers(folder: Path, name: str, body: str) -> None:
    script = _script(folder, f"{name}_worker.py", body)
    _wait_for_jobs([_sbatch(f"--array=0-{SEATS - 1}", f"{sys.executable} {script}")])


def _local(folder: Path, name: str, body: str) -> None:
    script = _script(folder, name, body)
    environment = os.environ | {"SYNETUNE_FOLDER": str(folder), "RAY_TRAIN_V2_ENABLED": "0"}
    subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env=environment,
        stdout=(folder / "out.txt").open("w"),
        stderr=subprocess.STDOUT,
        check=True,
    )


def _sbatch(option: str, command: str) -> str:
    submit = [*SBATCH, option, "--wrap", command]
    return subprocess.run(submit, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def wait_for_free_seats() -> None:
    """Until no job of the user is left, e.g. of the tool before, which would hold a GPU."""
    _wait_until_none(["--me"])


def _wait_for_jobs(job_ids: list[str]) -> None:
    _wait_until_none(["-j", ",".join(job_ids)])


def _wait_until_none(which: list[str]) -> None:
    while True:
        command = ["squeue", "-h", *which]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            return
        time.sleep(1.0)
