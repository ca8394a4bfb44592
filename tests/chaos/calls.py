"""How often a campaign on the real SLURM calls SLURM's programs: `python -m chaos.calls [MINUTES]`.

Eight seats, trials of 20 s, all settings that concern polling at their defaults. Programs that
count stand before the real ones on the manager's PATH, which its jobs inherit.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from pathlib import Path

from chaos.slurm_campaign import ROOT, Campaign, slurm

PROGRAMS = ("squeue", "sacct", "sbatch", "scancel", "scontrol", "sinfo")
DEFAULTS = {"poll_interval": 60, "claim_timeout": 60, "result_grace": 30}


def counting_programs(folder: Path) -> Path:
    """Programs that note who calls them: the manager or one of its jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        path = folder / name
        real = slurm("which", name).strip()
        note = f'echo "${{SLURM_JOB_ID:+job }}{name}" >> {folder}/calls'
        path.write_text(f'#!/bin/sh\n{note}\nexec {real} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def main(minutes: float) -> int:
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory(prefix="hpo-calls-") as name:
        folder = Path(name)
        trials = int(minutes * 60 / 20 * 8)
        campaign = Campaign(folder, trials=trials, epochs=20, epoch_s=1.0, more=DEFAULTS)
        campaign.path = str(counting_programs(folder / "bin"))
        start = time.time()
        try:
            campaign.start(as_job=False)
            while not campaign.ended() and time.time() < start + 60 * minutes + 300:
                time.sleep(1.0)
        finally:
            campaign.clean_up()
        took_s = time.time() - start
        calls = (folder / "bin" / "calls").read_text().splitlines()
        print(f"{trials} trials, {took_s / 60:.1f} min, calls an hour:")
        for kind in sorted(set(calls)):
            print(f"  {kind:14} {calls.count(kind) * 3600 / took_s:6.0f}")
        return 0 if campaign.ended() else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0))
