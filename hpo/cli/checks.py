"""All that is checked before anything is submitted, and told at once."""

from __future__ import annotations

from argparse import Namespace

from hpo.cli.clusters import preflight
from hpo.cli.searchers import searcher_problems
from hpo.errors import ConfigDriftError
from hpo.folder.safety import PRIVATE, exposure_problems
from hpo.manager.opening import drift_problems, folder_problems
from hpo.settings.reading.loading import load
from hpo.settings.spec import CampaignSpec
from hpo.trial.check import check_objective


def load_checked(arguments: Namespace, executor: str) -> CampaignSpec:
    """The campaign that was asked for, found sound.

    Raises:
        SettingsError: with all problems of the configuration, the objective, the output directory
            and the cluster.
    """
    overrides = list(arguments.overrides)
    if arguments.scheduler is not None:
        overrides.append(f"hpo.scheduler.type={arguments.scheduler}")
    loaded = load(arguments.config, overrides=overrides, output_dir=arguments.output_dir)
    if executor == "simulated" and loaded.output_dir is not None:
        # In a folder of its own: invented times must not mix with real ones.
        loaded.output_dir = loaded.output_dir.with_name(loaded.output_dir.name + "-simulated")
    problems = loaded.problems
    slurm = loaded.slurm
    if loaded.objective is not None and loaded.space_names is not None:
        problems += check_objective(
            loaded.objective,
            loaded.space_names,
            loaded.pythonpath,
            python=None if slurm is None else slurm.python,
            env_setup=() if slurm is None else slurm.env_setup,
        )
    if loaded.searcher is not None and loaded.space is not None and loaded.hpo is not None:
        problems += searcher_problems(
            loaded.searcher, loaded.space, loaded.hpo.seed, loaded.pythonpath
        )
    if slurm is not None:
        problems += preflight(executor, slurm, loaded.output_dir)
    if loaded.output_dir is not None:
        problems += folder_problems(loaded.output_dir, fresh=arguments.fresh)
        if not arguments.fresh:
            sharing = loaded.hpo.sharing if loaded.hpo else PRIVATE
            problems += exposure_problems(loaded.output_dir, sharing)
    spec = loaded.spec()
    if not arguments.fresh and (drift := drift_problems(spec)):
        raise ConfigDriftError(drift, where=str(spec.source))
    return spec
