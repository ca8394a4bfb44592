"""Follows a campaign through its files, look by look; what each look found is one `News`.

Knows no screen. Reads only, and each look only what is new: the journal, which is exact, from where
the last look ended; status.json for what the journal does not hold; the trial that is looked at.
Whatever cannot be read now is said in `News.trouble`, and what was known stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError, TransitionError
from hpo.folder import opening
from hpo.folder.campaign import Start, last_start, require
from hpo.folder.files import Layout
from hpo.folder.growing import GrowingJournal, JournalLook
from hpo.manager import liveness
from hpo.manager.liveness import Life, ManagerSeen
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.chronicle import Chronicle, Incumbent, Seats
from hpo.report.status_document import Beat, Status
from hpo.report.story import Rules, Step, Teller
from hpo.watch.followed_log import FollowedLog
from hpo.watch.rows import Row, row_of
from hpo.watch.selected import Selected, SelectedTrial
from hpo.watch.trial_story import TrialStory, rules_of

SHORT_STAMP = "%m-%d %H:%M:%S"


class View(Enum):
    """What is looked at beside the table."""

    STORY = "story"
    CURVE = "curve"
    LOG = "log"
    SEATS = "seats"
    BEST = "best"
    MANAGER = "manager"


NOT_SEEN = ManagerSeen(Life.NONE)
OF_TRIAL = (View.STORY, View.CURVE, View.LOG)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked at: that alone is read besides the table."""

    trial_id: int | None = None
    view: View = View.STORY


@dataclass(frozen=True, slots=True)
class News:
    """What one look found; what a view does not show is empty.

    Attributes:
        root: the campaign's folder.
        name: what the campaign is called; empty: nothing is known of it.
        rules: its words.
        anew: the rows replace all that were known.
        rows: the trials that have changed.
        varied: hyperparameters that differ between trials, in their order.
        left_bytes: of the journal that were not read yet.
        status: what the manager last said.
        manager: who that is.
        start: how it was started last.
        counts: trials by status.
        best: the incumbent's row; None: there is none.
        started_at: when the campaign began (s, Unix).
        ended: why it has ended; None: it has not.
        ending: why it is about to.
        latest: when anything happened last (s, Unix).
        incumbents: how the best result came to be.
        seats: how many legs ran.
        trial: what is known of the trial that is looked at.
        log: the last lines of the manager's log, and where it lies.
        trouble: what cannot be read now.
    """

    root: Path
    name: str = ""
    rules: Rules = field(default_factory=Rules)
    anew: bool = False
    rows: Mapping[int, Row] = field(default_factory=dict)
    varied: Sequence[str] = ()
    left_bytes: int = 0
    status: Status | None = None
    manager: ManagerSeen = NOT_SEEN
    start: Start | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    best: Row | None = None
    started_at: float | None = None
    ended: str | None = None
    ending: str | None = None
    latest: float | None = None
    incumbents: Sequence[Incumbent] = ()
    seats: Sequence[Seats] = ()
    trial: SelectedTrial | None = None
    log: Sequence[str] = ()
    log_path: Path | None = None
    trouble: str = ""

    @property
    def goal(self) -> Goal:
        """What trials are compared by."""
        return self.rules.goal


