"""`hpo completion`: what bash offers behind what was typed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hpo.cli.completion import script

ASK = """
{script}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_hpo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(typed: str, folder: Path) -> set[str]:
    """What bash is offered for the last word of `typed`, which `_` lets be empty."""
    words = " ".join(f"'{word}'" for word in typed.replace("_", "").split(" "))
    done = subprocess.run(
        ["bash", "-c", ASK.format(script=script("bash"), words=words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("hpo_results/one", "hpo_results/my two", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "campaign.json").touch()
    for name in ("search.py", "other.yaml", "notes.txt", "config/mine.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_commands(folder: Path) -> None:
    assert {"run", "plan", "stop", "why", "completion"} <= offered("hpo _", folder)
    assert offered("hpo ru", folder) == {"run"}


def test_options_of_the_command_alone(folder: Path) -> None:
    assert {"--config", "--executor", "--fresh"} <= offered("hpo run --", folder)
    assert offered("hpo stop --k", folder) == {"--kill"}


def test_words_that_an_option_takes(folder: Path) -> None:
    assert offered("hpo run --executor _", folder) == {"auto", "slurm", "local", "simulated"}
    assert offered("hpo run --executor l", folder) == {"local"}


def test_folders_of_campaigns(folder: Path) -> None:
    assert offered("hpo why _", folder) == {"elsewhere", "hpo_results/one", "hpo_results/my two"}
    assert offered("hpo stop o", folder) == {"hpo_results/one"}
    assert offered("hpo stop hpo", folder) == {"hpo_results"}


def test_configurations(folder: Path) -> None:
    found = offered("hpo run --config _", folder)
    assert found == {"search.py", "other.yaml", "mine", *SHIPPED}
    assert offered("hpo plan --config s", folder) == {"search.py"}


SHIPPED = {"digits_example", "mlp_example"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_reads_its_script(folder: Path) -> None:
    done = subprocess.run(
        ["zsh", "-f", "-c", script("zsh") + "\nwhence -w _hpo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "_hpo: function\n"
