"""`hpo` alone says what to do first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_one_screen_with_commands_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "hpo_results" / "mine").mkdir(parents=True)
    (tmp_path / "hpo_results" / "mine" / "campaign.json").touch()
    done = subprocess.run(
        [sys.executable, "-m", "hpo"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert "campaigns here: hpo_results/mine" in lines
    named = {line.split(" hpo ")[1].split()[0] for line in lines if " hpo " in line}
    assert {"run", "plan", "why"} <= named
    for command in named - {"--help;"}:
        asked = [sys.executable, "-m", "hpo", command, "--help"]
        assert subprocess.run(asked, capture_output=True, check=False).returncode == 0
