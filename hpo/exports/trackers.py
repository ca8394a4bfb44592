"""A campaign in the files of experiment trackers that are installed: one run for each trial.

Each of them is imported when it is asked for, and none is a dependency. Nothing is sent anywhere:
they write local files, which their own commands show or send.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.record.goal import Goal
from hpo.report import MissingExtraError
from hpo.values import canonical, flat

Results = Mapping[int, Mapping[str, Any]]
_TIMES = frozenset({"time", "elapsed", "not_finite"})


def write_tensorboard(name: str, results: Results, goal: Goal, folder: Path) -> list[Path]:
    """Write event files, a folder for each trial, with its hyperparameters; where.

    Raises:
        MissingExtraError: tensorboard is not installed.
        OSError: they cannot be written.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as err:
        raise _missing("tensorboard") from err
    root = folder / f"{name}-tensorboard"
    for trial_id, result in results.items():
        run = root / f"trial_{trial_id}"
        for old in run.glob("events.out.*"):
            old.unlink()
        writer = EventFileWriter(str(run))
        start = _start(result)
        summary = hparams_pb(_texts(result), trial_id=f"{name}/{trial_id}", start_time_secs=start)
        writer.add_event(Event(wall_time=start, summary=summary))
        for metric, points in _series(result, goal.resource):
            for step, value, time in points:
                told = Summary(value=[Summary.Value(tag=metric, simple_value=value)])
                writer.add_event(Event(wall_time=time, step=step, summary=told))
        writer.close()
    return [root]


def write_mlflow(name: str, results: Results, goal: Goal, folder: Path) -> list[Path]:
    """Write runs of an experiment into a store below `folder`, or to MLFLOW_TRACKING_URI; where.

    Raises:
        MissingExtraError: mlflow is not installed.
        OSError: they cannot be written.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag
    except ImportError as err:
        raise _missing("mlflow") from err
    store = folder / f"{name}-mlflow.db"
    store.unlink(missing_ok=True)  # of an earlier export, or each run would be there twice
    uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{store.absolute()}")
    client = MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name(name)
    experiment = client.create_experiment(name) if known is None else known.experiment_id
    for trial_id, result in results.items():
        start = int(1e3 * _start(result))
        tags = {"mlflow.runName": f"trial {trial_id}", "status": str(result.get("status"))}
        run = client.create_run(experiment, start_time=start, tags=tags).info.run_id
        metrics = [
            Metric(metric, value, int(1e3 * time), step)
            for metric, points in _series(result, goal.resource)
            for step, value, time in points
        ]
        params = [Param(key, value[:500]) for key, value in _texts(result).items()]
        for first in range(0, max(len(metrics), 1), 1000):
            more: dict[str, Any] = {"params": params[:100], "tags": [RunTag("by", "hpo")]}
            client.log_batch(run, metrics[first : first + 1000], **({} if first else more))
        failed = result.get("status") == "failed"
        end = int(1e3 * _end(result))
        client.set_terminated(run, "FAILED" if failed else "FINISHED", end_time=end)
    return [store if uri.startswith("sqlite:///") else Path(uri)]


def write_wandb(name: str, results: Results, goal: Goal, folder: Path) -> list[Path]:
    """Write offline runs, which `wandb sync` sends; where.

    Raises:
        MissingExtraError: wandb is not installed.
        OSError: they cannot be written.
    """
    try:
        import wandb
    except ImportError as err:
        raise _missing("wandb") from err
    for trial_id, result in results.items():
        settings = wandb.Settings(mode="offline", silent=True)
        run = wandb.init(
            project=name,
            name=f"trial {trial_id}",
            config=dict(result.get("config") or {}),
            dir=str(folder),
            settings=settings,
            reinit="finish_previous",
        )
        rows: dict[int, dict[str, float]] = {}
        for metric, points in _series(result, goal.resource):
            for step, value, _ in points:
                rows.setdefault(step, {})[metric] = value
        for step in sorted(rows):
            run.log(rows[step], step=step)
        run.summary.update({"status": result.get("status"), goal.metric: result.get("error")})
        run.finish(exit_code=1 if result.get("status") == "failed" else 0)
    return [folder / "wandb"]


TRACKERS: Mapping[str, Callable[[str, Results, Goal, Path], list[Path]]] = {
    "tensorboard": write_tensorboard,
    "mlflow": write_mlflow,
    "wandb": write_wandb,
}


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(f"{package} is not installed here: pip install {package}")


def _texts(result: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration by name; what is no number, text or truth value is its JSON text."""
    config = flat(result.get("config") or {})
    return {
        name: value if isinstance(value, str) else canonical(value)
        for name, value in config.items()
    }


def _series(
    result: Mapping[str, Any], resource: str
) -> Iterator[tuple[str, list[tuple[int, float, float]]]]:
    """(name, [(resource, value, time)]) of what was reported as a number."""
    reports = result.get("reports") or {}
    steps, times = reports.get(resource) or [], reports.get("time") or []
    for name, values in reports.items():
        if name in _TIMES or name == resource:
            continue
        points = [
            (step, float(value), time)
            for step, value, time in zip(steps, values, times, strict=False)
            if isinstance(value, (int, float)) and type(step) is int
        ]
        if points:
            yield name, points


def _start(result: Mapping[str, Any]) -> float:
    info = result.get("additional_info") or {}
    found = info.get("start_time")
    times = (result.get("reports") or {}).get("time") or []
    return float(times[0] if times else found or 0.0)


def _end(result: Mapping[str, Any]) -> float:
    times = (result.get("reports") or {}).get("time") or []
    return float(times[-1]) if times else _start(result)
