"""`hpo.ask_tell`: the search alone, for code that keeps its own loop.

The decisions are those of a campaign, taken by the same functions; with a folder they are journaled
as a campaign's are, so that the next program goes on.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits
from hpo.decisions.scheduler import Scheduler
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.errors import ConfigDriftError, ReportError, SettingsError
from hpo.folder import opening
from hpo.folder.files import Layout, make_above
from hpo.folder.journal import Header, Journal
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialState, TrialStatus, apply
from hpo.search.named import SEARCHERS
from hpo.search.own import OwnSearcher, PointsFirst
from hpo.search.random import AsyncRandomSearch, point_problems
from hpo.search.searcher import Searcher
from hpo.space.space import Space, read_space
from hpo.values import flat

if TYPE_CHECKING:
    import pandas as pd

NO_END = 10**9  # trials
PROGRAM = "ask_tell"  # who holds a leg here, and what the journal is called


@dataclass(frozen=True, slots=True)
class AskedTrial:
    """What to train now.

    Attributes:
        number: of the trial, from 0; under ASHA it comes again when it is promoted.
        config: its configuration.
        since: how far it was trained before (0: not at all).
        until: how far to train it now; None: as far as you mean to.
    """

    number: int
    config: dict[str, Any]
    since: int = 0
    until: int | None = None

    def epochs(self) -> range:
        """The epochs to train now, from 1 for a new trial.

        Raises:
            TypeError: nobody said how many there are: no ASHA, and no `max_epochs` in the space.
        """
        if self.until is None:
            raise TypeError(
                "nobody said how many epochs a trial has: put max_epochs into the space, or go "
                "through a range of your own"
            )
        return range(self.since + 1, self.until + 1)


class Study:
    """A search that is asked what to try, and told what came of it; made by `hpo.ask_tell`."""

    def __init__(
        self,
        searcher: Searcher,
        legs: LegPolicy,
        goal: Goal,
        n_trials: int | None,
        journal: Journal | None,
    ) -> None:
        self._goal = goal
        self._journal = journal
        self._state = CampaignState(goal=goal)
        most = NO_END if n_trials is None else n_trials
        limits = Limits(most, max_lost_legs=NO_END, max_initial_failures=0, offers_ahead=1)
        self._drawing = Scheduler(searcher, limits, legs)
        # What was told is decided on at once, and what is new drawn as late as possible.
        self._settling = Scheduler(searcher, replace(limits, offers_ahead=0), legs)
        if journal is not None:
            self._replay(journal)

    def ask(self) -> AskedTrial | None:
        """The next to train, a promoted one before a new one; None: there is nothing at present.

        With `n_trials`, or in a finite space, that is the end, unless trials that were asked for
        are still to be told.
        """
        self._decide(self._drawing)
        offered = [self._state.trials[i] for i in self._state.of(TrialStatus.OFFERED)]
        if not offered:
            return None
        trial = min(offered, key=lambda one: (-one.rung, one.trial_id))
        leg = (trial.trial_id, trial.rung, trial.attempt)
        self._commit([ev.LegClaimed(time.time(), *leg, _job(trial.trial_id))])
        return _asked(trial)

    def tell(
        self,
        trial: AskedTrial | int,
        value: float | Mapping[str, Any],
        *,
        resource: int | None = None,
    ) -> None:
        """What the trial came to.

        Args:
            trial: the one that was asked for, or its number.
            value: the metric, or a report that holds it; what is not finite is the worst.
            resource: how far it was trained; default: as far as was asked. One that has less is
                complete, and not promoted.

        Raises:
            ReportError: it is no number, or the trial is not being waited for.
        """
        state = self._claimed(trial)
        if isinstance(value, Mapping):
            report = value
            if self._goal.metric not in report:
                raise ReportError(f"the report has no {self._goal.metric!r}: {sorted(report)}")
            value = report[self._goal.metric]
            resource = report.get(self._goal.resource, resource)
        reached = _resource(state, resource)
        metric = _number(value)
        early = state.target is not None and reached < state.target
        self._end(state, Result(Outcome.COMPLETED, metric, reached, self._took(state), early=early))

    def fail(self, trial: AskedTrial | int, why: str) -> None:
        """The trial failed, and is not asked for again.

        Raises:
            ReportError: it is not being waited for.
        """
        state = self._claimed(trial)
        took = self._took(state)
        failed = Result(Outcome.FAILED, None, state.resource, took, cause="failed", message=why)
        self._end(state, failed)

    @property
    def best(self) -> AskedTrial | None:
        """The trial whose last value is the best; None: none has one."""
        number = self._state.best_trial
        return None if number is None else _asked(self._state.trials[number])

    @property
    def best_value(self) -> float | None:
        """What that is worth, in your own sign."""
        return self._state.best_metric

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial: its status, its value, how far it was trained, its configuration."""
        import pandas as pd

        rows = [
            {
                "trial_id": trial.trial_id,
                "status": "running" if trial.status is TrialStatus.CLAIMED else trial.status.value,
                "error": trial.metric,
                "resource": trial.resource,
                **flat(trial.config),
            }
            for trial in self._state.trials.values()
        ]
        return pd.DataFrame(rows, columns=None if rows else ["trial_id"]).set_index("trial_id")

    def __repr__(self) -> str:
        """How many trials it has, and the best."""
        best = "" if self.best is None else f", the best {self.best_value:.6g} ({self.best.config})"
        return f"<hpo.Study: {len(self._state.trials)} trials{best}>"

    def _claimed(self, trial: AskedTrial | int) -> TrialState:
        number = trial if isinstance(trial, int) else trial.number
        state = self._state.trials.get(number)
        if state is None or state.status is not TrialStatus.CLAIMED:
            known = sorted(self._state.of(TrialStatus.CLAIMED))
            raise ReportError(f"trial {number} is not being waited for; these are: {known}")
        return state

    def _took(self, state: TrialState) -> float:
        return max(0.0, time.time() - state.claimed_at)

    def _end(self, state: TrialState, result: Result) -> None:
        leg = (state.trial_id, state.rung, state.attempt)
        self._commit([ev.LegFinished(time.time(), *leg, _job(state.trial_id), result)])
        self._decide(self._settling)

    def _decide(self, scheduler: Scheduler) -> None:
        while decisions := scheduler.decide(self._state, time.time()):
            self._commit(decisions)

    def _commit(self, events: Iterable[ev.Event]) -> None:
        events = list(events)
        if self._journal is not None:
            self._journal.append(events)
        for event in events:
            apply(self._state, event)

    def _replay(self, journal: Journal) -> None:
        for event in journal.events:
            apply(self._state, event)
        journal.events.clear()
        now = time.time()
        self._commit(
            ev.LegLost(
                now,
                trial.trial_id,
                trial.rung,
                trial.attempt,
                _job(trial.trial_id),
                Cause.VANISHED.value,
                "the program that trained it ended",
                resource=trial.resource,
            )
            for trial in [self._state.trials[i] for i in self._state.of(TrialStatus.CLAIMED)]
        )
        self._commit(self._drawing.reopen(self._state, now))


