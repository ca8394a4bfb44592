"""What `Campaign.plan` gives: the plan as a table in a terminal and in a notebook."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hpo.cli.plan import WIDTH, print_to
from hpo.plan.plan import Plan


class CampaignPlan:
    """What a campaign is expected to take; shown as `hpo plan` prints it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data, as `hpo plan --json` prints it."""
        from hpo.plan.table import as_data

        return as_data(self._plan)

    def plot(self, path: str | Path) -> None:
        """Draw it into a .png, .pdf or .svg file; needs the extra `report`."""
        from hpo.plan.picture import draw

        draw(self._plan, Path(path))

    def __repr__(self) -> str:
        """The tables as text."""
        from rich.console import Console

        text = io.StringIO()
        # Not as rich takes it for itself in a notebook, which is to show what is returned.
        console = Console(
            file=text, width=WIDTH, highlight=False, soft_wrap=True, force_jupyter=False
        )
        print_to(console, self._plan)
        return text.getvalue().rstrip()
