"""Who may read and write a campaign's folder, and whether that is safe.

Jobs import what campaign.json names, and sbatch reads its script from jobs/: whoever can write
there runs programs as the user.
"""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from pathlib import Path

from hpo.folder.files import Layout

PRIVATE, GROUP, GROUP_WRITABLE = "private", "group", "group-writable"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def exposure_problems(root: Path, sharing: str) -> list[str]:
    """Why others could make the jobs of a campaign in `root` do something; the command to type."""
    try:
        info = root.stat()
    except OSError:
        return []  # because others look whether it can be made
    if info.st_uid != os.geteuid():
        return [f"output_dir {root} belongs to {_user(info.st_uid)}: choose a folder of your own"]
    shown = shlex.quote(str(root))
    if info.st_mode & stat.S_IWOTH:
        return [f"output_dir {root} can be written by everybody: chmod o-w {shown}"]
    if info.st_mode & stat.S_IWGRP and sharing != GROUP_WRITABLE:
        return [
            f"output_dir {root} can be written by its group: chmod g-w {shown} "
            f'(or, if you trust the whole group with your account: "sharing": "{GROUP_WRITABLE}")'
        ]
    if info.st_mode & stat.S_IWGRP and not info.st_mode & stat.S_ISVTX:
        return [
            f"output_dir {root}: its group could put another jobs/ in place of yours: "
            f"chmod +t {shown}"
        ]
    is_private = not info.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return _inner_problems(Layout(root), is_private=is_private)


def _inner_problems(layout: Layout, *, is_private: bool) -> list[str]:
    """The same of what jobs run; where nobody else gets into the folder, modes do not matter."""
    problems = []
    for path, is_right, kind in (
        (layout.jobs, stat.S_ISDIR, "folder"),
        (layout.campaign, stat.S_ISREG, "plain file"),
    ):
        try:
            info = path.lstat()
        except OSError:
            continue
        if not is_right(info.st_mode):
            problems.append(f"{path} is no {kind}: move it away")
        elif info.st_uid != os.geteuid():
            problems.append(f"{path} belongs to {_user(info.st_uid)}: jobs would run what is in it")
        elif info.st_mode & OTHERS_WRITE and not is_private:
            problems.append(
                f"{path} can be written by others, and jobs run what is in it: if you trust what "
                f"it holds now, chmod go-w {shlex.quote(str(path))}"
            )
    return problems


def create(layout: Layout, sharing: str) -> None:
    """Make the folders, readable for nobody else, or for the group.

    Raises:
        OSError: one of them cannot be made.
    """
    layout.create()
    if sharing == GROUP:
        _set_mode(layout.root, add=0o050, remove=0o002)
    wanted = 0o700 if sharing == PRIVATE else 0o750
    layout.jobs.chmod(wanted)
    if sharing == GROUP_WRITABLE:
        return  # the others are as the user's umask makes them
    for folder in (layout.offers, layout.claims, layout.revoked, layout.results, layout.trials):
        _set_mode(folder, add=wanted, remove=OTHERS_WRITE)


def set_umask(sharing: str) -> None:
    """With the group as readers: of whatever this process and its children write from now on."""
    if sharing == GROUP:
        os.umask(0o027)


def _set_mode(path: Path, *, add: int, remove: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if (wanted := (mode | add) & ~remove) != mode:
        path.chmod(wanted)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
