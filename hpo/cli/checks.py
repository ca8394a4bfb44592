"""All that is checked before anything is submitted, and told at once."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from hpo.campaign import directory_problems
from hpo.cli.clusters import preflight
from hpo.config.loading import load_spec
from hpo.errors import SettingsError
from hpo.objective_check import check_objective
from hpo.settings import CampaignSpec


def load_checked(arguments: Namespace, executor: str) -> CampaignSpec:
    """The campaign that was asked for, found sound.

    Raises:
        SettingsError: with all problems of the configuration, the objective, the output directory
            and the cluster.
    """
    spec = load_spec(
        arguments.config, overrides=arguments.overrides, output_dir=arguments.output_dir
    )
    if executor == "simulated":
        # In a folder of its own: invented times must not mix with real ones.
        folder = spec.output_dir.with_name(spec.output_dir.name + "-simulated")
        spec = replace(spec, output_dir=folder)
    problems = check_objective(spec.objective, list(spec.space.domains), spec.pythonpath)
    problems += directory_problems(spec, fresh=arguments.fresh)
    problems += preflight(executor, spec)
    if problems:
        raise SettingsError(problems, where=str(spec.source or spec.name))
    return spec
