"""Whether the user's environment comes up and the objective can be imported in it, as jobs do."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence

from hpo.doctor.env_setup import Tried, try_env_setup
from hpo.doctor.finding import Finding
from hpo.settings.reading.loading import Loaded
from hpo.settings.secrecy import redacted
from hpo.settings.slurm import SlurmSettings
from hpo.trial.check import check_objective
from hpo.units.duration import in_words

SLOW_S = 20.0  # of an import, which each job pays for


def examine_code(loaded: Loaded, *, on_slurm: bool) -> list[Finding]:
    """What can be said of the environment and the objective, as far as they are known."""
    slurm = loaded.slurm
    findings = []
    if slurm is not None and slurm.env_setup:
        strict = slurm.env_setup_strict and on_slurm
        tried = try_env_setup(slurm.env_setup)
        findings.append(environment(tried, slurm.env_setup, strict=strict))
    python = None if slurm is None else slurm.python
    if python is not None and shutil.which(python[0]) is None:
        found = f"there is no {python[0]} on this machine"
        advice = "set slurm.python to a Python that the nodes have, by its whole path"
        return [*findings, Finding("python", "fail", found, advice)]
    if loaded.objective is None or loaded.space_names is None:
        advice = "mend the configuration first"
        return [*findings, Finding("objective", "unknown", "it is not known yet", advice)]
    begun = time.monotonic()
    problems = check_objective(
        loaded.objective,
        loaded.space_names,
        loaded.pythonpath,
        python=python,
        env_setup=() if slurm is None else slurm.env_setup,
    )
    took_s = time.monotonic() - begun
    return [*findings, *objective(loaded.objective, problems, took_s, slurm)]


def environment(tried: Tried, lines: Sequence[str], *, strict: bool) -> Finding:
    """How the lines of `env_setup` went; `strict`: whether one that fails ends a job's start."""
    name = "env_setup"
    if tried.failed:
        words = " | ".join(tried.last_words)
        said = f", after {words!r}" if words else ""
        return Finding(
            name,
            "fail" if strict else "warn",
            redacted(f"{'; '.join(tried.failed)}{said}", lines),
            "mend the line in slurm.env_setup, or write `|| true` behind it if it may fail",
        )
    if tried.python is None:
        return Finding(
            name,
            "fail",
            "the shell ended, or took more than a minute, before the last line",
            "look for an `exit`, `exec` or a question in slurm.env_setup",
        )
    chosen = "" if tried.python == sys.executable else f"; trials run with {tried.python}"
    count = "1 line runs" if len(lines) == 1 else f"{len(lines)} lines run"
    return Finding(name, "ok", f"{count} without an error here{chosen}")


def objective(
    reference: str, problems: Sequence[str], took_s: float, slurm: SlurmSettings | None
) -> list[Finding]:
    """What the import and the call's arguments came to."""
    name = "objective"
    what = reference.removeprefix("script:")
    if problems:
        has_setup = slurm is not None and bool(slurm.env_setup or slurm.python)
        advice = (
            "mend it in the environment that slurm.env_setup and slurm.python choose"
            if has_setup
            else "mend it, or have slurm.env_setup activate the environment that it needs"
        )
        return [Finding(name, "fail", problem, advice) for problem in problems]
    if reference.startswith(("script:", "command: ")):
        return [Finding(name, "ok", f"{what} is a script: what it imports is seen when it runs")]
    if took_s > SLOW_S:
        return [
            Finding(
                name,
                "warn",
                f"{what} is imported and fits the space, in {in_words(took_s)}",
                "hpo.trials_per_job: auto pays that once for many trials",
            )
        ]
    return [Finding(name, "ok", f"{what} is imported and fits the space, in {took_s:.1f} s")]
