"""Output folders that cannot be made, or that hold something else or something damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from refused_requests import listed, refused
from user_project import TRAIN, Project, user_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def test_an_output_directory_that_cannot_be_made(project: Project) -> None:
    (project.folder / "file").write_text("not a folder")
    project.write(output_dir="file/results")
    assert f"{project.folder}/file cannot be written" in refused(project)
    assert "file is not a folder" in refused(project, "--output-dir", "file")
    # What only trying tells, such as a quota: here, a name longer than any filesystem takes.
    assert "cannot be made: File name too long" in refused(project, "--output-dir", "x" * 300)


def test_an_output_directory_without_write_permission(project: Project) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    project.write(output_dir="mine/results")
    (project.folder / "mine").mkdir(mode=0o500)
    assert f"{project.folder}/mine cannot be written" in refused(project)


def test_an_output_directory_with_other_files_in_it(project: Project) -> None:
    project.write()
    project.output.mkdir()
    (project.output / "thesis.tex").write_text("years of work")
    problems = refused(project)
    assert "holds other files (thesis.tex) and no campaign" in problems
    refused(project, "--fresh")
    assert (project.output / "thesis.tex").read_text() == "years of work"


def test_an_output_directory_of_another_search_shows_old_and_new(project: Project) -> None:
    project.write(space='{"lr": loguniform(1e-4, 1.0), "width": [8, 16], "max_epochs": 2}')
    project.finish()
    (project.folder / "started.txt").unlink()
    journal = (project.output / "journal.jsonl").read_bytes()

    (project.folder / "other.py").write_text("def objective(config, trial): ...\n")
    project.write(
        space='{"lr": loguniform(1e-3, 1.0), "depth": [2, 3], "max_epochs": 2}',
        seed=8,
        objective="other.py:objective",
        mode="max",
    )
    problems = refused(project)
    root = f"{project.output} holds another search: "
    assert f"{root}seed: 7 -> 8; choose another output_dir, or" in problems
    assert f"{root}mode: min -> max" in problems
    assert f"{root}objective: search.py:objective -> other.py:objective" in problems
    assert f"{root}space.depth: nothing -> " in problems
    assert f"{root}space.width: " in problems
    assert "0.0001" in problems.partition("space.lr: ")[2].partition(" -> ")[0]
    assert "0.001" in problems.partition("space.lr: ")[2].partition(" -> ")[2]
    assert listed(problems) == 6
    assert (project.output / "journal.jsonl").read_bytes() == journal


def test_a_campaign_file_that_cannot_be_read_is_moved_aside_by_fresh(project: Project) -> None:
    project.write(TRAIN).finish()
    (project.output / "campaign.json").write_text("{")
    done = project.run()
    assert done.returncode == 2
    assert "cannot be read as a campaign; mend it or use --fresh" in done.stderr
    project.finish("--fresh")
    assert len(list(project.folder.glob("results.old-*"))) == 1


def test_a_journal_with_a_bad_line_is_named_and_left_alone(project: Project) -> None:
    project.write(TRAIN).finish()
    journal = project.output / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    damaged = "".join([*lines[:3], "{nonsense}\n", *lines[3:]])
    journal.write_text(damaged)
    done = project.run()
    assert done.returncode == 1
    assert f"{journal}, line 4: " in done.stdout
    assert journal.read_text() == damaged
    assert "Traceback" not in done.stdout
