"""Who is told when something happens to a campaign: the setting `notify`.

It is in no file of the campaign, because an address may hold a token, and others may read those.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hpo.settings.types import TEXT, Name, Settings, Takes, TextPath, Words

Kind = Literal["end", "broken", "stuck", "better"]


def web_address(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: it is no address of a web server; what it is is not told.
    """
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_one = False
    if not is_one or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be an address that begins with https:// or http://")
    return text


def _read_command(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


class NotifySettings(Settings):
    """Who is told when a campaign ends, breaks, is stuck, or finds a better one."""

    mail: bool = False
    """SLURM writes to you when the manager's job ends, whether well or not. It knows of nothing
    else: for the rest use `command` or an address."""

    command: Annotated[Words | None, BeforeValidator(_read_command), Takes((TEXT,))] = None
    """Words of a command that is run, or a text of them; no shell sees them. `{kind}`,
    `{campaign}`, `{subject}`, `{text}`, `{folder}` stand for what there is to tell; the text is
    also on its standard input: `mail -s {subject} you@example.org`."""

    url: Annotated[Name, AfterValidator(web_address)] | None = None
    """An address that gets it as JSON by POST: a webhook of Slack, Mattermost, Discord."""

    url_env: Name | None = None
    """The environment variable, where the manager starts, that holds the address instead."""

    url_file: TextPath | None = None
    """A file that only you can read whose first line is the address instead."""

    on: list[Kind] = ["end", "broken", "stuck"]  # noqa: RUF012  # because pydantic copies it
    """What is told: that the campaign has ended (`end`), cannot go on (`broken`), has not moved for
    `stuck_after` (`stuck`), has found a better one (`better`)."""

    stuck_after: Annotated[float, Field(ge=60)] = 14_400.0
    """Seconds in which work waits and no job takes any, until the campaign counts as stuck."""

    better_every: Annotated[float, Field(ge=0)] = 3600.0
    """Seconds between two words about a better one, at least; the last of them is told."""

    @model_validator(mode="after")
    def _has_one_way(self) -> NotifySettings:
        addresses = [self.url, self.url_env, self.url_file]
        if sum(way is not None for way in addresses) > 1:
            raise ValueError("one of url, url_env and url_file says the address, not several")
        if not self.mail and self.command is None and addresses == [None] * 3:
            raise ValueError("says nobody whom to tell: mail, command, url, url_env or url_file")
        return self
