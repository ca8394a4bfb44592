"""The notebook among the examples, from its space to its pictures, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from notebook_runs import kernel, number_of, read

import hpo

# Of what Jupyter itself does in this process.
pytestmark = pytest.mark.filterwarnings("default")


def shown(notebook: Any, text: str, kind: str) -> str:
    """What the cell with this text shows, of the kind."""
    outputs = notebook.cells[number_of(notebook, text)].outputs
    return "".join(output["data"].get(kind, "") for output in outputs if "data" in output)


def test_from_the_space_to_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "none"))
    notebook = read()
    with kernel(notebook, tmp_path) as running:
        running.run_cells(range(len(notebook.cells)))
    assert "8 trials" in shown(notebook, "campaign.plan", "text/plain")
    page = shown(notebook, "run.wait", "text/html")
    assert "ended: all trials ended" in page
    assert "<table>" in page
    assert "<svg" in page
    for picture in ("run.plot()", "plt.plot"):
        assert len(shown(notebook, picture, "image/png")) > 1000
    random = hpo.load_campaign(tmp_path / "hpo_results" / "spirals_random")
    assert random.trials.status.tolist() == ["completed"] * 8
    assert random.trials.learning_rate[0] == 0.5
    assert len(random.reports) == 8 * 12
    asha = hpo.load_campaign(tmp_path / "hpo_results" / "spirals_asha")
    assert len(asha.trials) == 12
    assert set(asha.trials.resource) >= {1, 3}


def test_it_is_kept_without_its_outputs() -> None:
    for cell in read().cells:
        assert not cell.get("outputs")
        assert max(len(line) for line in cell.source.splitlines()) <= 120
