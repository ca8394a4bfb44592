"""The words of a script's command line: what a template makes of a configuration."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.command_line import CommandLine, as_text
from hpo.errors import ObjectiveError

PLACES = {"python": "/bin/python", "script": "/a/train.py", "config_file": "/t/config.json"}
CONFIG = {"batch-size": 64, "lr": 0.1, "nesterov": True, "verbose": False}


def line(*words: str, **styles: Any) -> CommandLine:
    return CommandLine(words or ("{arguments}",), **styles)


def fill(*words: str, config: dict[str, Any] = CONFIG, **styles: Any) -> str:
    return " ".join(line(*words, **styles).fill(config, PLACES))


class TestArguments:
    def test_as_a_script_takes_them_by_default(self) -> None:
        assert CommandLine().fill({"lr": 0.1}, PLACES) == [
            *("/bin/python", "/a/train.py", "--lr", "0.1")
        ]

    @pytest.mark.parametrize(
        ("style", "words"),
        [
            ("--{name} {value}", ["--lr", "0.1", "--model.depth", "3"]),
            ("--{name}={value}", ["--lr=0.1", "--model.depth=3"]),
            ("{name}={value}", ["lr=0.1", "model.depth=3"]),
            ("-{name} {value}", ["-lr", "0.1", "-model.depth", "3"]),
            ("--set {name}={value}", ["--set", "lr=0.1", "--set", "model.depth=3"]),
        ],
    )
    def test_styles(self, style: str, words: list[str]) -> None:
        config = {"lr": 0.1, "model.depth": 3}
        assert line(arguments=style).fill(config, PLACES) == words

    def test_values_are_never_read_as_templates(self) -> None:
        config = {"text": "{lr} }} {{", "lr": 1}
        assert fill(config=config) == "--text {lr} }} {{ --lr 1"
        assert fill("--t={text}", config=config) == "--t={lr} }} {{"

    def test_what_begins_with_a_dash_is_no_option(self) -> None:
        config = {"low": -1e-05, "text": "-x"}
        assert fill(config=config) == "--low=-1e-05 --text=-x"
        assert fill(config=config, arguments="{name} {value}") == "low -0.00001 text -x"
        assert fill("--low", "{low}", config=config) == "--low -0.00001"

    @given(st.floats(max_value=0, allow_nan=False, allow_infinity=False))
    def test_argparse_reads_every_negative_number_back(self, value: float) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--low", type=float, nargs="+")
        words = line(lists="words").fill({"low": [value, value]}, PLACES)
        assert parser.parse_args(words).low == [value, value]


class TestFlags:
    def test_booleans_are_values_where_nothing_is_said(self) -> None:
        assert fill(config={"a": True, "b": False}) == "--a True --b False"

    def test_store_true(self) -> None:
        assert fill(flags="--{name}") == "--batch-size 64 --lr 0.1 --nesterov"

    def test_both_ways(self) -> None:
        assert fill(flags="--{name}/--no-{name}").endswith("--nesterov --no-verbose")
        assert fill(flags="/--no-{name}").endswith("0.1 --no-verbose")

    def test_in_a_place_of_their_own(self) -> None:
        words = ("run", "{flags}", "--", "{arguments}")
        assert fill(*words) == "run --nesterov -- --batch-size 64 --lr 0.1"

    def test_argparse_reads_them_back(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--nesterov", action=argparse.BooleanOptionalAction)
        parser.add_argument("--verbose", action=argparse.BooleanOptionalAction)
        config = {"nesterov": True, "verbose": False}
        words = line(flags="--{name}/--no-{name}").fill(config, PLACES)
        assert vars(parser.parse_args(words)) == config


LISTS = {"units": [64, 32], "lr": 0.1}


class TestLists:
    def test_json(self) -> None:
        assert line().fill(LISTS, PLACES) == ["--units", "[64, 32]", "--lr", "0.1"]

    def test_words(self) -> None:
        assert fill(config=LISTS, lists="words") == "--units 64 32 --lr 0.1"
        assert fill("{units}", "--u={units}", config=LISTS, lists="words") == ("64 32 --u=[64, 32]")


class TestTemplate:
    def test_positional_fixed_and_named(self) -> None:
        words = ("{python}", "t.py", "fit", "data", "--opt.lr={lr}", "{batch-size}", "{arguments}")
        assert fill(*words) == (
            "/bin/python t.py fit data --opt.lr=0.1 64 --nesterov True --verbose False"
        )

    def test_the_configuration_as_a_file(self) -> None:
        assert fill("{script}", "--config={config_file}") == "/a/train.py --config=/t/config.json"

    def test_braces(self) -> None:
        assert fill("${{oc.env:HOME}}", "{{lr}}{lr}") == "${oc.env:HOME} {lr}0.1"

    def test_within_mappings(self) -> None:
        config = {"optimizer": {"name": "sgd", "lr": 0.1}, "x.y": 3}
        assert fill("{optimizer.lr}", "{x.y}", config=config) == "0.1 3"

    def test_mappings_of_hyperparameters_are_arguments_each(self) -> None:
        config = {"optimizer": {"name": "sgd", "decay": {"rate": 0.5}}, "step": {"size": 1}}
        there = line(arguments="{name}={value}", nested=("optimizer", "model"))
        assert there.fill(config, PLACES) == [
            *("optimizer.name=sgd", "optimizer.decay.rate=0.5", 'step={"size": 1}')
        ]
        words = ("{optimizer.name}", "{arguments}")
        assert fill(*words, config=config, nested=("optimizer",)) == (
            'sgd --optimizer.decay.rate 0.5 --step {"size": 1}'
        )
        assert fill("{optimizer}", "{arguments}", config=config, nested=("optimizer",)) == (
            '{"name": "sgd", "decay": {"rate": 0.5}} --step {"size": 1}'
        )

    def test_what_a_configuration_lacks_is_left_out_with_its_option(self) -> None:
        words = ("run", "--momentum", "{optimizer.momentum}", "-v", "{lr}", "a={optimizer.b}")
        assert fill(*words, config={"optimizer": {"name": "adam"}, "lr": 1}) == "run -v 1"


class TestProblems:
    NAMES = ("lr", "batch-size", "optimizer", "epochs")

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (line(arguments="--{nam} {value}"), "'arguments': {nam} is unknown there; it may have"),
            (line(arguments="--{name}"), "'arguments' lacks {value}"),
            (line(flags="--yes"), "'flags' lacks {name}"),
            (line(flags="--{value}"), "'flags': {value} is unknown there"),
            (line(lists="words", arguments="--{name}={value}"), "{value} as a word of its own"),
            (line("--all={arguments}"), "'--all={arguments}' cannot have other text"),
            (line("{arguments}", "{batch_size}"), "did you mean {batch-size}?"),
            (line("{arguments}", "${oc.env:HOME}"), "write {{ and }}"),
            (line("{arguments}", "{}"), "{} in '{}' is no hyperparameter"),
            (line("{lr}"), "never tells the script batch-size"),
        ],
    )
    def test_each_is_told(self, wrong: CommandLine, message: str) -> None:
        assert message in "\n".join(wrong.problems(self.NAMES, ("lr", "batch-size")))

    @pytest.mark.parametrize(
        "right",
        [
            CommandLine(),
            line("{lr}", "{batch-size}"),
            line("{lr}", "--b={batch-size}", "{optimizer.lr}"),
            line("--config={config_file}"),
            line("{arguments}", "{flags}", flags="--{name}/--no-{name}", lists="words"),
        ],
    )
    def test_none(self, right: CommandLine) -> None:
        assert not list(right.problems(self.NAMES, ("lr", "batch-size")))


def test_json_and_back() -> None:
    there = line("{lr}", flags="--{name}", lists="words", nested=("optimizer",))
    assert CommandLine.from_json(there.to_json()) == there
    with pytest.raises(TypeError):
        CommandLine.from_json({"words": [1]})
    with pytest.raises(TypeError):
        CommandLine.from_json({"word": ["x"]})


def test_every_kind_of_value_is_text() -> None:
    values = [None, True, 3, 1e-9, "a b", [1, "x"], {"a": 0.5}]
    assert [as_text(value) for value in values] == [
        *("None", "True", "3", "1e-09", "a b", '[1, "x"]', '{"a": 0.5}')
    ]


class TestWhatArgparseSwallows:
    @pytest.mark.parametrize("value", ["-x", "--", "-1e-05x", "--other"])
    def test_a_list_of_several_is_refused_in_words(self, value: str) -> None:
        with pytest.raises(ObjectiveError, match=r"units: the value .* cannot be a word"):
            fill(config={"units": ["a", value]}, lists="words")
        assert fill(config={"units": ["a", value]}) == f'--units ["a", "{value}"]'

    @pytest.mark.parametrize("value", ["-", "-5", "-.5", "- a", "a-b"])
    def test_what_argparse_takes_for_a_value_is_told(self, value: str) -> None:
        words = line(lists="words").fill({"low": ["a", value]}, PLACES)
        parser = argparse.ArgumentParser()
        parser.add_argument("--low", nargs="+")
        assert parser.parse_args(words).low == ["a", value]

    def test_a_list_of_one_is_told_in_one_word(self) -> None:
        assert fill(config={"units": ["-x"]}, lists="words") == "--units=-x"

    @pytest.mark.parametrize("lists", ["json", "words"])
    def test_the_end_of_options_is_refused(self, lists: str) -> None:
        for words in ((), ("run", "{sep}")):
            with pytest.raises(ObjectiveError, match="sep: the value '--' cannot be a word"):
                fill(*words, config={"sep": "--"}, lists=lists)
        assert fill("s={sep}", config={"sep": "--"}, lists=lists) == "s=--"
