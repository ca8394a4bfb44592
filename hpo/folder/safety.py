"""Whose a campaign's folder is, who could replace it or write in it, and whether that is safe.

The one rule, for the manager, the jobs and the commands. Jobs import what campaign.json names, and
sbatch reads its script from jobs/: whoever can write there, or put another folder into the place of
this one or of one above it, runs programs as the user. docs/security.md says who is trusted.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError
from hpo.folder import opening
from hpo.folder.files import MOST_CAMPAIGN_BYTES, Layout, make_above, open_plain, read_all
from hpo.folder.json_text import parse

PRIVATE, GROUP, GROUP_WRITABLE = "private", "group", "group-writable"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT_MODES = {PRIVATE: 0o700, GROUP: 0o750, GROUP_WRITABLE: 0o1770}  # sticky: see `_root_problems`
MODES = {PRIVATE: 0o700, GROUP: 0o750, GROUP_WRITABLE: 0o770}  # of the folders in it
JOBS_MODES = {PRIVATE: 0o700, GROUP: 0o750, GROUP_WRITABLE: 0o750}
HOW = f'--set hpo.sharing="{GROUP_WRITABLE}"'


def exposure_problems(root: Path, sharing: str, *, fresh: bool = False) -> list[str]:
    """Why others could make the jobs of a campaign in `root` do something; the command to type.

    `root` is a settled path. With `fresh` what lies there will be moved away.
    """
    problems = _above_problems(root, sharing)
    try:
        info = root.lstat()
    except OSError:
        return problems  # because `manager.opening` looks whether it can be made
    if not stat.S_ISDIR(info.st_mode):
        return problems  # likewise
    if info.st_uid != os.geteuid():
        whose = user_name(info.st_uid)
        return [*problems, f"output_dir {root} belongs to {whose}: choose a folder of your own"]
    if fresh:
        return problems
    return problems + (_root_problems(root, info, sharing) or _inner_problems(Layout(root), info))


def _above_problems(root: Path, sharing: str) -> list[str]:
    """Who could put another folder into the place of one above `root`."""
    problems = []
    for folder in _above(root):
        try:
            info = folder.lstat()
        except OSError:
            continue  # because it is not made yet
        if stat.S_ISLNK(info.st_mode):
            if info.st_uid != 0 or os.geteuid() == 0:
                problems.append(f"{folder}, above output_dir {root}, has become a link")
            continue
        who = _writers(info)
        if who is None or info.st_mode & stat.S_ISVTX:
            continue
        if info.st_mode & stat.S_IWOTH or sharing != GROUP_WRITABLE:
            problems.append(
                f"{folder}, above output_dir {root}, can be written by {who}, who could put "
                f"another folder with other code into the place of yours: {_mending(folder, info)}"
            )
    return problems


def _above(root: Path) -> list[Path]:
    """The folders above, by the names in the path and, beyond links of root's, by their own."""
    real = Path(os.path.realpath(root))
    return list(dict.fromkeys([*root.parents, *real.parents]))


def _mending(folder: Path, info: os.stat_result) -> str:
    shown = _quoted(folder)
    by_all = bool(info.st_mode & stat.S_IWOTH)
    trust = "" if by_all else f", or, if you trust the whole group with your account: {HOW}"
    if os.geteuid() in (0, info.st_uid):
        bits = "go-w" if by_all and info.st_mode & stat.S_IWGRP else "o-w" if by_all else "g-w"
        return f"chmod {bits} {shown} (or, where they are to write there: chmod +t {shown}{trust})"
    owner = user_name(info.st_uid)
    return (
        "choose an --output-dir below a folder that only you can write, such as your home or "
        f"scratch folder (or ask {owner} for chmod +t {shown}{trust})"
    )


def _quoted(path: Path) -> str:
    import shlex  # here, because jobs need it only then

    return shlex.quote(str(path))


def _root_problems(root: Path, info: os.stat_result, sharing: str) -> list[str]:
    shown = _quoted(root)
    if info.st_mode & stat.S_IWOTH:
        return [f"output_dir {root} can be written by everybody: chmod o-w {shown}"]
    if _writers(info) is None:
        return []
    if sharing != GROUP_WRITABLE:
        return [
            f"output_dir {root} can be written by its group: chmod g-w {shown} "
            f'(or, if you trust the whole group with your account: "sharing": "{GROUP_WRITABLE}")'
        ]
    if not info.st_mode & stat.S_ISVTX:
        return [
            f"output_dir {root}: its group could put another jobs/ in place of yours: "
            f"chmod +t {shown}"
        ]
    return []


def _inner_problems(layout: Layout, root: os.stat_result) -> list[str]:
    """The same of what lies in it; where nobody else gets into it, modes do not matter."""
    is_private = not root.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    problems = []
    inner = (layout.live, layout.cancelled, layout.starts, layout.code, layout.requests)
    folders = (*layout.inner, *inner)
    wanted = [(path, stat.S_ISDIR, "folder") for path in folders]
    run = (layout.jobs, layout.campaign, layout.start_script, layout.code)
    wanted += [(path, stat.S_ISREG, "plain file") for path in run[1:3]]
    for path, is_right, kind in wanted:
        try:
            info = path.lstat()
        except OSError:
            continue
        is_run = path in run
        if not is_right(info.st_mode):
            problems.append(f"{path} is no {kind}: move it away")
        elif info.st_uid != os.geteuid():
            whose = user_name(info.st_uid)
            problems.append(f"{path} belongs to {whose}: jobs would run what is in it")
        elif is_run and not is_private and _writers(info):
            problems.append(_written_by_others(path))
    return problems


