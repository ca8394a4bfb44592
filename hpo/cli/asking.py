"""What the commands share that ask something of a campaign which goes on, or will.

They look at the journal, say at once what would be refused, leave a request in the folder, and tell
who takes it up, and when. Changes nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.cli.clusters import is_alive
from hpo.cli.printing import say
from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits
from hpo.decisions.steering import Answer, Steering
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder import requests
from hpo.folder.campaign import Start, last_start, require
from hpo.folder.copies import origin
from hpo.folder.files import Layout
from hpo.folder.journal import read_events
from hpo.folder.requests import Request
from hpo.folder.safety import require_own
from hpo.manager.lock import holder_of
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, apply
from hpo.shown import shell_words
from hpo.space.space import Space
from hpo.space.stored import stored_space

TAKEN_UP_S = 6.0  # a manager that lives looks every second or two
LOOK_S = 0.2
WHERE = "the command"


@dataclass(frozen=True, slots=True)
class Known:
    """A campaign as its files tell it now; `space` is None where the file does not tell it."""

    layout: Layout
    document: Mapping[str, Any]
    state: CampaignState
    steering: Steering
    space: Space | None
    start: Start | None

    def answer(self, request: Request) -> Answer:
        """What the manager would make of the request now."""
        return self.steering.answer(self.state, "", request, request.time)

    @property
    def next_start(self) -> str:
        """The command that goes on with the campaign."""
        if self.start is None:
            return "the command that started it"
        return f"cd {shell_words([self.start.folder])} && {self.start.command}"


def look(root: Path, what: str) -> Known:
    """The campaign in `root`, to do `what` with it.

    Raises:
        SettingsError: there is none, or it is not to be changed from here.
        JournalError: its journal is damaged.
    """
    layout, document = require(root)
    require_own(layout.root, what)
    if (other := origin(layout, document)) is not None:
        problem = (
            f"{layout.root} was copied or moved from {other.path} and not started since: start it "
            "here first, so that it is a campaign of its own"
        )
        raise SettingsError([problem], where=WHERE)
    try:
        state = CampaignState(Goal.from_json(document["seat"]))
        for event in read_events(layout.journal):
            apply(state, event)
        n_trials = int(document["settings"]["hpo"]["n_trials"])
        legs = _legs(document)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        problem = f"{layout.campaign} was changed: {err!r}; start the campaign once, and ask then"
        raise SettingsError([problem], where=WHERE) from err
    space = _space(document)
    steering = Steering(Limits(n_trials), legs, space)
    return Known(layout, document, state, steering, space, last_start(document))


def _legs(document: Mapping[str, Any]) -> LegPolicy:
    identity = document["identity"]
    rungs = identity.get("scheduler")
    if rungs is None:
        return WholeTrials()
    levels = tuple(int(level) for level in rungs["levels"])
    name = str(document["seat"].get("max_resource_attr", "max_epochs"))
    constant = identity["space"].get(name, {}).get("type") == "constant"
    return Asha(
        max_t=levels[-1],
        reduction_factor=max(2, int(rungs["reduction_factor"])),
        stopping=rungs["type"] == "stopping",
        ladder=levels,
        max_resource_attr=name if constant else "",
    )


def _space(document: Mapping[str, Any]) -> Space | None:
    try:
        return stored_space(document["identity"]["space"])
    except ValueError:
        return None


def ask(
    known: Known,
    asked: Sequence[Request],
    told: Sequence[str],
    refused: Sequence[str],
    *,
    json_: bool,
) -> int:
    """Leave the requests, and tell who takes them up; the exit code.

    Args:
        known: the campaign.
        asked: what is asked for, all of which can be met by now.
        told: what that means, in sentences.
        refused: what of it cannot, in sentences.
        json_: print one JSON object instead of sentences.

    Raises:
        SettingsError: nothing is left to ask for, or it cannot be written.
    """
    if not asked:
        raise SettingsError(list(refused), where=WHERE)
    try:
        tokens = [requests.ask(known.layout, request) for request in asked]
    except OSError as err:
        problem = f"{known.layout.requests} cannot be written: {err.strerror}"
        raise SettingsError([problem], where=WHERE) from err
    holder = holder_of(known.layout)
    executor = known.start.executor if known.start else "slurm"
    alive = False if holder is None else is_alive(holder, executor)
    taken_up = bool(alive) and _is_taken_up(known.layout, tokens)
    if json_:
        document = {
            "campaign": str(known.layout.root),
            "requests": [
                {"token": token, "request": type(request).__name__} | asdict(request)
                for token, request in zip(tokens, asked, strict=True)
            ],
            "refused": list(refused),
            "manager": {True: "alive", False: "none", None: "unknown"}[alive],
            "taken_up": taken_up,
            "next_start": known.next_start,
        }
        say(json.dumps(document))
        return EXIT_FINISHED
    for line in (*told, *refused):
        say(line)
    say(_who_takes_it_up(known, str(holder), alive=alive, taken_up=taken_up))
    return EXIT_FINISHED


def _is_taken_up(layout: Layout, tokens: Sequence[str]) -> bool:
    deadline = time.monotonic() + TAKEN_UP_S
    while any(layout.request(token).exists() for token in tokens):
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_S)
    return True


def _who_takes_it_up(known: Known, holder: str, *, alive: bool | None, taken_up: bool) -> str:
    if taken_up:
        return "the manager has taken it up: its log says what follows"
    if alive:
        return f"the manager ({holder}) takes it up when it can read the folder again"
    if alive is None:
        return (
            f"whether the manager ({holder}) lives cannot be seen from here: it takes this up, or "
            f"the next start does: {known.next_start}"
        )
    return f"no manager runs: this waits for the next start: {known.next_start}"
