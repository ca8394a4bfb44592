"""Notices that are really sent: by a command, and to a web server."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest
from histories import NOW, finished, running
from user_project import wait_until
from web_server import web_server

from hpo.errors import JournalForkError
from hpo.manager import notifier as sending
from hpo.manager.notifier import AddressWay, CommandWay, Notifier, Way
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.notices import BETTER, BROKEN, END, STUCK, Occasions

ALL = (END, BROKEN, STUCK, BETTER)
KEEP = "import sys; open(sys.argv[1], 'a').write(repr((sys.argv[2:], sys.stdin.read())) + '\\n')"


def occasions() -> Occasions:
    return Occasions("mlp", "/x/mlp", stuck_after=60.0, better_every=0.0)


def campaign() -> CampaignState:
    state = CampaignState()
    for event in running(0, 1):
        apply(state, event)
    return state


def test_a_command_gets_the_words_and_the_text(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = [sys.executable, "-c", KEEP, str(kept), "{kind}", "of {campaign}: {subject}", "{no}"]
    state = campaign()
    with Notifier(occasions(), [CommandWay(words, "mlp", "/x/mlp")], ALL) as notifier:
        notifier.look(state, 0, NOW)
        apply(state, finished(0, 0.5, job_id="0"))
        notifier.look(state, 0, NOW + 1)
        wait_until(kept.exists, "it is told")
    argv, text = eval(kept.read_text())
    assert argv == ["better", "of mlp: hpo: mlp has found a better one", "{no}"]
    assert text.startswith("hpo: mlp has found a better one\n2 trials: ")


def test_a_web_server_gets_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state = campaign()
    with web_server() as server:
        with Notifier(occasions(), [AddressWay(server.address, "mlp", "/x")], ALL) as notifier:
            notifier.look(state, 0, NOW)
            for trial_id in (0, 1):
                apply(state, finished(trial_id, 0.5, job_id=str(trial_id)))
                apply(state, ev.TrialCompleted(NOW, trial_id))
            apply(state, ev.CampaignEnded(NOW, "all trials ended"))
            notifier.ended(state)
        ((path, told),) = server.posted  # the end waits for it
    assert path == "/hook/secret-token"
    assert told["kind"] == "end"
    assert told["text"] == told["content"]
    assert "best validation_error=0.5 (trial 0, epoch 9)" in told["text"]
    assert told["trials"] == {"completed": 2}
    assert "secret-token" not in caplog.text


@pytest.mark.parametrize("way", ["refused", "no server", "no program", "exit code", "odd answer"])
def test_what_cannot_be_sent_is_said_once_without_the_address(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with web_server(code=404) as server:
        ways: dict[str, Way] = {
            "refused": AddressWay(server.address, "mlp", "/x"),
            "no server": AddressWay("http://127.0.0.1:9/secret-token", "mlp", "/x"),
            "no program": CommandWay(["/nowhere/mail", "secret-token"], "mlp", "/x"),
            "exit code": CommandWay(["false", "secret-token"], "mlp", "/x"),
            "odd answer": AddressWay("http://127.0.0.1:9/se cret-token", "mlp", "/x"),
        }
        with Notifier(occasions(), [ways[way]], ALL) as notifier:
            for n in range(3):
                notifier._tell(occasions().broken(f"fault {n}"))
    assert caplog.text.count("could not be sent") == 1
    assert "cret-token" not in caplog.text


def test_a_server_that_does_not_answer_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LIMIT_S", 2.0)
    monkeypatch.setattr(sending, "LAST_S", 4.0)
    state = campaign()
    with web_server(stalls=True) as server:
        way = AddressWay(server.address, "mlp", "/x")
        with Notifier(occasions(), [way], ALL) as notifier:
            notifier.look(state, 0, NOW)
            apply(state, finished(0, 0.5, job_id="0"))
            began = time.monotonic()
            for n in range(1000):
                notifier.look(state, 0, NOW + n)
                notifier._tell(occasions().held_up(1.0))
            assert time.monotonic() - began < 1.0
            left_at = time.monotonic()
        assert time.monotonic() - left_at < 10.0


def test_a_command_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sending, "LIMIT_S", 0.5)
    script = f"sleep 100 & echo $! > {tmp_path}/pid; wait"
    with Notifier(occasions(), [CommandWay(["sh", "-c", script], "mlp", "/x")], ALL) as notifier:
        notifier._tell(occasions().broken("x"))
    assert "took more than" in caplog.text
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not _words(pid), "it is ended")


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_an_error_is_told_and_goes_on(tmp_path: Path) -> None:
    with web_server() as server:
        way = AddressWay(server.address, "mlp", "/x")
        with pytest.raises(RuntimeError), Notifier(occasions(), [way], ALL):
            raise RuntimeError("sbatch: invalid partition\nand more")
        assert server.posted[0][1]["subject"] == (
            "hpo: mlp cannot go on: sbatch: invalid partition"
        )
        with pytest.raises(JournalForkError), Notifier(occasions(), [way], ALL):
            raise JournalForkError("another manager took over")  # with which it goes on
        with pytest.raises(KeyboardInterrupt), Notifier(occasions(), [way], ALL):
            raise KeyboardInterrupt
        assert server.kinds() == ["broken"]


def test_only_what_was_asked_for_is_told() -> None:
    with web_server() as server:
        way = AddressWay(server.address, "mlp", "/x")
        with Notifier(occasions(), [way], [END]) as notifier:
            notifier._tell(occasions().broken("x"))
        assert server.posted == []


def test_a_manager_that_is_held_up_is_told_by_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SILENT_S", 0.5)
    with web_server() as server:
        way = AddressWay(server.address, "mlp", "/x")
        with Notifier(occasions(), [way], ALL) as notifier:
            notifier.look(campaign(), 0, NOW)
            wait_until(lambda: server.kinds() == ["stuck"], "it is told")
            time.sleep(1.5)
            assert server.kinds() == ["stuck"]  # once