def ask_tell(
    space: Mapping[str, Any] | Space,
    *,
    metric: str = "validation_error",
    mode: Literal["min", "max"] = "min",
    searcher: Searcher | Callable[[Space, int], Any] | str | Mapping[str, Any] | None = None,
    scheduler: Asha | None = None,
    seed: int = 0,
    points_to_evaluate: Sequence[Mapping[str, Any]] = (),
    n_trials: int | None = None,
    folder: str | Path | None = None,
) -> Study:
    """A search for code that keeps its own loop; nothing is started.

    Example:
        >>> study = hpo.ask_tell({"lr": hpo.loguniform(1e-4, 1e-1)}, n_trials=20)
        >>> while (trial := study.ask()) is not None:
        ...     study.tell(trial, train(**trial.config))
        >>> study.best.config  # doctest: +SKIP

    Args:
        space: the hyperparameters by name.
        metric: what a told number is called.
        mode: whether a smaller or a larger one is better.
        searcher: a name such as "tpe", or a mapping with it and its settings; a searcher of your
            own, or what makes one of (space, seed). Default: random search.
        scheduler: with `hpo.ASHA(max_t=27)` trials are trained rung by rung: only those among the
            best are asked for again. Keep their models by their numbers.
        seed: the same seed asks for the same trials.
        points_to_evaluate: configurations to try first.
        n_trials: how many to try; None: no end.
        folder: where to write down what happens, so that the next call goes on; None: nowhere.

    Raises:
        SettingsError: with all that is wrong.
        ConfigDriftError: the folder holds another search.
        JournalError: what lies in the folder is damaged.
    """
    whole, problems = (space, []) if isinstance(space, Space) else read_space(space)
    if not problems:
        problems += point_problems(whole, points_to_evaluate)
    if mode not in ("min", "max"):
        problems.append(f"mode must be 'min' or 'max', not {mode!r}")
    if n_trials is not None and n_trials < 1:
        problems.append(f"n_trials must be at least 1, not {n_trials}")
    made = None
    if not problems:
        made, problems = _searcher(searcher, whole, seed, points_to_evaluate)
    if made is None:
        raise SettingsError(problems, where="hpo.ask_tell")
    legs: LegPolicy = WholeTrials() if scheduler is None else scheduler
    identity = {
        "space": whole.to_json(),
        "metric": metric,
        "mode": mode,
        "seed": seed,
        "points_to_evaluate": [whole.completed(point) for point in points_to_evaluate],
        "scheduler": None if scheduler is None else scheduler.to_json(),
        "searcher": type(made).__name__,
    }
    journal = None if folder is None else _journal(Path(folder), identity)
    return Study(made, legs, Goal(metric, mode), n_trials, journal)


