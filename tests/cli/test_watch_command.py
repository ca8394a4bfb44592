"""`hpo watch` where it cannot show a screen."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from user_project import wait_until
from watched import begun, make

from hpo.folder.files import Layout


def watch(folder: Path, *arguments: str, code: str = "pass") -> str:
    """Exit code 2, and what was said."""
    run = f"import sys; {code}; from hpo.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", run, "watch", *arguments],
        cwd=folder,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_no_campaign(tmp_path: Path) -> None:
    assert "there is no campaign in hpo_results" in watch(tmp_path)
    assert "holds no campaign" in watch(tmp_path, "elsewhere")


def test_no_terminal(tmp_path: Path) -> None:
    make(tmp_path / "hpo_results" / "mlp", begun(1))
    assert "needs a terminal; `hpo status`" in watch(tmp_path)


def test_no_textual(tmp_path: Path) -> None:
    layout: Layout = make(tmp_path / "mlp", begun(1))
    hidden = "sys.modules['textual'] = None;sys.stdin.isatty = sys.stderr.isatty = lambda: True"
    said = watch(tmp_path, str(layout.root), code=hidden)
    assert "pip install 'hpo-campaign[watch]'" in said
    assert "hpo status --every 5" in said


def test_it_ends_with_its_terminal_also_where_no_signal_tells(tmp_path: Path) -> None:
    make(tmp_path / "mlp", begun(3))
    terminal, inner = pty.openpty()
    child = subprocess.Popen(  # to which the terminal is not the one that sends it signals
        [sys.executable, "-m", "hpo", "watch", str(tmp_path / "mlp")],
        env=os.environ | {"TERM": "xterm-256color"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    try:
        seen = b""

        def drawn() -> bool:
            nonlocal seen
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 65536)
            return b"3 offered" in seen

        wait_until(drawn, "the screen is drawn")
        os.close(terminal)
        assert child.wait(timeout=60) == 0
    finally:
        child.kill()
        child.wait()