def _written_by_others(path: Path) -> str:
    return (
        f"{path} can be written by others, and jobs run what is in it: if you trust what it holds "
        f"now, chmod go-w {_quoted(path)}"
    )


def _writers(info: os.stat_result) -> str | None:
    """Who may write, beside the owner; a group that is the user's own is nobody else."""
    if info.st_mode & stat.S_IWOTH:
        return "everybody"
    if not info.st_mode & stat.S_IWGRP:
        return None
    try:
        group = grp.getgrgid(info.st_gid)
        me = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"the group {info.st_gid}"
    # Many systems give each user a group of the same name, and with it the umask 002.
    is_own = group.gr_name == me and set(group.gr_mem) <= {me} and os.geteuid() != 0
    return None if is_own else f"the group {group.gr_name}"


def owners_above(root: Path) -> list[str]:
    """The other users who own a folder above `root`, and so could always replace it."""
    found = []
    for folder in _above(root):
        try:
            owner = folder.lstat().st_uid
        except OSError:
            continue
        if owner not in (0, os.geteuid(), _nobody()):
            found.append(f"{folder} belongs to {user_name(owner)}")
    return found


def _nobody() -> int:
    """As whom a container, or NFS without names, shows users that it cannot tell: mostly root."""
    try:
        return int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 65534


def other_owner(root: Path) -> str | None:
    """Whose the campaign in `root` is, where that is somebody else."""
    try:
        owners = {path.stat().st_uid for path in (root, Layout(root).campaign)}
    except OSError:
        return None
    others = owners - {os.geteuid()}
    return user_name(min(others)) if others else None


def require_own(root: Path, what: str) -> None:
    """Refuse to do `what` with the campaign of somebody else.

    Raises:
        SettingsError: it belongs to somebody else.
    """
    if (owner := other_owner(root)) is not None:
        problem = (
            f"{root} belongs to {owner}: only {owner} can {what} it. Looking on is possible where "
            "its files can be read: `hpo why`, `hpo plan --like`, hpo.load_campaign"
        )
        raise SettingsError([problem], where="the command")


def read_own_campaign(layout: Layout) -> Any:
    """What campaign.json says, which jobs do: written by this user, and by nobody else since.

    Raises:
        OSError: missing, or not readable now.
        ValueError: it is no JSON.
        SettingsError: others could have written it.
    """
    path = layout.campaign
    with open_plain(path) as file:
        info = os.fstat(file.fileno())
        if info.st_uid != os.geteuid():
            problem = f"{path} belongs to {user_name(info.st_uid)}: a job runs what it names"
            raise SettingsError([problem], where=str(layout.root))
        if _writers(info) and layout.root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError([_written_by_others(path)], where=str(layout.root))
        return parse(read_all(file, path, MOST_CAMPAIGN_BYTES))


def create(layout: Layout, sharing: str) -> list[str]:
    """Make the folders, with the modes that `sharing` says, also where they were there before.

    They are made first and looked at then, because somebody may be faster than a look.

    Returns:
        Why they are not to be used after all.

    Raises:
        OSError: one of them cannot be made.
    """
    make_above(layout.root)
    with opening.opened(layout.root.parent) as above:
        opening.make_in(above, layout.root.name, ROOT_MODES[sharing])
    if problems := exposure_problems(layout.root, sharing):
        return problems
    _set_mode(layout.root, ROOT_MODES[sharing])
    with opening.opened(layout.root) as home:
        for folder in layout.inner:
            modes = JOBS_MODES if folder == layout.jobs else MODES
            opening.make_in(home, folder.name, modes[sharing])
            _set_mode(folder, modes[sharing])
    if sharing == PRIVATE and layout.root.stat().st_mode & 0o077:
        return [
            f"output_dir {layout.root} cannot be made private, because its filesystem keeps its "
            f'modes: choose another, or --set hpo.sharing="{GROUP}"'
        ]
    return exposure_problems(layout.root, sharing)


def _set_mode(folder: Path, mode: int) -> None:
    with opening.opened(folder, opening.READABLE) as home:
        opening.set_mode(home, mode)


def set_umask(sharing: str) -> None:
    """With the group as readers: of whatever this process and its children write from now on."""
    if sharing == GROUP:
        os.umask(0o027)


def is_same_folder(path: str, root: Path) -> bool:
    """Whether `path` leads to `root`, by whatever name."""
    try:
        return path == str(root) or Path(path).samefile(root)
    except (OSError, ValueError):  # the latter for a text that is no path
        return False


def login_name() -> str:
    """The user's, as other programs take it; their number where this machine has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def user_name(uid: int) -> str:
    """For people; the number of a user whom this machine does not know."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
