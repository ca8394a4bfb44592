"""What the first job of a campaign finds: its Python, its imports, its GPUs; in `jobs/ground.json`.

A process of its own, before the job takes a trial; nothing that a user's module starts stays
behind. GPUs are looked for in the kernel's own files: no library is imported for them.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any

from hpo.errors import HpoError
from hpo.folder.files import Layout, publish_json
from hpo.folder.opening import settled
from hpo.folder.patience import Patience, StorageTrouble
from hpo.job.orders import await_settings, require_safe
from hpo.seats.job_identity import this_job

NVIDIA = Path("/proc/driver/nvidia")
AMD = Path("/dev/kfd")


def check(root: str) -> int:
    """Write down what is there; 0, or 1 where something is missing, which is printed then."""
    begun = time.monotonic()
    answer = os.dup(1)
    os.dup2(2, 1)  # what users' modules print is no answer
    layout = Layout(settled(Path(root)))
    try:
        settings = await_settings(layout, Patience())
        require_safe(layout, settings, root)
    except (HpoError, StorageTrouble):
        return 0  # which the job says itself
    try:
        from hpo.job.serving import Objective

        Objective(settings, []).load()
    except Exception as err:  # noqa: BLE001  # because users' modules may raise anything
        known = isinstance(err, HpoError)
        words = str(err) if known else f"{type(err).__name__}: {err}"
        os.write(answer, " ".join(words.split()).encode("utf-8", "replace"))
        return 1
    job = this_job()
    publish_json(
        layout.ground,
        {
            "job": job.job_id,
            "node": job.host,
            "python": sys.executable,
            "version": platform.python_version(),
            "imports_s": round(time.monotonic() - begun, 1),
            "failed_lines": os.environ.get("HPO_FAILURES", ""),
            "gpus_asked": int(os.environ.get("HPO_GPUS") or 0),
        }
        | gpus(),
    )
    return 0


def gpus() -> dict[str, Any]:
    """Which GPUs the job was given, the driver and the models that the kernel knows."""
    return {
        "gpus_given": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "driver": _driver(),
        "models": sorted({name for path in _models() if (name := _model(path))}),
    }


def _driver() -> str | None:
    try:
        text = (NVIDIA / "version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "AMD's" if os.path.exists(AMD) else None
    match = re.search(r"Kernel Module.*?(\d+(?:\.\d+)+)", text)
    return f"NVIDIA's {match[1]}" if match else "NVIDIA's"


def _models() -> list[Path]:
    try:
        return list((NVIDIA / "gpus").iterdir())
    except OSError:
        return []


def _model(folder: Path) -> str:
    try:
        text = (folder / "information").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(r"(?m)^Model:\s*(.*\S)", text)
    return match[1] if match else ""
