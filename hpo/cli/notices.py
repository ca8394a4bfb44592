"""Who is told of a campaign, from its settings: the address is looked up here, and kept nowhere."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from hpo.folder.files import Layout
from hpo.manager.notifier import AddressWay, CommandWay, Notifier, Way
from hpo.report.notices import Occasions
from hpo.settings.notify import NotifySettings, web_address
from hpo.settings.reading.finding import absolute
from hpo.settings.search import HpoSettings

log = logging.getLogger(__name__)

MOST_BYTES = 10_000  # of a file that holds an address


def notice_problems(hpo: HpoSettings, overrides: Sequence[str]) -> list[str]:
    """Why nobody could be told, or others would learn the address."""
    notify = hpo.notify
    if notify is None:
        return []
    elsewhere = "name a file that only you can read in notify.url_file, or use notify.url_env"
    problems = []
    if any("notify" in word and "://" in word for word in overrides):
        problems.append(
            f"an address on the command line is seen by all users of this machine: {elsewhere}"
        )
    elif notify.url is not None and hpo.sharing != "private":
        problems.append(
            "notify.url stands in a configuration that others may read, as they read the "
            f"campaign's folder: {elsewhere}"
        )
    try:
        _address(notify)
    except ValueError as err:
        problems.append(str(err))
    return problems


def _address(notify: NotifySettings) -> str | None:
    """Where to post; None: nowhere.

    Raises:
        ValueError: what was named holds no address, or others can read it; the message says which.
    """
    if notify.url_env is not None:
        found = os.environ.get(notify.url_env, "")
        where = f"the environment variable {notify.url_env} (notify.url_env)"
        if not found:
            raise ValueError(f"{where} is not set here: export it before the campaign is started")
    elif notify.url_file is not None:
        path = absolute(notify.url_file, Path.cwd())
        where = f"{path} (notify.url_file)"
        found = _read(path, where)
    else:
        return notify.url
    first = (found.strip().splitlines() or [""])[0]
    try:
        return web_address(first)
    except ValueError as err:
        raise ValueError(f"{where} {err}") from err


def _read(path: Path, where: str) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{where} is no plain file")
            if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ValueError(f"{where} can be read by others: chmod 600 it")
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as err:
        raise ValueError(f"{where} cannot be read: {err.strerror or err}") from err


def notifier_of(hpo: HpoSettings, layout: Layout, executor: str) -> Notifier:
    """Who tells of the campaign; where nobody asked for it, or time is simulated, it says nothing.

    Raises:
        ValueError: see `notice_problems`, which tells it beforehand.
    """
    notify = hpo.notify
    name, folder = layout.root.name, str(layout.root)
    ways: list[Way] = []
    if notify is None or executor == "simulated":
        notify = None
    else:
        if notify.mail:
            _ask_for_mail(executor)
        if notify.command is not None:
            ways.append(CommandWay(notify.command, name, folder))
        if (address := _address(notify)) is not None:
            ways.append(AddressWay(address, name, folder))
    occasions = Occasions(
        name,
        folder,
        stuck_after=float("inf") if notify is None else notify.stuck_after,
        better_every=0.0 if notify is None else notify.better_every,
    )
    return Notifier(occasions, ways, () if notify is None else notify.on)


def _ask_for_mail(executor: str) -> None:
    if executor != "slurm":
        log.warning("notify.mail: no mail will come, because the campaign does not run on SLURM")
        return
    from hpo.cluster.slurm.mail import ask_for_mail  # here, because few campaigns need it

    if why := ask_for_mail():
        log.warning("notify.mail: no mail will come: %s", why)
