"""From what the user typed after `--config` to a checked `CampaignSpec`, or all problems at once.

The one entry to `hpo.config`. Resolves names and paths from the user's folder. Does not import
the objective and asks no cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from hpo.config.checking import check_section
from hpo.config.expressions import number_text_problem
from hpo.config.finding import SHIPPED, absolute, find_config
from hpo.config.overrides import apply_overrides
from hpo.config.python_files import load_python
from hpo.config.raw import RawConfig
from hpo.config.yaml_files import load_yaml
from hpo.errors import SettingsError
from hpo.search.random_search import point_problems
from hpo.settings import CampaignSpec, HpoSettings, SlurmSettings
from hpo.space import Space, read_space

MODELS: dict[str, type[BaseModel]] = {"slurm": SlurmSettings, "hpo": HpoSettings}
Model = TypeVar("Model", bound=BaseModel)


def load_spec(
    config: str,
    *,
    overrides: Sequence[str] = (),
    output_dir: str | None = None,
    cwd: Path | None = None,
) -> CampaignSpec:
    """Load and check a configuration.

    Args:
        config: A path to a .py or .yaml file, or the name of one in the current folder, in its
            `config` or `hpo/config`, or among those that ship with the package.
        overrides: Settings that replace those of the file, as `section.key=value`.
        output_dir: The campaign folder, instead of the configured one.
        cwd: The folder that names and paths start from; default: the current one.

    Raises:
        SettingsError: with everything that is wrong.
    """
    cwd = absolute(".", cwd or Path.cwd())
    path, problems = find_config(config, cwd)
    if path is None:
        raise SettingsError(problems, where="--config")
    raw = load_python(path, cwd) if path.suffix == ".py" else load_yaml(path)
    apply_overrides(raw, overrides)
    problems = list(raw.problems)

    space = _check_space(raw, problems)
    slurm = _check_settings(SlurmSettings, "slurm", raw, problems)
    hpo = _check_settings(HpoSettings, "hpo", raw, problems)
    if space is not None and hpo is not None:
        problems += point_problems(space, hpo.points_to_evaluate)
    objective = _resolve_objective(raw, path, cwd, problems)
    pythonpath = _resolve_pythonpath(hpo, path, cwd, problems) if hpo is not None else ()
    if problems or space is None or slurm is None or hpo is None or objective is None:
        raise SettingsError(problems, where=str(path))
    folder = output_dir or hpo.output_dir or f"hpo_results/{path.stem}"
    return CampaignSpec(
        name=path.stem,
        source=path,
        space=space,
        slurm=slurm,
        hpo=hpo,
        objective=objective,
        pythonpath=pythonpath,
        output_dir=absolute(folder, cwd),
    )


def _check_space(raw: RawConfig, problems: list[str]) -> Space | None:
    content = raw.sections.get("space")
    if content is None:
        return None
    space, found = read_space(content)
    for name, value in content.items():
        problem = number_text_problem(value)
        if problem is not None:
            found.append(f"{name}: {problem}")
    # Each problem starts with the name of its hyperparameter, whose place may be known.
    problems += [f"{raw.where('space', text.partition(':')[0])}: {text}" for text in found]
    return None if found else space


def _check_settings(
    model: type[Model], section: str, raw: RawConfig, problems: list[str]
) -> Model | None:
    content = raw.sections.get(section)
    if content is None:
        return None
    elsewhere = {
        key: raw.labels[other]
        for other, other_model in MODELS.items()
        if other != section
        for key in other_model.model_fields
    }
    settings, found = check_section(
        model, content, where=lambda key: raw.where(section, key), elsewhere=elsewhere
    )
    problems += found
    return settings


def _resolve_objective(raw: RawConfig, path: Path, cwd: Path, problems: list[str]) -> str | None:
    """The objective's full name; a file's path is looked up and made absolute."""
    section = raw.sections.get("hpo")
    if section is None:
        return None
    given = section.get("objective")
    if given is None:
        if raw.objective is None:
            problems.append(
                f"no objective: set 'objective' in {raw.labels['hpo']} to "
                "'package.module:function' or 'file.py:function'"
                + (f", or define objective() in {path.name}" if path.suffix == ".py" else "")
            )
        return raw.objective
    module, separator, function = (part.strip() for part in str(given).rpartition(":"))
    if not separator:
        return None  # because the check of its section has said what is wrong
    if not module.endswith(".py") and "/" not in module:
        return f"{module}:{function}"
    candidates = [absolute(module, folder) for folder in (path.parent, cwd)]
    for candidate in candidates:
        if candidate.is_file():
            return f"{candidate}:{function}"
    looked = " and ".join(dict.fromkeys(str(candidate) for candidate in candidates))
    where = raw.where("hpo", "objective")
    problems.append(f"'objective' in {where}: there is no file {module} (looked for {looked})")
    return None


def _resolve_pythonpath(
    hpo: HpoSettings, path: Path, cwd: Path, problems: list[str]
) -> tuple[str, ...]:
    """Where the jobs import from: the config's folder, the current one, those configured."""
    # Not the package's own folder: its modules would become importable under short names.
    folders = [cwd] if path.parent == SHIPPED else [path.parent, cwd]
    for text in hpo.pythonpath:
        candidates = [absolute(text, folder) for folder in (path.parent, cwd)]
        found = [candidate for candidate in candidates if candidate.exists()]
        if not found:
            problems.append(f"'pythonpath': there is no folder {text} (looked from {cwd})")
        folders += found[:1]
    return tuple(dict.fromkeys(str(folder) for folder in folders))
