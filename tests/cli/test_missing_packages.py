"""The wrong Python: one that lacks what the program needs, or what the user's code needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from user_project import ROOT

BARE = [sys.executable, "-S", "-E"]  # without the packages of the environment


def test_an_environment_that_is_not_activated_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [*BARE, str(ROOT / "main_hpo.py"), "--config", "mlp_example"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert sys.executable in done.stderr
    assert "has no package " in done.stderr
    assert "conda activate hpo" in done.stderr
    assert list(tmp_path.iterdir()) == []
