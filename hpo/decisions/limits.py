"""What bounds a campaign; `hpo.settings.limits` says which limits follow from which settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpo.record.state import CampaignState

# Offers written ahead of need, so that seats find work for days while the manager is away.
OFFERS_AHEAD = 1000
# Seats that a campaign asks for also where the user's other jobs fill what a user may queue.
SHARED_LEAST = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a campaign; may differ from one start of the manager to the next."""

    n_trials: int
    max_wallclock_s: float | None = None
    max_lost_legs: int = 20
    max_initial_failures: int = 5  # 0: no circuit breaker
    offers_ahead: int = OFFERS_AHEAD
    fresh: bool = False  # whether the next new trial is suggested anew when results have come
    max_seat_s: float | None = None  # time on seats, over all legs
    target_metric: float | None = None
    mem_mb: int = 0  # of a seat; 0: unknown, and nothing is raised
    max_mem_mb: int = 0  # to which a leg's memory may be raised
    learn_mem: bool = False  # whether seats ask for what legs were seen to use, up to max_mem_mb
    timed: bool = False  # whether offers say how long their leg may take
    max_time_s: int = 0  # the most they may say: what a new seat of the longest kind has
    learn_time: bool = False  # whether the time limit of seats is learned too
    offers_untimed: int = OFFERS_AHEAD  # written ahead while too little is known of their time


@dataclass(frozen=True, slots=True)
class SeatLimits:
    """The user's bounds on seats.

    `mem_mb` is what each has, 0 where memory is not looked at. `queue_ahead` seats may wait behind
    those that run; None: as many as there are legs to come. `legs_per_seat` is how many legs one
    takes; None: as many as its time allows. `learn_mem_to` (MB) and `learn_time_to`
    (min) are the most that seats ask for where that is learned; None: all ask for what the settings
    say. `shared`: `max_queued_jobs` bounds all jobs of the user's, not only the campaign's.
    """

    max_concurrent_jobs: int
    max_queued_jobs: int
    mem_mb: int = 0
    queue_ahead: int | None = None
    legs_per_seat: int | None = 1
    learn_mem_to: int | None = None
    learn_time_to: int | None = None
    shared: bool = False

    def beside(self, others: int) -> SeatLimits:
        """The same beside so many jobs of the user's that are for something else.

        What may run has its place whatever there is.
        """
        if not self.shared:
            return self
        room = max(self.max_queued_jobs - others, min(self.max_concurrent_jobs, SHARED_LEAST))
        return replace(self, max_queued_jobs=min(self.max_queued_jobs, room))


def searched_trials(state: CampaignState, configured: int) -> int:
    """How many trials the searcher draws in all, where the configuration says `configured`.

    The last word counts: what was asked for (`hpo extend`), until the configuration is edited.
    """
    asked = state.n_trials
    return configured if asked is None or state.configured != configured else asked


def all_trials(state: CampaignState, configured: int) -> int:
    """The same with the points that were enqueued, each of which is a trial more."""
    return searched_trials(state, configured) + state.points