def _searcher(
    given: Any, space: Space, seed: int, points: Sequence[Mapping[str, Any]]
) -> tuple[Searcher | None, list[str]]:
    """What draws the trials, or what is wrong with what was given."""
    if given is None or given is AsyncRandomSearch:
        return AsyncRandomSearch(space, seed, points), []
    if isinstance(given, AsyncRandomSearch):
        return given, []
    if isinstance(given, (str, Mapping)):
        return _named(given, space, seed, points)
    is_made = hasattr(given, "suggest") and not isinstance(given, type)
    made = given if is_made else given(space, seed)
    if not callable(getattr(made, "suggest", None)):
        return None, [f"searcher: {made!r} has no method suggest(trial_id, taken, results)"]
    return PointsFirst(OwnSearcher(made, space), space, points), []


def _named(
    given: str | Mapping[str, Any], space: Space, seed: int, points: Sequence[Mapping[str, Any]]
) -> tuple[Searcher | None, list[str]]:
    """A searcher of this program, by its name or a mapping with it."""
    from hpo.settings.reading.checking import check_section
    from hpo.settings.searchers import MODELS

    asked = {"name": given} if isinstance(given, str) else dict(given)
    name = asked.get("name")
    if name not in MODELS:
        return None, [f"searcher: must be one of {', '.join(MODELS)}, or one of your own"]
    settings, problems = check_section(
        MODELS[name], asked, where=lambda _: "searcher", elsewhere={}
    )
    if settings is None:
        return None, problems
    chosen = settings.model_dump(exclude={"name"})
    return SEARCHERS[name](space, seed, points, **chosen), []


def _journal(folder: Path, identity: Mapping[str, Any]) -> Journal:
    layout = Layout(opening.settled(folder))
    make_above(layout.root)
    layout.root.mkdir(mode=0o700, exist_ok=True)
    text = json.dumps(identity, sort_keys=True)
    header = Header(PROGRAM, hashlib.sha256(text.encode()).hexdigest()[:16])
    journal = Journal(layout.journal, header)
    if journal.header != header:
        problem = f"{layout.root} holds another search; choose another folder, or move that away"
        raise ConfigDriftError([problem], where=str(layout.root))
    return journal


def _asked(trial: TrialState) -> AskedTrial:
    return AskedTrial(trial.trial_id, dict(trial.config), trial.resource, trial.target)


def _job(number: int) -> str:
    """Who holds a leg: nobody holds two."""
    return f"{PROGRAM}-{number}"


def _resource(trial: TrialState, given: object) -> int:
    if given is None:
        return trial.resource + 1 if trial.target is None else trial.target
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise ReportError(f"how far trial {trial.trial_id} was trained is no number: {given!r}")
    return given


def _number(value: object) -> float | None:
    """The value; None: it is not finite."""
    try:
        if isinstance(value, (str, bool)):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]  # whatever knows how to be a number
    except (TypeError, ValueError) as err:
        raise ReportError(f"the value must be a number, not {value!r}") from err
    return number if math.isfinite(number) else None
