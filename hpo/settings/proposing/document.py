"""The configuration that is proposed, as commented YAML. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hpo.settings.proposing.argument import UNKNOWN, Argument, CommandStyle
from hpo.settings.proposing.domains import (
    EPOCHS,
    Proposal,
    is_length,
    plain,
    propose,
    written,
)
from hpo.settings.proposing.metrics import NUMBER, Metric
from hpo.shown import one_line

MARK = "# <- fill in"
FILL = "FILL-IN"
COLUMN = 44  # where comments begin
LARGE = frozenset(
    {
        "torch",
        "tensorflow",
        "jax",
        "keras",
        "lightning",
        "pytorch_lightning",
        "transformers",
        "flax",
    }
)
"""Packages whose users mostly want a GPU."""
_HELP_LENGTH = 60
_USUAL_EPOCHS = 10


@dataclass(frozen=True, slots=True)
class Document:
    """The text, and what of it a person is told."""

    text: str
    searched: int
    left: int
    to_fill: int


@dataclass(slots=True)
class _Sorted:
    """The arguments by what becomes of them."""

    searched: list[tuple[Argument, Proposal]] = field(default_factory=list)
    offered: list[tuple[Argument, Proposal]] = field(default_factory=list)
    length: Argument | None = None
    needed: list[Argument] = field(default_factory=list)  # a function is not called without it
    left: list[Argument] = field(default_factory=list)

    def in_space(self) -> list[Argument]:
        """What the space has."""
        constant = [] if self.length is None else [self.length]
        return [argument for argument, _ in self.searched] + constant


def render(
    found: CommandStyle, metric: Metric | None, *, target: str, source: str, packages: set[str]
) -> Document:
    """The document.

    Args:
        found: the arguments, and how they are typed.
        metric: what is compared; None: to be filled in.
        target: what is run, relative to the configuration: a script, or `file.py:function`.
        source: what the user named, for the headline.
        packages: what the script imports.
    """
    sorted_ = _sort(found.arguments, is_function=found.style == "function")
    flag = _flag(sorted_)
    lines = [
        f"# Proposed by `hpo init {one_line(source)}`: {_what(found)} were read, nothing was run.",
        "# Look at each line; domains are guesses from names and defaults.",
        "",
        "space:",
        *_space(sorted_),
        "",
        "slurm:",
        *_slurm(packages),
        "",
        "hpo:",
        *_hpo(found, sorted_, flag, metric, target),
    ]
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return Document(text, len(sorted_.searched), len(sorted_.left), text.count(MARK))


def _what(found: CommandStyle) -> str:
    if found.style == "function":
        return "the parameters"
    return f"the arguments ({found.style})"


def _sort(arguments: Sequence[Argument], *, is_function: bool) -> _Sorted:
    sorted_ = _Sorted()
    unique = {argument.name: argument for argument in arguments}.values()
    lengths = sorted((a for a in unique if is_length(a)), key=lambda a: EPOCHS.index(plain(a.name)))
    sorted_.length = lengths[0] if lengths else None
    for argument in unique:
        if argument is sorted_.length:
            continue
        proposal = None if argument in lengths else propose(argument)
        if is_function and argument.required and (proposal is None or not proposal.searched):
            sorted_.needed.append(argument)
        elif proposal is None:
            sorted_.left.append(argument)
        elif proposal.searched:
            sorted_.searched.append((argument, proposal))
        else:
            sorted_.offered.append((argument, proposal))
    _drop_other_flags(sorted_)
    return sorted_


def _flag(sorted_: _Sorted) -> str | None:
    """How most of the booleans in the space are typed."""
    flags = Counter(one.flag for one, _ in sorted_.searched if one.kind == "bool")
    return flags.most_common(1)[0][0] if flags else None


def _drop_other_flags(sorted_: _Sorted) -> None:
    """A configuration has one way to type booleans: those of another are only offered."""
    flag = _flag(sorted_)
    other = [p for p in sorted_.searched if p[0].kind == "bool" and p[0].flag != flag]
    for pair in other:
        sorted_.searched.remove(pair)
        sorted_.offered.append(pair)


def _space(sorted_: _Sorted) -> list[str]:
    lines = [
        _line(f"{written(one.name)}: {proposal.text}", _default(one))
        for one, proposal in sorted_.searched
    ]
    if not lines:
        lines.append(
            _line("# nothing was found that is usually searched:", f"add a line here {MARK}")
        )
    if sorted_.length is not None:
        epochs, told = _epochs(sorted_.length)
        lines.append(_line(f"{written(sorted_.length.name)}: {epochs}", told))
    lines += [_line(f"{written(one.name)}: {FILL}", MARK) for one in sorted_.needed]
    if sorted_.offered:
        lines.append("  # perhaps also:")
        lines += [
            _line(f"# {written(one.name)}: {proposal.text}", _default(one))
            for one, proposal in sorted_.offered
        ]
    if sorted_.left:
        lines.append("  # left as they are:")
        lines += [f"  #   {one_line(one.name)}{_shown(one)}" for one in sorted_.left]
    return lines


def _line(text: str, comment: str) -> str:
    line = f"  {text}"
    return f"{line:<{COLUMN}}{comment}" if len(line) < COLUMN else f"{line}  {comment}"


def _default(argument: Argument) -> str:
    default = argument.default
    told = (
        [] if default is None or default is UNKNOWN else [f"default {one_line(written(default))}"]
    )
    if argument.help:
        words = " ".join(one_line(argument.help).split())
        cut = words if len(words) <= _HELP_LENGTH else f"{words[: _HELP_LENGTH - 1]}…"
        told.append(cut)
    return f"# {'; '.join(told)}" if told else ""


def _shown(argument: Argument) -> str:
    default = argument.default
    if default is None or default is UNKNOWN:
        return " (required)" if argument.required else ""
    text = one_line(written(default))
    return f": {text if len(text) <= _HELP_LENGTH else text[:_HELP_LENGTH] + '…'}"


def _epochs(length: Argument) -> tuple[int, str]:
    told = "# a constant: how long a whole trial is"
    default = length.default
    if isinstance(default, (int, float)) and not isinstance(default, bool) and default >= 1:
        return int(default), told
    return _USUAL_EPOCHS, f"{told} {MARK}"


def _slurm(packages: set[str]) -> list[str]:
    large = bool(packages & LARGE)
    return [
        _line("# partition: gpu", "# default: the cluster's own; `sinfo -o '%P %l %G'` lists them"),
        _line('time: "2:00:00"', "# of one job; `hpo doctor --job` proposes it, and mem"),
        _line(f"mem: {'16G' if large else '4G'}", ""),
        _line(f"cpus_per_task: {4 if large else 1}", ""),
        _line(f"gpus: {1 if large else 0}", ""),
        _line("# env_setup: [source activate my-env]", "# shell lines at the start of each job"),
    ]


def _hpo(
    found: CommandStyle,
    sorted_: _Sorted,
    flag: str | None,
    metric: Metric | None,
    target: str,
) -> list[str]:
    lines = [_line("n_trials: 50", ""), _line("max_concurrent_jobs: 4", "")]
    if found.style == "function":
        lines.append(_line(f"objective: {written(target)}", ""))
    else:
        lines += _command(found, sorted_, target)
        lines += [_line(f"{k}: {written(v)}", "") for k, v in found.settings.items()]
        if flag is not None:
            lines.append(_line(f"flags: {written(flag)}", "# how booleans are typed"))
        if found.style not in ("Hydra", "LightningCLI", "fire") and any(
            one.kind == "list" for one in sorted_.in_space()
        ):
            lines.append(_line("lists: words", "# as several words behind the option"))
    if sorted_.length is not None and sorted_.length.name != "max_epochs":
        lines.append(_line(f"max_resource_attr: {written(sorted_.length.name)}", ""))
    lines += _metric(found, metric)
    lines.append(_line("# scheduler: asha", "# stops poor trials early, where each epoch is told"))
    return lines


def _command(found: CommandStyle, sorted_: _Sorted, target: str) -> list[str]:
    """`entry_point`, or the `command` where more than options is typed."""
    in_space = {one.name for one in sorted_.in_space()}
    words, to_fill = [], []
    for one in sorted(found.arguments, key=lambda one: one.option != ""):  # places come first
        option = "" if one.option == "" else one.option or f"--{one.name}"
        if one.name in in_space:
            if one.option is not None:
                words += [option, f"{{{one.name}}}"] if option else [f"{{{one.name}}}"]
        elif one.required and one.default is None:
            to_fill.append(one.name)
            words += [option, f"{FILL}-{one.name}"] if option else [f"{FILL}-{one.name}"]
    words += found.words
    if not words:
        return [_line(f"entry_point: {written(target)}", "")]
    all_words = [written(word) for word in ("{python}", target, *words, "{arguments}")]
    comment = f"{MARK}: {', '.join(map(one_line, to_fill))}" if to_fill else ""
    return [_line(f"command: [{', '.join(all_words)}]", comment)]


def _metric(found: CommandStyle, metric: Metric | None) -> list[str]:
    if metric is None and found.style == "function":
        return [_line("metric: validation_error", f"{MARK}: the number that it reports or returns")]
    if metric is None:
        pattern = "FILL IN: epoch (?P<epoch>[0-9]+) loss (NUMBER)"
        return [
            _line("metric: val_loss", f"{MARK}: a name of your choice, the group of the pattern"),
            _line("mode: min", f"{MARK}: max where a larger one is better"),
            "  # a regular expression for the line that the script prints its metric in, such as",
            rf"  #   'epoch (?P<epoch>\d+) .*val_loss (?P<val_loss>{NUMBER})'",
            _line(f"metric_pattern: '{pattern}'", MARK),
        ]
    lines = []
    if metric.others:
        others = ", ".join(dict.fromkeys(map(one_line, metric.others)))
        lines.append(f"  # also told: {others}")
    lines.append(_line(f"metric: {written(metric.name)}", ""))
    lines.append(_line(f"mode: {metric.mode}", ""))
    if metric.pattern is not None and found.style != "function":
        if metric.note:
            lines.append(f"  # {metric.note}")
        lines.append(f"  metric_pattern: '{metric.pattern}'")
    return lines
