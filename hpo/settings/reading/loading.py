"""From what the user typed after `--config` to a checked `CampaignSpec`, or all problems at once.

Names and paths start from the user's folder. Does not import the objective and asks no cluster.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from hpo.command_line import CommandLine
from hpo.errors import SettingsError
from hpo.folder.opening import settled
from hpo.search.random import point_problems
from hpo.settings.reading.checking import check_section
from hpo.settings.reading.finding import SHIPPED, absolute, find_config, none_named
from hpo.settings.reading.python_files import load_python
from hpo.settings.reading.raw import RawConfig
from hpo.settings.reading.scripts import command_line, resolve_command
from hpo.settings.reading.search_checks import (
    scheduler_problems,
    script_problems,
    searcher_problems,
)
from hpo.settings.search import HpoSettings, SlurmSettings
from hpo.settings.spec import CampaignSpec
from hpo.space.space import Space, read_space

MODELS: dict[str, type[BaseModel]] = {"slurm": SlurmSettings, "hpo": HpoSettings}
Model = TypeVar("Model", bound=BaseModel)
SHIPPED_OBJECTIVES = {"mlp_example": "hpo.config.mlp_example:objective"}
"""What a user's own configuration of that name trains with, where it names no objective."""


@dataclass(slots=True)
class Loaded:
    """As much of a configuration as could be read, and all that is wrong with it."""

    path: Path
    cwd: Path
    problems: list[str]
    space: Space | None = None
    space_names: list[str] | None = None  # known also where a domain is wrong
    slurm: SlurmSettings | None = None
    hpo: HpoSettings | None = None
    objective: str | None = None
    command_line: CommandLine | None = None
    searcher: str | None = None
    pythonpath: tuple[str, ...] = ()
    output_dir: Path | None = None

    def spec(self) -> CampaignSpec:
        """The whole configuration.

        Raises:
            SettingsError: with everything that is wrong.
        """
        if (
            self.problems
            or self.space is None
            or self.slurm is None
            or self.hpo is None
            or self.objective is None
            or self.output_dir is None
        ):
            raise SettingsError(self.problems, where=str(self.path))
        return CampaignSpec(
            name=self.path.stem,
            source=self.path,
            space=self.space,
            slurm=self.slurm,
            hpo=self.hpo,
            objective=self.objective,
            command_line=self.command_line,
            searcher=self.searcher,
            pythonpath=self.pythonpath,
            output_dir=self.output_dir,
        )


def load(
    config: str | None,
    *,
    overrides: Sequence[str] = (),
    output_dir: str | None = None,
    cwd: Path | None = None,
) -> Loaded:
    """Load and check a configuration, as far as it goes.

    Args:
        config: A path to a .py or .yaml file, or the name of one in the current folder, in its
            `config` or `hpo/config`, or among those that ship with the package. None: nothing
            was typed.
        overrides: Settings that replace those of the file, as `section.key=value`.
        output_dir: The campaign folder, instead of the configured one.
        cwd: The folder that names and paths start from; default: the current one.

    Raises:
        SettingsError: no such configuration, so that there is nothing to check.
    """
    cwd = absolute(".", cwd or Path.cwd())
    if config is None:
        raise SettingsError([none_named(cwd)], where="--config")
    path, problems = find_config(config, cwd)
    if path is None:
        raise SettingsError(problems, where="--config")
    return check(_read(path, cwd, overrides), path, cwd, output_dir=output_dir)


def check(raw: RawConfig, path: Path, cwd: Path, *, output_dir: str | None = None) -> Loaded:
    """Check sections that were read, or made in a program, as far as it goes.

    Args:
        raw: The sections.
        path: The configuration file that they came from, or would be written to.
        cwd: The absolute folder that names and paths start from, besides that of the file.
        output_dir: The campaign folder, instead of the configured one.
    """
    problems = list(raw.problems)
    _split_python(raw, cwd)
    found = Loaded(path, cwd, problems)
    found.space = _check_space(raw, problems)
    if (content := raw.sections.get("space")) is not None:
        found.space_names = [str(name) for name in content]
    found.slurm = _check_settings(SlurmSettings, "slurm", raw, problems)
    found.hpo = _check_settings(HpoSettings, "hpo", raw, problems)
    if found.space is not None and found.hpo is not None:
        problems += point_problems(found.space, found.hpo.points_to_evaluate)
        problems += scheduler_problems(found.space, found.hpo)
        problems += searcher_problems(found.space, found.hpo)
    if found.hpo is not None:
        problems += script_problems(found.space, found.hpo)
    found.objective, found.command_line = _resolve_objective(raw, found, problems)
    if isinstance(raw.sections.get("hpo", {}).get("searcher"), str):
        found.searcher = _resolve_reference("searcher", raw, path, cwd, problems)
    if found.hpo is not None:
        found.pythonpath = _resolve_pythonpath(found.hpo, path, cwd, problems)
        folder = output_dir or found.hpo.output_dir or f"hpo_results/{path.stem}"
        found.output_dir = settled(absolute(folder, cwd))  # once, as links may be changed
    return found