class Follower:
    """One campaign; `look` as often as wanted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._journal = GrowingJournal(Layout(opening.settled(root)).journal)
        self._document: Mapping[str, Any] | None = None
        self._layout = Layout(opening.settled(root))
        self._status: Status | None = None
        self._log: FollowedLog | None = None
        self._stumbled = False  # and the journal is to be read anew
        self._fault = ""  # why it is not read on, and its size then
        self._stopped_at = 0
        self._forget(Rules())

    def _forget(self, rules: Rules) -> None:
        self._teller = Teller(rules)
        self._chronicle = Chronicle()
        self._steps: dict[int, list[Step]] = {}
        self._since: dict[int, float] = {}
        self._first_config: Mapping[str, Any] = {}
        self._varied: dict[str, None] = {}
        self._latest: float | None = None
        self._live: set[int] = set()  # whose row shows what status.json told
        self._selected: Selected | None = None

    @property
    def state(self) -> CampaignState:
        """The campaign, as far as its journal was read."""
        return self._teller.state

    def look(self, wish: Wish) -> News:
        """What is new, and all of what is looked at."""
        try:
            return self._look(wish)
        except (OSError, SettingsError) as err:
            return self._news(wish, set(), anew=False, left_bytes=0, trouble=str(err))

    def _look(self, wish: Wish) -> News:
        if self._document is None:
            self._layout, self._document = require(self.root)
            self._journal = GrowingJournal(self._layout.journal)
            self._forget(rules_of(self._document))
        changed: set[int] = set()
        found = self._read_journal() or JournalLook([])
        if found.anew:
            self._document = require(self.root)[1]
            self._forget(rules_of(self._document))
        fault = found.fault
        try:
            for event in found.events:
                changed |= self._follow(event)
        except TransitionError as err:
            fault = str(err)
        if fault:
            self._stumble(fault)
        elif found.events and not found.left_bytes:
            self._stumbled, self._fault = False, ""
        status = Status.read(self._layout)
        if status is not None and status != self._status:
            self._status = status
            live = {told.trial_id for told in status.running if told.trial_id in self.state.trials}
            changed |= live | self._live
            self._live = live
        left = 0 if fault else found.left_bytes
        return self._news(wish, changed, anew=found.anew, left_bytes=left, trouble=self._fault)

    def _read_journal(self) -> JournalLook | None:
        """What is new in the journal; None: there is none yet, or it is left alone."""
        path = self._layout.journal
        try:
            if self._fault and path.stat().st_size == self._stopped_at:
                return None
            return self._journal.look()
        except FileNotFoundError:
            if self.state.trials or not self._layout.root.is_dir():
                raise
            return None

    def _stumble(self, fault: str) -> None:
        """The journal goes on with what cannot follow: it is read anew once, then left alone.

        Because a manager may have cut back what it could not write, and gone on from there.
        """
        self._journal.rewind()
        if self._stumbled:
            self._fault = fault
            self._stopped_at = self._layout.journal.stat().st_size
        self._stumbled = not self._stumbled

    def _follow(self, event: ev.Event) -> set[int]:
        """Take in an event; the trials whose rows it changes."""
        state = self.state
        best = state.best_trial
        reason = self._teller.follow(event)
        self._chronicle.follow(event, state)
        self._latest = event.time if self._latest is None else max(self._latest, event.time)
        step = self._teller.step(event, reason)
        if not isinstance(event, ev.TrialDrawn | ev.TrialEvent):
            if step is not None:
                for trial_id in state.trials:
                    if self._teller.concerns(event, trial_id):
                        self._steps[trial_id].append(step)
            again = set(event.trial_ids) if isinstance(event, ev.RetryAsked) else set()
            self._since |= dict.fromkeys(again, event.time)
            return again
        if isinstance(event, ev.TrialDrawn):
            self._steps[event.trial_id] = []
            self._compare(event.config)
        if step is not None:
            self._steps[event.trial_id].append(step)
        self._since[event.trial_id] = event.time
        return {event.trial_id, *(i for i in (best, state.best_trial) if i is not None)}

    def _compare(self, config: Mapping[str, Any]) -> None:
        """Which hyperparameters are not the same in all trials."""
        if not self._first_config:
            self._first_config = config
        for name, value in config.items():
            if name not in self._varied and self._first_config.get(name, _MISSING) != value:
                self._varied[name] = None

    def _news(
        self, wish: Wish, changed: Iterable[int], *, anew: bool, left_bytes: int, trouble: str
    ) -> News:
        state, status = self.state, self._status
        told = {} if status is None else {one.trial_id: one for one in status.running}
        rows = {
            trial_id: row_of(state, trial_id, self._since[trial_id], told.get(trial_id))
            for trial_id in changed
            if trial_id in self._since
        }
        best = state.best_trial
        document = self._document
        order = [name for name in self._first_config if name in self._varied]
        order += [name for name in self._varied if name not in order]
        return News(
            self.root,
            name="" if document is None else str(document["campaign"]),
            rules=self._teller.rules,
            anew=anew,
            rows=rows,
            varied=order if len(state.trials) > 1 else list(self._first_config),
            left_bytes=left_bytes,
            status=status,
            manager=self._manager(),
            start=None if document is None else last_start(document),
            counts={s.value: len(state.of(s)) for s in TrialStatus if state.of(s)},
            best=None if best is None else row_of(state, best, self._since[best], None),
            started_at=state.started_at,
            ended=state.ended,
            ending=state.ending,
            latest=self._latest,
            incumbents=tuple(self._chronicle.incumbents) if wish.view is View.BEST else (),
            seats=tuple(self._chronicle.seats) if wish.view is View.SEATS else (),
            trial=self._trial(wish) if wish.view in OF_TRIAL else None,
            log=self._manager_log() if wish.view is View.MANAGER else (),
            log_path=self._log.path if self._log is not None else None,
            trouble=trouble.replace(f"{self._layout.root}/", ""),
        )

    def _trial(self, wish: Wish) -> SelectedTrial | None:
        trial_id = wish.trial_id
        if trial_id is None or trial_id not in self.state.trials or self._document is None:
            return None
        if self._selected is None or self._selected.trial_id != trial_id:
            name = str(self._document["campaign"])
            told = TrialStory(self._layout, name, self._teller.rules, stamp=SHORT_STAMP)
            self._selected = Selected(told, trial_id)
        return self._selected.look(self.state, self._steps[trial_id])

    def _manager(self) -> ManagerSeen:
        beat = Beat() if self._status is None else self._status.beat
        try:
            return liveness.look(self._layout, beat)
        except OSError:  # nobody can say just now
            return ManagerSeen(Life.SILENT, beat.at, beat.host, beat.pid, beat.job_id)

    def _manager_log(self) -> Sequence[str]:
        """The last lines of the log of the manager that began last."""
        try:
            names = opening.names_in(self._layout.root)
            last = max((name for name in names if name.startswith(_LOG_BEGINS)), default=None)
            if last is None:
                return ()
            path = self._layout.root / last
            if self._log is None or self._log.path != path:
                self._log = FollowedLog(path)
            return self._log.look()
        except OSError as err:
            return [f"(not readable now: {err.strerror or err})"]


_MISSING = object()
_LOG_BEGINS = "hpo_campaign_"
