"""Requests that are refused: what is said of them, and that nothing was started or made."""

from __future__ import annotations

from user_project import Project


def refused(project: Project, *arguments: str, executor: str = "local", **environment: str) -> str:
    """What is said of a request that starts nothing and leaves nothing behind."""
    before = sorted(project.folder.rglob("*"))
    done = project.run(*arguments, executor=executor, **environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    made = set(project.folder.rglob("*")) - set(before)
    assert not {p for p in made if "__pycache__" not in p.parts}
    assert project.started() == {}
    return done.stderr


def listed(problems: str) -> int:
    """How many problems are shown, each on a line of its own; the first line tells the number."""
    count = sum(1 for line in problems.splitlines() if line.startswith("  - "))
    assert problems.startswith(f"hpo: {count} problem{'s' if count > 1 else ''} in ")
    return count
