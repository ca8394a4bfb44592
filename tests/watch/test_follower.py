"""A campaign that is followed through its files is told as one that is read as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from histories import NOW
from simulation import ROUGH, Campaign
from watched import begun, ended, make, trial, write

from hpo.decisions.asha import Asha
from hpo.folder.files import publish_json
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.report.story import Rules, tell
from hpo.watch.follower import Follower, News, View, Wish
from hpo.watch.rows import Row

OLD = Path(__file__).resolve().parents[1] / "data" / "begun_by_0_1_0"
RULES = Rules(Goal(), levels=(1, 3, 9), reduction_factor=3)


def document(campaign: Campaign) -> dict[str, Any]:
    return {
        "format": 1,
        "campaign": "simulated",
        "path": str(campaign.root),
        "created": NOW,
        "identity": {"scheduler": {"levels": [1, 3, 9], "reduction_factor": 3}},
        "seat": Goal().to_json(),
        "settings": {},
    }


def test_look_by_look_it_knows_what_the_manager_knows(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, ROUGH, n_trials=18, asha=Asha(max_t=9, reduction_factor=3))
    publish_json(campaign.layout.campaign, document(campaign))
    manager = campaign.manager()
    manager.start()
    follower = Follower(tmp_path)
    rows: dict[int, Row] = {}
    looks = 0
    while manager.state.ended is None:
        manager.tick()
        campaign.clock.sleep(30.0)
        news = follower.look(Wish(4, View.STORY))
        rows.update(news.rows)
        looks += 1
        assert {i: row.state for i, row in rows.items()} == {
            i: known.status.value for i, known in manager.state.trials.items()
        }
        assert (news.best and news.best.value) == manager.state.best_metric
    assert looks > 10
    assert follower.state == tell(read_events(campaign.layout.journal), 0, RULES)[1]
    for trial_id in range(18):
        steps, _ = tell(read_events(campaign.layout.journal), trial_id, RULES)
        told = follower.look(Wish(trial_id)).trial
        assert told is not None
        stamped = [line for line in told.story if line[:1].isdigit()]
        assert len(stamped) == len(steps)
        for line, step in zip(stamped, steps, strict=True):
            assert step.text.splitlines()[0].rstrip() in line
    assert follower.look(Wish(view=View.SEATS)).seats
    assert [step.error for step in follower.look(Wish(view=View.BEST)).incumbents][-1] == (
        manager.state.best_metric
    )


def test_what_was_asked_of_one_trial_is_told_of_that_trial(tmp_path: Path) -> None:
    asked: list[ev.Event] = [
        ev.StopAsked(NOW, "t1", "ann on login1", 1),
        ev.TrialStopped(NOW, 1, "stopped by the user"),
        ev.TrialStopped(NOW, 2, "stopped by the user"),
        ev.RetryAsked(NOW, "t2", "bob on login2", [1, 2]),
        ev.CampaignEnding(NOW, "stopped by the user"),
    ]
    layout = make(tmp_path / "mlp", [ev.CampaignStarted(NOW), *(trial(n) for n in range(3))])
    write(layout, [*asked[:3], trial(3), *asked[3:]])
    follower = Follower(layout.root)
    for trial_id in range(4):
        told = follower.look(Wish(trial_id)).trial
        steps, _ = tell(read_events(layout.journal), trial_id, Rules(Goal("loss")))
        assert told is not None
        assert [line.split("  ", 1)[1] for line in told.story[:-1]] == [s.text for s in steps]
    news = follower.look(Wish())
    assert (news.trouble, news.counts) == ("", {"waiting": 4})


def test_one_that_an_older_version_began_is_shown(tmp_path: Path) -> None:
    follower = Follower(OLD)
    news = follower.look(Wish(0))
    assert news.trouble == ""
    assert news.counts == {"offered": 3, "running": 1, "completed": 1}
    assert news.trial is not None
    assert len(news.trial.reports) == 12
    assert follower.look(Wish(view=View.SEATS)).seats
    assert follower.look(Wish(view=View.BEST)).incumbents


def test_hyperparameters_that_are_the_same_in_all_trials_are_left_out(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [ev.CampaignStarted(NOW), trial(0, width=8)])
    follower = Follower(layout.root)
    assert follower.look(Wish()).varied == ["lr", "max_epochs", "width"]
    write(layout, [trial(1, width=8), trial(2, width=8, deep=True)])
    assert follower.look(Wish()).varied == ["lr", "deep"]


def test_a_campaign_that_was_begun_anew_replaces_the_old_one(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(5), *ended(2)])
    follower = Follower(layout.root)
    assert len(follower.look(Wish()).rows) == 5
    layout.root.rename(tmp_path / "mlp.old")
    assert "mlp" in follower.look(Wish()).trouble
    make(tmp_path / "mlp", begun(2))
    news: News = follower.look(Wish())
    assert (news.anew, news.counts, news.trouble) == (True, {"offered": 2}, "")


def test_a_damaged_journal_is_read_twice_and_then_left_alone(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", begun(2))
    with layout.journal.open("a") as file:
        file.write("{}\n")
    follower = Follower(layout.root)
    looks = [follower.look(Wish()) for _ in range(5)]
    assert [look.anew for look in looks] == [True, True, False, False, False]
    assert "line 7" in looks[-1].trouble
    assert looks[-1].counts == {"offered": 2}
    text = layout.journal.read_text().replace("{}\n", "")
    layout.journal.write_text(text)
    write(layout, ended(1))
    assert follower.look(Wish()).counts == {"offered": 1, "completed": 1}
    assert follower.look(Wish()).trouble == ""