def _read(path: Path, cwd: Path, overrides: Sequence[str]) -> RawConfig:
    """The sections as they are written; YAML's reader is imported only where there is YAML."""
    if path.suffix == ".py":
        raw = load_python(path, cwd)
    else:
        from hpo.settings.reading.yaml_files import load_yaml

        raw = load_yaml(path)
    if overrides:
        from hpo.settings.reading.overrides import apply_overrides

        apply_overrides(raw, overrides)
    return raw


def _split_python(raw: RawConfig, cwd: Path) -> None:
    """An interpreter with arguments, written as one text: words, unless a file is called so."""
    slurm = raw.sections.get("slurm", {})
    python = slurm.get("python")
    if isinstance(python, str) and " " in python and not absolute(python, cwd).exists():
        with contextlib.suppress(ValueError):  # because of a quote that does not end
            slurm["python"] = shlex.split(python)


def _check_space(raw: RawConfig, problems: list[str]) -> Space | None:
    content = raw.sections.get("space")
    if content is None:
        return None
    space, found = read_space(content)
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


def _resolve_objective(
    raw: RawConfig, found: Loaded, problems: list[str]
) -> tuple[str | None, CommandLine | None]:
    """The objective's full name, and how it is run where it is a script.

    A file's path is looked up and made absolute.
    """
    section = raw.sections.get("hpo")
    path, cwd, hpo = found.path, found.cwd, found.hpo
    if section is None:
        return None, None
    reference = words = None
    if hpo is not None and hpo.command is not None:
        words, reference, missing = resolve_command(
            hpo.command, lambda text: _look_for(text, path, cwd)
        )
        for text in missing:
            _resolve_file("command", text, raw, path, cwd, problems)
    if section.get("entry_point") is not None:
        script = _resolve_file("entry_point", str(section["entry_point"]), raw, path, cwd, problems)
        reference = None if script is None else f"script:{script}"
    if section.get("entry_point") is not None or section.get("command") is not None:
        return reference, None if hpo is None else command_line(hpo, words, found.space)
    return _resolve_function(raw, path, cwd, problems), None


def _resolve_function(raw: RawConfig, path: Path, cwd: Path, problems: list[str]) -> str | None:
    section = raw.sections["hpo"]
    if section.get("objective") is None:
        if raw.objective is None and path.stem in SHIPPED_OBJECTIVES and path.parent != SHIPPED:
            return SHIPPED_OBJECTIVES[path.stem]
        if raw.objective is None:
            problems.append(
                f"no objective: set 'objective' in {raw.labels['hpo']} to "
                "'package.module:function' or 'file.py:function'"
                + (f", or define objective() in {path.name}" if path.suffix == ".py" else "")
            )
        return raw.objective
    return _resolve_reference("objective", raw, path, cwd, problems)


def _resolve_reference(
    key: str, raw: RawConfig, path: Path, cwd: Path, problems: list[str]
) -> str | None:
    """A "module:name" or "file.py:name" in the settings; a file's path is made absolute."""
    given = raw.sections.get("hpo", {}).get(key)
    if given is None:
        return None
    module, separator, function = (part.strip() for part in str(given).rpartition(":"))
    if not separator:
        return None  # because the check of its section has said what is wrong
    if not module.endswith(".py") and "/" not in module:
        return f"{module}:{function}"
    file = _resolve_file(key, module, raw, path, cwd, problems)
    return None if file is None else f"{file}:{function}"


def _resolve_file(
    key: str, text: str, raw: RawConfig, path: Path, cwd: Path, problems: list[str]
) -> Path | None:
    """A file of the user's that a setting names: beside the configuration, or from here."""
    if (found := _look_for(text, path, cwd)) is not None:
        return found
    candidates = [absolute(text, folder) for folder in (path.parent, cwd)]
    looked = " and ".join(dict.fromkeys(str(candidate) for candidate in candidates))
    where = raw.where("hpo", key)
    problems.append(f"{key!r} in {where}: there is no file {text} (looked for {looked})")
    return None


def _look_for(text: str, path: Path, cwd: Path) -> Path | None:
    candidates = [absolute(text, folder) for folder in (path.parent, cwd)]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


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
