"""What jobs tell of starts that failed: said in the log at once, and acted on.

Looks at the small files in `jobs/starts/` in each tick; what follows for a node is decided in
`decisions.failed_starts`. A campaign none of whose jobs ever started is not tried for long.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator

from hpo.decisions.failed_starts import FailingNode, nodes_to_leave
from hpo.errors import SeatsBrokenError
from hpo.folder import starts
from hpo.folder.files import Layout
from hpo.folder.starts import FailedStart
from hpo.record import events as ev
from hpo.record.state import CampaignState
from hpo.units.duration import in_words

log = logging.getLogger(__name__)

FRESH_S = 120.0  # a job that still tries says so again within
FORGET_S = 3600.0
NEVER_S = 600.0  # no job of the campaign ever started, and so long they have tried
HOPELESS_S = 60.0  # likewise, where what fails is a command that is not there
_OF_FILES = frozenset({"python", "imports"})
_SAY_AGAIN_S = 3600.0


class StartWatch:
    """The starts of the jobs of one campaign, as one manager sees them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen: dict[str, tuple[int, float]] = {}  # by job: tries, and when that was new
        self._failing: list[FailedStart] = []
        self._said: dict[str, tuple[set[str], float]] = {}  # by reason: nodes, and when
        self._told_ground = False
        self._told_out: frozenset[str] | None = None

    @property
    def failing(self) -> list[FailedStart]:
        """The jobs that try to start now."""
        return self._failing

    def look(self, now: float) -> None:
        """Read what is there, and say what is new."""
        self._failing = [
            start for start in starts.failed(self._layout) if self._is_fresh(start, now)
        ]
        self._tell(now)
        if not self._told_ground and (found := starts.ground(self._layout)):
            self._told_ground = True
            _tell_ground(found)

    def due(self, out: frozenset[str], now: float) -> Iterator[ev.NodeQuarantined]:
        """The nodes to be left alone from now on; `out` are so already."""
        if self._failing:
            nodes = _by_node(self._failing)
            yield from nodes_to_leave(nodes, starts.up(self._layout), out, now)

    def publish(self, out: frozenset[str]) -> None:
        """Let jobs that cannot start on these nodes try elsewhere.

        Raises:
            OSError: it cannot be written.
        """
        if out != (self._told_out or frozenset()):
            starts.publish_leave(self._layout, out)
        self._told_out = out

    def stop_if_hopeless(self, state: CampaignState, now: float) -> None:
        """Where no job of the campaign ever started, and it is no matter of waiting.

        Raises:
            SeatsBrokenError: the environment on the nodes is broken.
        """
        if not self._failing or state.ending is not None:
            return
        first = min(self._failing, key=lambda start: start.since)
        tried_s = first.last - first.since
        is_command = "exit code 127" in first.why
        if tried_s < (HOPELESS_S if is_command else NEVER_S) or _has_begun(state):
            return
        if starts.up(self._layout):
            return
        nodes = ", ".join(sorted({start.node for start in self._failing}))
        raise SeatsBrokenError(
            f"no job of this campaign could start, in {in_words(round(tried_s))}, on {nodes}: "
            f"{_words(first)}. Mend the environment (`env_setup`, `python`, `pythonpath`) and "
            "start again; no trial is lost"
        )

    def _is_fresh(self, start: FailedStart, now: float) -> bool:
        tries, since = self._seen.get(start.job_id, (0, now))
        if tries != start.tries:
            self._seen[start.job_id] = start.tries, now
            return True
        if now >= since + FORGET_S:
            starts.forget(self._layout, start)
            del self._seen[start.job_id]
        return now < since + FRESH_S

    def _tell(self, now: float) -> None:
        by_reason: dict[str, list[FailedStart]] = defaultdict(list)
        for start in self._failing:
            by_reason[start.why].append(start)
        for reason, failing in by_reason.items():
            nodes, at = self._said.get(reason, (set(), float("-inf")))
            now_at = {start.node for start in failing}
            if now < at + _SAY_AGAIN_S and len(nodes | now_at) < 2 * len(nodes):
                continue
            self._said[reason] = nodes | now_at, now
            jobs = ", ".join(start.job_id for start in failing[:3])
            log.warning(
                "jobs cannot start on %s (%s%s): %s; they hold their places and try again",
                ", ".join(sorted(nodes | now_at)),
                jobs,
                ", …" if len(failing) > 3 else "",
                _words(failing[0]),
            )
        for reason in [reason for reason in self._said if reason not in by_reason]:
            nodes, _ = self._said.pop(reason)
            log.info("no job fails to start on %s any more", ", ".join(sorted(nodes)))


def _has_begun(state: CampaignState) -> bool:
    return any(trial.job_id for trial in state.trials.values())


def _words(start: FailedStart) -> str:
    return f"{start.why}, after {start.said!r}" if start.said else start.why


def _by_node(failing: list[FailedStart]) -> list[FailingNode]:
    by_node: dict[str, list[FailedStart]] = defaultdict(list)
    for start in failing:
        by_node[start.node].append(start)
    return [
        FailingNode(
            node,
            since=min(start.since for start in found),
            last=max(start.last for start in found),
            tries=max(start.tries for start in found),
            why=_words(found[0]),
            of_files=any(start.kind in _OF_FILES for start in found),
        )
        for node, found in sorted(by_node.items())
    ]


def _tell_ground(found: dict[str, object]) -> None:
    """What the first job found, in two lines."""
    lines = found.get("failed_lines")
    log.log(
        logging.WARNING if lines else logging.INFO,
        "the first job, %s, starts on %s with %s (Python %s); hpo and the objective were imported "
        "there in %s s%s",
        found.get("job"),
        found.get("node"),
        found.get("python"),
        found.get("version"),
        found.get("imports_s"),
        f"; it goes on without what failed: {lines}" if lines else "",
    )
    given, driver, models = found.get("gpus_given"), found.get("driver"), found.get("models")
    if not found.get("gpus_asked"):
        log.info("it asked for no GPU")
    elif not given or not driver:
        why = "CUDA_VISIBLE_DEVICES is not set" if not given else "no driver of GPUs is loaded"
        log.warning(
            "it asked for %s, but on %s %s: trials may train on the CPU",
            "1 GPU" if found.get("gpus_asked") == 1 else f"{found.get('gpus_asked')} GPUs",
            found.get("node"),
            why,
        )
    else:
        names = ", ".join(map(str, models)) if isinstance(models, list) and models else "GPUs"
        log.info("it was given GPUs %s: %s, with %s driver", given, names, driver)
