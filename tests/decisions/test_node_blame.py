"""Which nodes are blamed, for what, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from histories import NOW, failed, finished, lost, offered, state_after

from hpo.decisions.node_blame import NodeBlame, quarantined
from hpo.record import events as ev

HOUR = 3600.0


def gone(trial_id: int, node: str, cause: str = "node_failed", time: float = NOW) -> ev.Event:
    return replace(lost(trial_id, cause, job_id=f"8_{trial_id}"), node=node, time=time)


def good(trial_id: int, node: str, outcome: str = "completed") -> ev.Event:
    return finished(trial_id, outcome=outcome, node=node)


def raised(trial_id: int, node: str, cause: str = "RuntimeError") -> ev.Event:
    return failed(trial_id, cause, node=node)


def blame(*events: ev.Event) -> NodeBlame:
    made = NodeBlame()
    for event in events:
        made.follow(event)
    return made


def out(made: NodeBlame, now: float = NOW, busy: tuple[str, ...] = ()) -> list[str]:
    return [verdict.node for verdict in made.due(now, busy)]


def three_lost(node: str) -> list[ev.Event]:
    return [gone(i, node) for i in (1, 2, 3)]


def test_three_lost_trials_in_a_row_put_a_node_out_and_say_what_the_last_one_said() -> None:
    (verdict,) = blame(good(0, "n1"), *three_lost("n2")).due(NOW)
    assert (verdict.node, verdict.until) == ("n2", NOW + HOUR)
    assert "3 bad ends in a row" in verdict.reason
    assert "trial 3 (job 8_3): its job was node_failed" in verdict.reason


def test_nodes_out_are_listed_until_their_time_is_over() -> None:
    verdict = ev.NodeQuarantined(NOW, "n2", NOW + HOUR, "why")
    state = state_after([ev.CampaignStarted(NOW), verdict])
    assert quarantined(state, NOW + HOUR - 1.0) == {"n2": verdict}
    assert quarantined(state, NOW + HOUR) == {}


@pytest.mark.parametrize("cause", ["node_failed", "vanished", "killed"])
def test_the_causes_that_a_node_is_blamed_for(cause: str) -> None:
    events = [good(0, "n1"), *(gone(i, "n2", cause) for i in (1, 2, 3)), good(4, "n1")]
    assert out(blame(*events)) == ["n2"]


@pytest.mark.parametrize("cause", ["preempted", "time_limit", "out_of_memory", "cancelled"])
def test_preemption_and_limits_are_nobodys_fault(cause: str) -> None:
    made = blame(good(0, "n1"), *(gone(i, "n2", cause) for i in range(9)), good(4, "n1"))
    assert out(made) == []
    assert made.next_seat_at() < NOW


def test_two_are_not_enough_and_one_trial_counts_once() -> None:
    assert out(blame(good(0, "n1"), gone(1, "n2"), gone(2, "n2"))) == []
    assert out(blame(good(0, "n1"), *[gone(1, "n2")] * 5)) == []


@pytest.mark.parametrize("outcome", ["completed", "interrupted"])
def test_a_good_end_clears_the_record(outcome: str) -> None:
    events = [good(0, "n1"), gone(1, "n2"), gone(2, "n2"), good(5, "n2", outcome), gone(3, "n2")]
    assert out(blame(*events)) == []


def test_an_end_of_unknown_place_is_held_against_nobody() -> None:
    assert out(blame(good(0, "n1"), *three_lost(""), good(5, ""))) == []


class TestFailures:
    def test_they_count_while_other_nodes_succeed(self) -> None:
        events = [raised(1, "n2"), good(0, "n1"), raised(2, "n2"), raised(3, "n2")]
        assert out(blame(*events)) == ["n2"]

    def test_a_later_success_elsewhere_counts_too(self) -> None:
        events = [good(9, "n2"), *(raised(i, "n2") for i in (1, 2, 3))]
        assert out(blame(*events)) == []
        assert out(blame(*events, good(0, "n1"))) == ["n2"]

    def test_a_broken_objective_is_never_blamed_on_nodes(self) -> None:
        events = [good(20, "n1"), good(21, "n2"), good(22, "n3")]
        events += [raised(i, f"n{i % 3 + 1}") for i in range(12)]
        assert out(blame(*events)) == []

    def test_what_fails_alike_elsewhere_is_the_objectives(self) -> None:
        events = [raised(1, "n2"), good(0, "n1"), raised(2, "n2"), raised(4, "n1")]
        assert out(blame(*events, raised(3, "n2"), good(5, "n1"))) == []
        other = [*events[:3], raised(4, "n1", "ValueError")]
        assert out(blame(*other, raised(3, "n2"), good(5, "n1"))) == ["n2"]

    def test_its_trials_are_named_once(self) -> None:
        events = [raised(1, "n2"), good(0, "n1"), raised(2, "n2"), gone(3, "n2"), raised(4, "n2")]
        made = blame(*events)
        assert made.failed_on("n2", NOW) == [1, 2, 4]
        made.follow(offered(2, 1))
        assert made.failed_on("n2", NOW) == [1, 4]
        made.follow(raised(2, "n2"))
        assert made.failed_on("n2", NOW) == [1, 4]

    def test_what_still_fails_there_during_the_quarantine_is_not_the_trials_fault(self) -> None:
        made = blame(good(0, "n1"), *three_lost("n2"))
        (verdict,) = made.due(NOW)
        made.follow(verdict)
        made.follow(raised(7, "n2"))
        assert made.failed_on("n2", NOW + 1.0) == [7]
        assert made.failed_on("n2", verdict.until) == []


class TestTheNodesThatAreLeft:
    def test_the_only_node_that_is_known_is_kept(self) -> None:
        assert out(blame(*three_lost("n2"))) == []

    def test_a_node_that_never_gave_a_result_proves_nothing(self) -> None:
        assert out(blame(gone(0, "n1"), *three_lost("n2"))) == []

    def test_when_all_are_bad_none_goes(self) -> None:
        ends = [gone(10 * k + i, f"n{k}") for i in range(3) for k in range(4)]
        assert out(blame(*(good(50 + k, f"n{k}") for k in range(4)), *ends)) == []

    def test_never_more_than_half_of_them(self) -> None:
        works = [good(50 + k, f"n{k}") for k in range(4)]
        ends = [gone(10 * k + i, f"n{k}") for i in range(3) for k in (1, 2, 3)]
        made = blame(*works, *ends)
        assert out(made) == ["n1", "n2"]


class TestTime:
    def test_it_doubles_up_to_a_day_and_a_good_end_resets_it(self) -> None:
        made, now, lengths = blame(good(0, "n1")), NOW, []
        for _ in range(7):
            for event in three_lost("n2"):
                made.follow(event)
            (verdict,) = made.due(now)
            made.follow(verdict)
            lengths.append((verdict.until - now) / HOUR)
            assert out(made, verdict.until - 1.0) == []
            now = verdict.until
        assert lengths == [1, 2, 4, 8, 16, 24, 24]
        made.follow(good(9, "n2"))
        for event in three_lost("n2"):
            made.follow(event)
        (verdict,) = made.due(now)
        assert verdict.until == now + HOUR

    def test_bad_ends_during_the_quarantine_count_after_it(self) -> None:
        made = blame(good(0, "n1"), *three_lost("n2"))
        (verdict,) = made.due(NOW)
        for event in (verdict, *three_lost("n2")):
            made.follow(event)
        assert out(made, NOW + 1.0) == []


class TestSeatsThatDied:
    def test_three_of_them_count_like_lost_trials(self) -> None:
        made = blame(good(0, "n1"))
        for i in range(3):
            made.seat_died("n2", f"8_{i}", "SLURM says FAILED: \x1b[31mno module\nconda", NOW)
        (verdict,) = made.due(NOW)
        assert verdict.reason.endswith("the last, job 8_2: SLURM says FAILED: [31mno module conda")

    def test_a_job_at_work_elsewhere_is_enough(self) -> None:
        made = NodeBlame()
        for i in range(3):
            made.seat_died("n2", f"8_{i}", "x", NOW)
        assert out(made) == out(made, busy=("n2",)) == []
        assert out(made, busy=("n1", "n2")) == ["n2"]

    def test_for_lost_trials_it_is_not(self) -> None:
        assert out(blame(*three_lost("n2")), busy=("n1",)) == []

    def test_long_words_are_cut(self) -> None:
        made = blame(good(0, "n1"))
        for i in range(3):
            made.seat_died("n2", f"8_{i}", "x" * 5000, NOW)
        (verdict,) = made.due(NOW)
        assert len(verdict.reason) < 600
        assert verdict.reason.endswith("x…")


class TestPauses:
    def test_they_grow_when_retry_after_retry_ends_badly(self) -> None:
        made, now, pauses = NodeBlame(), NOW, []
        for i in range(8):
            made.seat_died("n2", str(i), "x", now)
            pauses.append(made.next_seat_at() - now)
            now = made.next_seat_at() + 1.0
        assert pauses == [0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]

    def test_what_ends_together_counts_once(self) -> None:
        assert blame(*three_lost("n2")).next_seat_at() == NOW

    def test_a_good_end_resets_them(self) -> None:
        made = blame(gone(1, "n2"), gone(2, "n2", time=NOW + 10.0), good(3, "n1"))
        assert made.next_seat_at() < NOW
        made.follow(gone(4, "n2", time=NOW + 99.0))
        assert made.next_seat_at() == NOW + 99.0


def test_a_node_that_failed_is_blamed_also_where_its_trials_had_saved() -> None:
    told = {"outcome": "interrupted", "node": "n2", "message": "SLURM says NODE_FAIL on n2"}
    saved = [failed(i, "node_failed", **told) for i in (1, 2, 3)]
    made = blame(good(0, "n1"), *saved)
    (verdict,) = made.due(NOW)
    assert verdict.node == "n2"
    assert verdict.reason.endswith("SLURM says NODE_FAIL on n2")
    assert made.working() == {"n1"}
