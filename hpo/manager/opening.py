"""A campaign's directory: created, recognised again, or refused.

What may differ between two starts (limits, SLURM settings) replaces what campaign.json said, and
the log names it; what makes it another search is refused.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.errors import ConfigDriftError
from hpo.folder.campaign import FORMAT, Start, file_problem, stored, write
from hpo.folder.copies import Origin, foreign_jobs, forget_the_original, origin
from hpo.folder.files import Layout
from hpo.folder.journal import Header
from hpo.manager import code_versions
from hpo.manager.code_snapshot import Runnable, snapshot
from hpo.settings.secrecy import is_secret, told_setting
from hpo.settings.spec import CampaignSpec
from hpo.shown import one_line
from hpo.trial.code import code_of

# The shipped objectives under the names of 0.1.0, whose campaigns go on; gone after the next
# release.
MOVED = {
    "hpo.examples.digits:objective": "hpo.config.digits_example:objective",
    "hpo.examples.mlp:objective": "hpo.config.mlp_example:objective",
}


@dataclass(frozen=True, slots=True)
class Campaign:
    """An opened campaign; `changes` are settings that differ from the last start.

    `former` are what jobs were asked for with at the last start.
    `code` is the digest of the objective's files; None: they are not to be found here. `ladder`
    are the rungs that it began with; empty: it is new, or has none. With an
    `origin` the folder was copied or moved; `foreign_jobs` hold legs and serve another one.
    """

    layout: Layout
    header: Header
    is_new: bool
    changes: list[str]
    origin: Origin | None = None
    foreign_jobs: frozenset[str] = frozenset()
    former: Mapping[str, Any] | None = None
    code: str | None = None
    ladder: tuple[int, ...] = ()


def folder_problems(root: Path, *, fresh: bool) -> list[str]:
    """Why a campaign cannot live in `root`, whatever it searches; changes nothing."""
    layout = Layout(root)
    # Not Path.exists, which raises below a folder of somebody else's.
    if not os.path.exists(root):
        above = next((p for p in root.parents if os.path.exists(p)), Path("/"))
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            return [f"output_dir {root} cannot be created: {above} cannot be written"]
        return []
    if not root.is_dir():
        return [f"output_dir {root} is not a folder"]
    if not os.access(root, os.W_OK | os.X_OK):
        return [f"output_dir {root} cannot be written"]
    if stored(layout) is not None or (fresh and layout.campaign.exists()):
        return []
    if problem := file_problem(layout):
        return [problem]
    strangers = sorted(p.name for p in root.iterdir() if not _is_ours(p.name))
    if strangers:
        return [
            f"output_dir {root} holds other files ({', '.join(strangers[:3])}) and no campaign; "
            "choose an empty folder"
        ]
    return []


def drift_problems(spec: CampaignSpec) -> list[str]:
    """How the search in the output directory differs from the one asked for."""
    known = stored(Layout(spec.output_dir))
    if known is None:
        return []
    root = spec.output_dir
    hint = f"choose another output_dir, or move {root} aside with --fresh"
    asked = spec.identity(_levels(known))
    return [
        f"{root} holds another search: {change}; {hint}"
        for change in _changed(_as_named_now(known["identity"]), _as_named_now(asked))
    ]


def move_aside(layout: Layout, now: float) -> Path:
    """Give an old campaign another name; its new path."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    target = layout.root.with_name(f"{layout.root.name}.old-{stamp}")
    while target.exists():
        target = target.with_name(target.name + "x")
    layout.root.rename(target)
    return target


