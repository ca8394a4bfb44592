"""Which code a campaign has run: noted in campaign.json at each start, and told where it changes.

Owns the form of the notes, and the two lines of the log. That code differs stops nobody: who mends
a typing error in the middle of a search wants it to go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.manager import repository
from hpo.record import events as ev
from hpo.record.result import Result
from hpo.record.state import CampaignState
from hpo.trial.code import Code

log = logging.getLogger(__name__)

KEPT = 20  # notes in campaign.json
NAMED = 3  # files in a line of the log
TOLD = 5  # other versions, each once


def noted(known: object, code: Code | None, now: float) -> list[dict[str, Any]]:
    """The notes of the starts, with one more where the code is another than at the last."""
    notes = [note for note in known if isinstance(note, dict)] if isinstance(known, list) else []
    if code is None or (notes and notes[-1].get("digest") == code.digest):
        return notes
    files = [code.folders[name] / name for name in code.digests]
    note = {
        "since": now,
        "digest": code.digest,
        "files": dict(code.digests),
        "git": repository.state_of(files),
    }
    return [*notes, note][-KEPT:]


def changes(known: object, notes: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the code differs from that of the last start, in a line; nothing where it does not."""
    if not isinstance(known, list) or not known or not notes or known[-1] == notes[-1]:
        return []
    before, after = _files(known[-1]), _files(notes[-1])
    names = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" * (len(names) > NAMED))
    return [f"the objective's code ({shown}): {_version(known[-1])} -> {_version(notes[-1])}"]


def _files(note: object) -> Mapping[str, Any]:
    files = note.get("files") if isinstance(note, Mapping) else None
    return files if isinstance(files, Mapping) else {}


def _version(note: object) -> str:
    if not isinstance(note, Mapping):
        return "nothing"
    git = note.get("git")
    text = str(note.get("digest"))[:40]
    if isinstance(git, Mapping) and git.get("commit"):
        text += f" (commit {str(git['commit'])[:10]}{', edited' if git.get('dirty') else ''})"
    return text


@dataclass(slots=True)
class CodeTeller:
    """Says where results are of other code; `digest` is that of the last start, None: unknown."""

    digest: str | None = None
    _told: set[str] = field(default_factory=set)

    def begin(self, state: CampaignState) -> None:
        """Count the results that stand and are of older code."""
        ends = (trial.ended_leg for trial in state.trials.values())
        codes = [end.result.code for end in ends if isinstance(end, ev.LegFinished)]
        other = [code for code in codes if code and code != self.digest]
        self._told.update(other)
        if self.digest is not None and other:
            log.warning(
                "the objective's code has changed since %d of the %d results there are: they are "
                "compared with those of the new code all the same; `code` in the results, and the "
                "column of load_campaign, tell them apart",
                len(other),
                len(codes),
            )

    def follow(self, trial_id: int, result: Result) -> None:
        """A leg has ended."""
        if not result.code or result.code in self._told:
            return
        if self.digest is None:
            self.digest = result.code
        if result.code != self.digest and len(self._told) < TOLD:
            self._told.add(result.code)
            log.warning(
                "trial %d ran other code (%s) than the campaign was started with (%s): the "
                "objective's files were edited meanwhile. `code` in the results tells them apart; "
                "with `snapshot_code: true` jobs run a copy",
                trial_id,
                result.code,
                self.digest,
            )
