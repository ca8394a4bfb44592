"""Python configurations as users write them, and what is said of a bad one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hpo.errors import SettingsError
from hpo.settings.reading.loading import load
from hpo.settings.spec import CampaignSpec

SMALL = """
def get_config_space(): return {space}
def get_slurm_config(): return {slurm}
def get_hpo_config(): return {hpo}
"""

Write = Callable[..., Path]


def writer(folder: Path) -> Write:
    def write_config(
        space: str = "{'lr': [0.1, 0.2]}",
        slurm: str = "{}",
        hpo: str = "{'n_trials': 2, 'objective': 'train:objective'}",
        *,
        before: str = "",
        name: str = "mine.py",
    ) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + SMALL.format(space=space, slurm=slurm, hpo=hpo))
        return path

    return write_config


def load_spec(
    config: str,
    *,
    overrides: Sequence[str] = (),
    output_dir: str | None = None,
    cwd: Path | None = None,
) -> CampaignSpec:
    return load(config, overrides=overrides, output_dir=output_dir, cwd=cwd).spec()


def problems_of(config: Path | str, cwd: Path, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_spec(str(config), overrides=overrides, cwd=cwd)
    assert caught.value.exit_code == 2
    assert "Traceback" not in str(caught.value)
    return str(caught.value)
