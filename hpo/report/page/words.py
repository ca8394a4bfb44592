"""What each picture shows, in a sentence or two: above it, and in its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hpo.record.state import CampaignState, TrialStatus
from hpo.report.page.history import History
from hpo.report.page.lanes import IDLE, PREEMPTED, RUNS, STARTING, WAITING, Lanes
from hpo.report.page.scales import Axis, hours_text
from hpo.shown import one_line
from hpo.units.duration import in_words

DAY_S = 86400.0


def span(seconds: float) -> str:
    """How long something took, also where it took days."""
    if seconds < 2 * DAY_S:
        return in_words(seconds)
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days} days {rest} h" if rest else f"{days} days"


def count(number: int, word: str) -> str:
    """`1 trial`, `81 trials`, `no trial`."""
    return f"{number or 'no'} {word}{'' if number in (0, 1) else 's'}"


def value_text(value: float) -> str:
    """A value of the metric as people compare them."""
    return f"{value:.6g}"


def outcome(state: CampaignState, results: int) -> str:
    """The campaign in a sentence."""
    best, value = state.best_trial, state.best_metric
    if best is not None and value is not None:
        trial, goal = state.trials[best], state.goal
        so_far = "" if state.ended is not None else "So far "
        return (
            f"{so_far}{'t' if so_far else 'T'}rial {best} is the best of {results} with a result: "
            f"{one_line(goal.metric)} {value_text(value)}"
            f" at {one_line(goal.resource)} {trial.resource}."
        )
    failed = len(state.of(TrialStatus.FAILED))
    if failed:
        causes = {state.trials[i].cause or "" for i in state.of(TrialStatus.FAILED)}
        why = f", all with {one_line(causes.pop())}" if len(causes) == 1 else ""
        return f"No trial has a result: {failed} failed{why}."
    running = len(state.of(TrialStatus.CLAIMED))
    if running:
        return f"No trial has a result yet; {running} run{'s' if running == 1 else ''}."
    return "No trial has a result yet, and none runs."


def incumbent(history: History, end: float, axis: Axis | None) -> str:
    """How the best value came about."""
    steps = history.incumbents
    if not steps or history.state.started_at is None:
        return "There is no result yet."
    metric = one_line(history.state.goal.metric)
    first, last = steps[0], steps[-1]
    ago = span(max(0.0, end - last.time))
    if len(steps) == 1:
        text = f"The first result, {metric} {value_text(first.value)}, is still the best."
    else:
        text = (
            f"The best {metric} went from {value_text(first.value)} to {value_text(last.value)} in "
            f"{len(steps)} steps; the last one, by trial {last.trial_id}, came {ago} before the end"
            " of this picture."
        )
    if any(history.state.goal.better(a.value, b.value) for a, b in pairwise(steps)):
        text += (
            " Where the line gets worse, the leading trial had trained on and lost what it had been"
            " worth."
        )
    return text + _outside(axis)


def curves(shown: int, looked_at: int, started: int, axis: Axis | None) -> str:
    """Which learning curves are drawn: of so many trials that were looked at, and of all."""
    if not shown:
        return "No trial has reported yet."
    if looked_at == started:
        text = f"One line for each trial that has reported: {shown} of {started}."
    else:
        text = f"{shown} of {started} trials: the best, those that run, and a sample of the others."
    return f"{text} The best one is drawn strongest.{_outside(axis)}"


def rungs(levels: Sequence[int], rows: Sequence[Mapping[str, int | float | None]]) -> str:
    """How many trials got how far."""
    if not levels:
        return "This campaign has no rungs: each trial is trained to its end."
    if not any(row["results"] for row in rows):
        return "No trial has reached a rung yet."
    counts: dict[int, list[int]] = {}
    for row in rows:
        both = counts.setdefault(int(row["level"] or 0), [0, 0])
        both[0] += int(row["results"] or 0)
        both[1] += int(row["promoted"] or 0)
    told = ", ".join(f"{number} reached {level}" for level, (number, _) in counts.items())
    return f"Of the trials {told}. A line joins what a trial was worth at two rungs."


def seats(lanes: Lanes) -> str:
    """What the jobs did with their time."""
    if not lanes.lanes:
        return "No job has taken a trial yet."
    whole = sum(lanes.seconds.values())
    names = {
        RUNS: "training",
        STARTING: "starting (estimated from legs of different length)",
        WAITING: "waiting for a job",
        PREEMPTED: "after a preemption or a fault",
        IDLE: "without work",
    }
    parts = [
        f"{100 * lanes.seconds[kind] / whole:.0f} % {name}"
        for kind, name in names.items()
        if whole and lanes.seconds[kind] / whole >= 0.005
    ]
    text = f"Up to {count(lanes.lanes, 'job')} ran at once. Of their time: {', '.join(parts)}."
    if lanes.shown < lanes.lanes:
        text += f" {lanes.shown} of the {lanes.lanes} are drawn."
    return text


def slices(names: int, results: int, axis: Axis | None) -> str:
    """What is drawn against the hyperparameters."""
    if not names:
        return "Nothing is searched: all hyperparameters are constant."
    if not results:
        return "No trial has a result yet."
    return (
        "One dot for each trial, at the value it has now; the stronger its colour, the further it"
        f" was trained.{_outside(axis)}"
    )


def parallel(best: int, sample: int) -> str:
    """Which trials the lines are."""
    if best < 2:
        return "There are too few results to compare."
    which = f"one of the {best} best; grey: {sample} others, evenly spread" if sample else "a trial"
    return f"Each line is {which}. The best is drawn strongest. Drag along an axis to select."


def lost(history: History, factor: float, hours_of: str) -> str:
    """What preemptions and faults have cost; empty: nothing."""
    state = history.state
    if not state.lost.legs:
        return ""
    causes = ", ".join(f"{n} {one_line(cause)}" for cause, n in history.lost.most_common())
    hours = hours_text(state.lost.seconds / 3600 * factor)
    return (
        f"{count(state.lost.legs, 'leg')} lost ({causes}): {hours} {hours_of}-hours to be redone."
    )


def _outside(axis: Axis | None) -> str:
    if axis is None or not axis.outside:
        return ""
    is_one = axis.outside == 1
    return f" {axis.outside} value{' is' if is_one else 's are'} far worse and drawn at the edge."
