"""What can be asked of a campaign from the screen, and how: by the same files and commands.

A trial is stopped by a request file. The campaign is stopped by `hpo stop` in a process of its own,
because that asks the cluster, which takes time and much more memory than looking on does.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from hpo.folder import requests
from hpo.folder.campaign import require
from hpo.folder.requests import StopTrial
from hpo.folder.safety import require_own
from hpo.manager import own_command

TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class StopCampaign:
    """`hpo stop`, with `--now` if so."""

    root: Path
    now: bool

    @property
    def words(self) -> list[str]:
        """The command."""
        return ["stop", str(self.root), *(["--now"] if self.now else [])]

    def act(self) -> str:
        """Do it; what it said."""
        try:
            done = subprocess.run(
                own_command.command(self.words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            return f"`hpo stop` has not ended within {TIMEOUT_S:.0f} s; look again later"
        except OSError as err:
            return f"`hpo stop` cannot be started: {err}"
        return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class StopOneTrial:
    """A request that a trial saves, leaves and stays stopped."""

    root: Path
    trial_id: int

    def act(self) -> str:
        """Do it; what was done.

        Raises:
            SettingsError: there is no campaign of one's own.
            OSError: it cannot be written.
        """
        layout, _ = require(self.root)
        require_own(layout.root, "stop a trial of")
        requests.ask(layout, StopTrial(self.trial_id, requests.asker(), time.time()))
        return (
            f"trial {self.trial_id} is asked to stop: its job saves and leaves at its next report;"
            " it stays stopped until `hpo retry`"
        )
