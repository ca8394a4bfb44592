"""What the simulated cluster models, seen in whole campaigns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation import Campaign

from hpo.cluster.simulated.arrival import Backfill, Constant, Exponential, LogNormal
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.record.result import Outcome
from hpo.record.state import CampaignState, TrialStatus


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing guards against machines that die, which is not what happens here."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def saving(config: dict[str, Any], trial: Any) -> None:
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


def campaign(root: Path, model: ClusterModel, **more: Any) -> Campaign:
    made = Campaign(root, model=model, objective=saving, **more)
    made.space["max_epochs"] = 9
    return made


def journal(made: Campaign) -> list[ev.Event]:
    return read_events(made.layout.journal)


def legs(made: Campaign) -> Iterator[tuple[float, float, str]]:
    """Start, end and job of each leg that was run to its end."""
    claimed: dict[int, ev.LegClaimed] = {}
    for event in journal(made):
        if isinstance(event, ev.LegClaimed):
            claimed[event.trial_id] = event
        elif isinstance(event, (ev.LegFinished, ev.LegLost)):
            start = claimed[event.trial_id]
            yield start.time, event.time, start.job_id


def most_at_once(made: Campaign) -> int:
    steps = sorted(
        [(start, 1) for start, _, _ in legs(made)] + [(end, -1) for _, end, _ in legs(made)]
    )
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


STEADY: dict[str, Any] = {"epoch_spread": 0.0, "arrival": Constant(60.0)}
EVERYTHING = ClusterModel(
    seats=5,
    arrival=Backfill(LogNormal(900.0), 600),
    straggle=0.2,
    load_s=15.0,
    epoch_spread=1.0,
    preemptions_per_hour=1.0,
    failures_per_hour=0.3,
    time_min=30,
    legs_per_job=None,
    seed=4,
)


def test_equal_campaigns_are_equal_to_the_byte(tmp_path: Path) -> None:
    one = campaign(tmp_path / "one", EVERYTHING, asha=Asha(max_t=9))
    two = campaign(tmp_path / "two", EVERYTHING, asha=Asha(max_t=9))
    one.run()
    two.run()
    assert one.journal_bytes() == two.journal_bytes()
    assert one.cluster.lives.charged_s() == two.cluster.lives.charged_s()


class TestLimits:
    @pytest.mark.parametrize(
        ("model", "at_once", "limit"),
        [
            (ClusterModel(seats=3), 8, 3),
            (ClusterModel(seats=8, qos_jobs=2), 8, 2),
            (ClusterModel(seats=8), 4, 4),
        ],
    )
    def test_no_more_jobs_run_than_each_limit_allows(
        self, tmp_path: Path, model: ClusterModel, at_once: int, limit: int
    ) -> None:
        made = campaign(tmp_path / "c", model, n_trials=24, at_once=at_once)
        made.run()
        assert most_at_once(made) == limit


class TestTime:
    def test_a_leg_longer_than_its_job_goes_on_in_the_next_from_what_it_saved(
        self, tmp_path: Path
    ) -> None:
        # 9 epochs of 290 s in jobs of 20 min, which are asked to leave 2 min before their end.
        model = ClusterModel(seats=2, epoch_s=290.0, time_min=20, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=2)
        assert made.run().state.trials[0].losses == 0
        ends = [e for e in journal(made) if isinstance(e, ev.LegFinished) and e.trial_id == 0]
        assert [(e.result.resource, e.result.outcome) for e in ends] == [
            (4, "interrupted"),
            (8, "interrupted"),
            (9, "completed"),
        ]
        assert max(end - start for start, end, _ in legs(made)) <= 20 * 60

    def test_one_that_cannot_save_in_time_goes_on_from_its_last_checkpoint(
        self, tmp_path: Path
    ) -> None:
        model = ClusterModel(seats=2, epoch_s=300.0, time_min=20, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=2)
        made.run()
        lost = [e for e in journal(made) if isinstance(e, ev.LegLost) and e.trial_id == 0]
        assert [(e.resource, e.cause) for e in lost] == [(3, "time_limit"), (6, "time_limit")]

    def test_an_epoch_that_does_not_fit_ends_the_trial_with_the_reason(
        self, tmp_path: Path
    ) -> None:
        model = ClusterModel(seats=2, epoch_s=900.0, time_min=10, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=1, limits={"max_initial_failures": 0})
        trial = made.run().state.trials[0]
        assert (trial.cause, trial.losses) == ("time_limit", 1)


class TestPreemption:
    def test_what_was_saved_is_kept_and_the_job_comes_back(self, tmp_path: Path) -> None:
        model = ClusterModel(seats=4, epoch_s=300.0, preemptions_per_hour=2.0, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=8)
        state: CampaignState = made.run().state
        assert state.lost.legs > 0 or any(t.losses for t in state.trials.values())
        assert made.cluster.lives.use.started > 8
        ended = [e for e in journal(made) if isinstance(e, ev.LegLost)]
        assert any(e.resource > 0 for e in ended)
        assert all(t.resource == 9 for t in state.trials.values())

    def test_it_strikes_by_the_hours_that_jobs_run(self, tmp_path: Path) -> None:
        strikes = [ClusterModel(preemptions_per_hour=0.5).strikes_s(1, n, 1)[0] for n in range(999)]
        assert sum(strikes) / len(strikes) == pytest.approx(7200.0, rel=0.1)
        assert ClusterModel().strikes_s(1, 0, 1) == (float("inf"), float("inf"))

    def test_an_epoch_that_ends_within_the_grace_is_saved(self, tmp_path: Path) -> None:
        model = ClusterModel(
            seats=4, epoch_s=20.0, preemptions_per_hour=20.0, grace_s=30.0, **STEADY
        )
        made = campaign(tmp_path / "c", model, n_trials=6, limits={"max_lost_legs": 200})
        made.run()
        outcomes = Counter(e.result.outcome for e in journal(made) if isinstance(e, ev.LegFinished))
        assert outcomes[Outcome.INTERRUPTED] > 0
        lost = [e for e in journal(made) if isinstance(e, ev.LegLost)]
        assert all(e.resource == 0 for e in lost)  # each came before the first epoch

    def test_a_failed_node_gives_no_warning(self, tmp_path: Path) -> None:
        model = ClusterModel(seats=4, failures_per_hour=3.0, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=12, limits={"max_lost_legs": 200})
        made.run()
        causes = {e.cause for e in journal(made) if isinstance(e, ev.LegLost)}
        assert causes == {"node_failed"}


class TestSeveralLegs:
    def jobs_and_hours(self, tmp_path: Path, name: str, **more: Any) -> tuple[int, float]:
        model = ClusterModel(seats=2, start_s=100.0, load_s=50.0, **STEADY, **more)
        made = campaign(tmp_path / name, model, n_trials=9, at_once=2, asha=Asha(max_t=9))
        made.run()
        return made.cluster.lives.use.started, made.clock.now()

    def test_a_warm_seat_saves_the_starts_of_jobs(self, tmp_path: Path) -> None:
        cold_jobs, cold_s = self.jobs_and_hours(tmp_path, "cold")
        warm_jobs, warm_s = self.jobs_and_hours(tmp_path, "warm", legs_per_job=None)
        assert cold_jobs >= 13
        assert warm_jobs <= 4
        assert warm_s < cold_s - 4 * 100.0

    def test_no_more_legs_than_were_allowed(self, tmp_path: Path) -> None:
        model = ClusterModel(seats=2, legs_per_job=3, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=12)
        made.run()
        assert max(Counter(job for _, _, job in legs(made)).values()) == 3

    def test_a_seat_that_goes_on_says_so_and_is_not_replaced(self, tmp_path: Path) -> None:
        model = ClusterModel(seats=9, legs_per_job=3, **STEADY)
        limits = {"legs_per_seat": 3}
        made = campaign(tmp_path / "c", model, n_trials=12, at_once=3, seat_limits=limits)
        made.run()
        told: dict[str, list[bool]] = {}
        for event in journal(made):
            if isinstance(event, ev.LegFinished):
                told.setdefault(event.job_id, []).append(event.result.goes_on)
        assert [True, True, False] in told.values()
        assert all(goes_on[:2] == [True] * len(goes_on[:2]) for goes_on in told.values())

    def test_a_leg_that_may_not_fit_is_not_begun(self, tmp_path: Path) -> None:
        # Legs of 9 min in jobs of 30 min: three, and none is cut.
        model = ClusterModel(seats=2, legs_per_job=None, time_min=30, start_s=0.0, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=12)
        made.run()
        assert max(Counter(job for _, _, job in legs(made)).values()) == 3
        ended = [e for e in journal(made) if isinstance(e, ev.LegFinished)]
        assert {e.result.outcome for e in ended} == {"completed"}

    def test_a_seat_goes_on_while_the_shortest_leg_it_has_run_fits(self, tmp_path: Path) -> None:
        # Legs of 1, 2 and 6 min in jobs of 30 min, which are asked to leave 3 min before their end.
        model = ClusterModel(seats=2, legs_per_job=None, time_min=30, start_s=0.0, **STEADY)
        made = campaign(tmp_path / "c", model, n_trials=40, at_once=2, asha=Asha(max_t=9))
        made.run()
        seats: dict[str, list[tuple[float, float]]] = {}
        for start, end, job in sorted(legs(made)):
            seats.setdefault(job, []).append((start, end - start))
        begun = [
            (seat[0][0] + 27 * 60.0 - start, [took for _, took in seat[:number]])
            for seat in seats.values()
            for number, (start, _) in enumerate(seat)
            if number
        ]
        assert all(left_s >= min(took) for left_s, took in begun)
        assert any(left_s < max(took) for left_s, took in begun)

    def test_a_seat_leaves_after_three_failures_in_a_row(self, tmp_path: Path) -> None:
        def failing(config: dict[str, Any], trial: Any) -> None:
            raise ValueError("no data")

        model = ClusterModel(seats=1, legs_per_job=None, **STEADY)
        made = Campaign(
            tmp_path / "c",
            model=model,
            objective=failing,
            n_trials=7,
            at_once=1,
            limits={"max_initial_failures": 0},
        )
        made.run()
        told: dict[str, list[bool]] = {}
        for event in journal(made):
            if isinstance(event, ev.LegFinished):
                assert event.result.outcome == "failed"
                told.setdefault(event.job_id, []).append(event.result.goes_on)
        assert list(told.values()) == [[True, True, False], [True, True, False], [True]]

    def test_going_on_with_the_same_trial_saves_the_loading(self, tmp_path: Path) -> None:
        model = ClusterModel(
            seats=1, legs_per_job=None, load_s=600.0, arrival=Constant(0.0), epoch_spread=0.0
        )
        made = campaign(tmp_path / "c", model, n_trials=3, at_once=1, asha=Asha(max_t=3))
        made.run()
        spent = [end - start for start, end, _ in legs(made)]
        trials = [e.trial_id for e in journal(made) if isinstance(e, ev.LegFinished)]
        for number, trial in enumerate(trials):
            stays = number > 0 and trials[number - 1] == trial
            assert (spent[number] < 600.0) == stays


class TestBoundAtSubmission:
    def test_a_job_waits_with_the_leg_that_was_best_when_it_was_submitted(
        self, tmp_path: Path
    ) -> None:
        late, bound = (
            campaign(
                tmp_path / str(bound),
                ClusterModel(
                    seats=4, arrival=Exponential(3600.0), bound_at_submission=bound, seed=1
                ),
                n_trials=30,
                at_once=4,
                max_queued=4,
                asha=Asha(max_t=9),
            )
            for bound in (False, True)
        )
        late.run()
        bound.run()
        held = [end - start for start, end, _ in legs(bound)]
        assert max(held) > 3600.0  # the wait included
        assert max(end - start for start, end, _ in legs(late)) < 3600.0
        assert all(t.losses == 0 for t in bound.manager().state.trials.values())

    def test_a_requeued_job_takes_another(self, tmp_path: Path) -> None:
        model = ClusterModel(seats=4, bound_at_submission=True, preemptions_per_hour=3.0, **STEADY)
        made = campaign(
            tmp_path / "c", model, n_trials=12, max_queued=4, limits={"max_lost_legs": 99}
        )
        state = made.run().state
        assert state.ended == "all trials ended"
        assert made.cluster.lives.use.started > 12

    def test_a_trial_that_is_always_preempted_is_given_up(self, tmp_path: Path) -> None:
        # Half an hour without a preemption, as an epoch needs it, comes once in ten million times.
        model = ClusterModel(
            seats=2,
            bound_at_submission=True,
            preemptions_per_hour=30.0,
            epoch_s=1900.0,
            epoch_spread=0.0,
            arrival=Constant(60.0),
        )
        made = campaign(tmp_path / "c", model, n_trials=2, limits={"max_lost_legs": 5})
        manager = made.manager()
        manager.start()
        while manager.state.ended is None and made.clock.now() < 30 * 86400.0:
            manager.tick()
            made.clock.sleep(60.0)
        assert len(manager.state.of(TrialStatus.FAILED)) == 2
