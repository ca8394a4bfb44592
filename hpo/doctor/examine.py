"""All checks of one campaign, in the order in which a person would make them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.decisions.asha import Asha, expected_legs
from hpo.doctor.code import examine_code
from hpo.doctor.finding import Finding, worst
from hpo.doctor.on_slurm import examine_slurm
from hpo.doctor.on_this_machine import examine_machine
from hpo.doctor.place import examine_place
from hpo.doctor.wish import Wish
from hpo.folder import safety
from hpo.folder.campaign import stored
from hpo.folder.files import Layout
from hpo.manager.opening import drift_problems, folder_problems
from hpo.settings.limits import seat_limits
from hpo.settings.proposing.document import FILL
from hpo.settings.reading.loading import Loaded
from hpo.settings.slurm import GPU_OPTIONS
from hpo.settings.spec import CampaignSpec
from hpo.units.sizes import Size


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at, and what was found."""

    config: Path
    where: str
    findings: tuple[Finding, ...]

    @property
    def will_fail(self) -> bool:
        """Whether a campaign that started now would fail at something."""
        return worst(self.findings) == "fail"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "config": str(self.config),
            "where": self.where,
            "verdict": worst(self.findings),
            "checks": [finding.to_json() for finding in self.findings],
        }


def examine(loaded: Loaded, executor: str) -> Examination:
    """Look at everything; changes nothing, and submits nothing.

    Args:
        loaded: the configuration, as far as it could be read.
        executor: slurm or local.
    """
    problems = list(loaded.problems)
    findings = configuration(loaded)
    spec = None if problems else loaded.spec()
    wish = None if spec is None else wish_of(spec, executor)
    findings += examine_code(loaded, on_slurm=executor == "slurm")
    where = f"this machine ({socket.gethostname()})"
    if executor == "slurm" and loaded.slurm is not None:
        where, found = examine_slurm(loaded.slurm, wish, loaded.output_dir, _campaign(loaded))
        findings += found
    elif wish is not None and spec is not None:
        findings += examine_machine(wish, spec.hpo.trials_per_gpu)
    if loaded.output_dir is not None:
        findings += examine_place(loaded.output_dir, wish)
    return Examination(loaded.path, where, tuple(findings))


def _campaign(loaded: Loaded) -> str | None:
    """The name of the campaign that is in the folder already; None: there is none."""
    known = None if loaded.output_dir is None else stored(Layout(loaded.output_dir))
    return None if known is None else str(known["campaign"])


def configuration(loaded: Loaded) -> list[Finding]:
    """The settings themselves, and whether the output directory is the campaign's to use."""
    name = "configuration"
    findings = [
        Finding(name, "fail", problem, f"edit {loaded.path}") for problem in loaded.problems
    ]
    findings += [
        Finding(name, "fail", f"{word} is still to be filled in", f"edit {loaded.path}")
        for word in _unfilled(loaded)
    ]
    if not findings:
        findings.append(Finding(name, "ok", _summary(loaded.spec())))
    return findings + _folder(loaded)


def _unfilled(loaded: Loaded) -> list[str]:
    """What `hpo init` left to a person, in the command and among the constants of the space."""
    command = loaded.hpo.command if loaded.hpo is not None else None
    domains = loaded.space.to_json().values() if loaded.space is not None else ()
    values = [one.get("value") if isinstance(one, dict) else one for one in domains]
    words = [word for word in (*(command or ()), *values) if isinstance(word, str)]
    return [word for word in words if word.startswith(FILL)]


def _folder(loaded: Loaded) -> list[Finding]:
    root = loaded.output_dir
    if root is None:
        return []
    problems = folder_problems(root, fresh=False)
    sharing = loaded.hpo.sharing if loaded.hpo else safety.PRIVATE
    problems += safety.exposure_problems(root, sharing)
    if not loaded.problems and not problems:
        problems += drift_problems(loaded.spec())
    if problems:
        return [Finding("folder", "fail", *_split(problem)) for problem in problems]
    there = "holds this campaign: it would go on" if root.exists() else "will be made"
    findings = [Finding("folder", "ok", f"{root} {there}; nobody else can write there")]
    findings += [
        Finding(
            "folder",
            "warn",
            f"{who} and could always replace this campaign",
            "choose an --output-dir below a folder of your own, unless you trust them",
        )
        for who in safety.owners_above(root)
    ]
    return findings


def _split(problem: str) -> tuple[str, str]:
    """A sentence of the folder's checks: what is wrong, and behind the last sign what to do."""
    for sign in ("; ", ": "):
        what, found, advice = problem.rpartition(sign)
        if found:
            return what, advice
    return problem, "choose another --output-dir"


def _summary(spec: CampaignSpec) -> str:
    asha = spec.asha()
    how = "whole trials" if asha is None else f"rungs {', '.join(map(str, asha.levels))}"
    return f"{spec.hpo.n_trials} trials of {len(spec.space.free)} hyperparameters, {how}"


def wish_of(spec: CampaignSpec, executor: str) -> Wish:
    """What the campaign will ask for."""
    hpo, slurm = spec.hpo, spec.slurm
    asha = spec.asha()
    legs = hpo.n_trials if asha is None else _legs(asha, hpo.n_trials)
    seats = seat_limits(spec, executor)
    ahead = seats.max_queued_jobs if seats.queue_ahead is None else seats.queue_ahead
    everything = hpo.keep_checkpoints == "all" or asha is not None
    return Wish(
        at_once=min(hpo.max_concurrent_jobs, hpo.n_trials, seats.max_queued_jobs),
        queued=min(seats.max_queued_jobs, hpo.max_concurrent_jobs + ahead, legs),
        says_queued="max_queued_jobs" in hpo.model_fields_set,
        size=Size(slurm.mem_mb or None, slurm.time_min),
        cpus=None if "cpus-per-gpu" in slurm.extra else slurm.cpus_per_task,
        gpus=slurm.gpus,
        gpus_elsewhere=bool(GPU_OPTIONS & {key.replace("_", "-") for key in slurm.extra}),
        gpu_type=slurm.gpu_type,
        trials=hpo.n_trials,
        legs=legs,
        kept=hpo.n_trials if everything else min(hpo.n_trials, hpo.max_concurrent_jobs + 1),
        checkpoint_interval=hpo.checkpoint_interval,
    )


def _legs(asha: Asha, n_trials: int) -> int:
    return sum(rung.legs for rung in expected_legs(asha, n_trials))