def open_campaign(spec: CampaignSpec, start: Start, now: float) -> Campaign:
    """Create the campaign or recognise it; the caller holds its lock.

    Raises:
        ConfigDriftError: the directory holds another search.
        SettingsError: the campaign is too large for its file.
        SettingsError: `snapshot_code` would copy too much.
        OSError: it cannot be written.
    """
    layout = Layout(spec.output_dir)
    if problems := drift_problems(spec):
        raise ConfigDriftError(problems, where=str(layout.root))
    known = stored(layout)
    ladder = _levels(known) if known else ()
    copied = origin(layout, known) if known else None
    foreign = set(known.get("foreign_jobs", ())) if known else set()
    if known and copied:
        foreign |= foreign_jobs(layout, known)
        forget_the_original(layout)
    fresh_name = f"{_safe(spec.name)}-{secrets.token_hex(3)}"
    name = known["campaign"] if known and not copied else fresh_name
    code = code_of(spec.objective, spec.pythonpath)
    codes = code_versions.noted(known.get("code") if known else None, code, now)
    run = Runnable(spec.objective, spec.pythonpath)
    if spec.hpo.snapshot_code:
        run = snapshot(layout, run, code)
    document: dict[str, Any] = {
        "format": FORMAT,
        "campaign": name,
        "path": known["path"] if known and not copied and "path" in known else str(layout.root),
        "created": known["created"] if known else now,
        "identity": spec.identity(ladder),
        "start": asdict(start),
        "foreign_jobs": sorted(foreign),
        "code": codes,
        "seat": _seat(spec, name, run),
        "settings": spec.to_json(),
    }
    changes = _changed(known["settings"], document["settings"]) if known else []
    changes += code_versions.changes(known.get("code") if known else None, codes)
    if document != known:
        write(layout, document)
    header = Header(name, spec.digest())
    former = known["settings"].get("slurm") if known and not copied else None
    digest = None if code is None else code.digest
    return Campaign(
        layout, header, known is None, changes, copied, frozenset(foreign), former, digest, ladder
    )


def _seat(spec: CampaignSpec, name: str, run: Runnable) -> dict[str, Any]:
    """What a job reads: the fields of `hpo.job.orders.LegSettings`."""
    return {
        "campaign": name,
        "objective": run.objective,
        "pythonpath": list(run.pythonpath),
        **spec.goal.to_json(),
        "checkpoint_interval": spec.hpo.checkpoint_interval,
        "claim_timeout": spec.hpo.claim_timeout,
        "metric_pattern": spec.hpo.metric_pattern,
        "command_line": None if spec.command_line is None else spec.command_line.to_json(),
        "max_resource_attr": spec.hpo.max_resource_attr,
        "sharing": spec.hpo.sharing,
        "timed": spec.slurm.learns_time,
        "trials_per_job": spec.hpo.trials_per_job,
        "trial_process": spec.hpo.trial_process,
        "rung_attr": spec.rung_attr,
        "cwd": spec.hpo.cwd,
        "hang_after": spec.hpo.hang_after,
        "gpus": spec.slurm.gpus,
        "log_limit_mb": spec.hpo.log_limit_mb,
    }


def _safe(name: str) -> str:
    """A name for jobs: no separator of squeue's, nothing for a shell to see."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40].strip("-") or "campaign"


def _levels(known: Mapping[str, Any]) -> tuple[int, ...]:
    """The rungs that a campaign began with; people edit such files."""
    scheduler = known["identity"].get("scheduler")
    found = scheduler.get("levels") if isinstance(scheduler, dict) else None
    whole = isinstance(found, list) and all(type(level) is int for level in found)
    return tuple(found) if whole and found else ()


def _as_named_now(identity: Mapping[str, Any]) -> dict[str, Any]:
    objective = identity.get("objective")
    return {**identity, "objective": MOVED.get(str(objective), objective)}


def _is_ours(name: str) -> bool:
    folders = ("offers", "claims", "revoked", "jobs", "results", "trials", "code", "requests")
    return name in folders or name.startswith((".", "manager.", "hpo_campaign_"))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], *, depth: int = 2) -> list[str]:
    """What differs, as `key: old -> new`, one line each; of what may hold passwords only that."""
    lines = []
    for key in sorted({*old, *new} - {"digest"}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if depth > 1 and isinstance(before, dict) and isinstance(after, dict):
            inner = _changed(before, after, depth=depth - 1)
            lines += [f"{key}.{line}" for line in inner]
        else:
            lines.append(f"{key}: {_show_both(key, before, after)}")
    return lines


def _show_both(key: str, before: object, after: object) -> str:
    return "changed" if is_secret(key) else f"{_show(key, before)} -> {_show(key, after)}"


def _show(key: str, value: object) -> str:
    text = one_line(told_setting(key, value))
    return text if len(text) <= 120 else text[:117] + "..."
