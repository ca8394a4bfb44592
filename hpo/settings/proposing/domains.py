"""Which domain is proposed for an argument, from its name and its default. Pure.

A proposal is text as a configuration has it. What is no hyperparameter, such as a seed or a path,
gets none; of what may be one, a proposal is made but not taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.settings.proposing.argument import UNKNOWN, Argument

EPOCHS = (
    *("max_epochs", "epochs", "num_epochs", "n_epochs", "num_train_epochs", "nepochs", "nb_epochs"),
    *("max_epoch", "epoch", "train_epochs", "total_epochs", "niter"),
    *(
        "total_timesteps",
        "max_timesteps",
        "max_steps",
        "max_iters",
        "max_iter",
        "num_steps",
        "train_steps",
        "total_steps",
        "n_iters",
    ),
    *("num_iters", "iterations", "num_iterations", "n_iter", "steps", "num_boost_round", "maxiter"),
)
"""Names of what says how long a trial is, the most telling first."""

NO_HYPERPARAMETER = re.compile(
    r"(^|_)(seed|random_state|path|paths|dir|dirs|directory|folder|file|files|filename|root|out"
    r"|output|input|inputs|device|devices|gpu|gpus|cuda|mps|accelerator|workers|jobs|threads|port"
    r"|host|rank|world|node|nodes|log|logs|logger|logging|verbose|verbosity|quiet|name|id|tag"
    r"|tags|project|entity|resume|ckpt|checkpoint|checkpoints|save|saving|load|eval|evaluate"
    r"|evaluation|test|testing|val|valid|validation|print|interval|every|freq|frequency|debug"
    r"|dry|run|backend|url|token|key|data|dataset|datasets|split|fold|folds|user|email|amp|fp16"
    r"|bf16|fp32|tf32|precision|half|deterministic|profile|tensorboard|wandb|comet|mlflow|neptune"
    r"|cache|tokenizer|pretrained|plot|config|configs|download|progress|command|mode|local"
    r"|distributed|ddp|dist|sync|compile|pin|prefetch|version|classes|help|monitor|patience"
    r"|overwrite|prompt|eps|epsilon|offline|limit|subset|samples|trials|timeout|dummy|fake"
    r"|synthetic|only|track|capture|video|start|warnings|accel|accelerate"
    r"|render|inference|processes)($|_)|^train$"
)
_NO_SECTIONS = frozenset(
    ["callbacks", "logger", "loggers", "logging", "paths", "extras", "hydra", "trainer", "debug"]
)
_HELD_OUT = re.compile(r"(^|_)(test|eval|val|valid|validation|dev)_|^no_")
_FLAGS = re.compile(
    r"(nesterov|amsgrad|batch_?norm|layer_?norm|use_?bn|bias|augment|residual|bidirectional"
    r"|mixup|cutmix|ema|normalize|share_|tie_|dropout|early_?fusion|attention)"
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The text of a domain, and whether it is to be searched (else only offered)."""

    text: str
    searched: bool = True


def propose(argument: Argument) -> Proposal | None:
    """The domain for one argument; None: it is no hyperparameter, or nothing is known of it."""
    name = plain(argument.name)
    default = None if argument.default is UNKNOWN else argument.default
    if _NO_SECTIONS & set(argument.name.split(".")[:-1]):
        return None
    if argument.choices and (not NO_HYPERPARAMETER.search(name) or _KNOWN_CHOICES.search(name)):
        return _of_choices(argument, name)
    if _HELD_OUT.search(name):
        return None
    for pattern, rule in _RULES:
        if argument.kind != "bool" and pattern.search(name):
            text = rule(default, argument)
            if text is not None:
                return Proposal(text)
    if NO_HYPERPARAMETER.search(name):
        return None
    if argument.kind == "bool":
        return Proposal("[true, false]", searched=_FLAGS.search(name) is not None)
    return _by_default(default)


def is_length(argument: Argument) -> bool:
    """Whether it says how long a trial is."""
    return plain(argument.name) in EPOCHS and argument.kind not in ("bool", "text", "list")


def plain(name: str) -> str:
    """The last part of a name, in small letters and with underscores."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.rpartition(".")[2])
    return words.replace("-", "_").lower()


_KNOWN_CHOICES = re.compile(
    r"(optim|activation|act_fn|nonlinearity|scheduler|norm|init|loss|criterion|kernel|solver"
    r"|booster|penalty|pool)"
)


def _of_choices(argument: Argument, name: str) -> Proposal:
    values = [value for value in argument.choices if isinstance(value, (str, int, float, bool))]
    searched = _KNOWN_CHOICES.search(name) is not None and len(values) > 1
    return Proposal(listed(values), searched)


def listed(values: Sequence[Any]) -> str:
    """A list as YAML has it."""
    return f"[{', '.join(written(value) for value in values)}]"


def written(value: Any) -> str:
    """A value as YAML has it, on one line and never taken for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else f'"{value}"'
    if isinstance(value, (list, tuple)):
        return listed(value)
    text = str(value)
    if re.fullmatch(r"[A-Za-z_][\w./-]*", text) and text.lower() not in _YAML_WORDS:
        return text
    escaped = "".join(c if c.isprintable() and c not in '"\\' else _escaped(c) for c in text)
    return f'"{escaped}"'


_YAML_WORDS = ("true", "false", "null", "none", "yes", "no", "on", "off", "y", "n")


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def number(value: float) -> str:
    """A float that YAML reads as one: 1.0e-5, not 1e-05."""
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return re.sub(r"e([+-])0+(\d)", r"e\1\2", text)


def _short(value: float) -> str:
    """A bound of a domain, with one or two digits: 0.0003, 3e-5."""
    text = f"{value:.3g}" if value > 0.9 else f"{value:.2g}"
    return re.sub(r"e([+-])0+(\d)", r"e\1\2", text).replace("e+", "e")


Rule = Callable[[Any, Argument], "str | None"]


def _around(low: float, high: float, least: float, most: float, times: float = 10.0) -> Rule:
    """`loguniform` around a default within `least` and `most`; from `low` to `high` without one."""

    def rule(default: Any, argument: Argument) -> str | None:
        bottom, top = low, high
        if _is_number(default) and default > 0:
            bottom, top = max(least, default / times), min(most, default * times)
            if bottom >= top:
                bottom, top = default / times, default * times
        elif isinstance(default, (str, list, tuple)) or argument.kind in ("text", "list"):
            return None
        return f"loguniform({_short(bottom)}, {_short(top)})"

    return rule


def _within(low: float, high: float) -> Rule:
    """`uniform` from `low` to `high`, or as far as the default."""

    def rule(default: Any, argument: Argument) -> str | None:
        if isinstance(default, (str, list, tuple)) or argument.kind in ("text", "list"):
            return None
        usual = default if _is_number(default) and 0 <= default <= 1 else low
        return f"uniform({_short(min(low, usual))}, {_short(max(high, usual))})"

    return rule


def _fixed(text: str) -> Rule:
    def rule(default: Any, _argument: Argument) -> str | None:
        return None if isinstance(default, (str, bool, list, tuple)) else text

    return rule


def _powers(least: int, most: int) -> Rule:
    """The powers of two around a default: half of it, itself, two and four times."""

    def rule(default: Any, argument: Argument) -> str | None:
        if argument.kind in ("text", "list") or isinstance(default, (str, list, tuple)):
            return None
        if isinstance(default, int) and default <= 0:
            return None  # because it is computed
        usual = default if isinstance(default, int) and default > 0 else 64
        power = round(math.log2(usual))
        values = [2**exponent for exponent in range(power - 1, power + 3)]
        return listed([value for value in values if least <= value <= most] or [usual])

    return rule


def _widths(default: Any, argument: Argument) -> str | None:
    if argument.kind in ("bool", "text"):
        return None
    if isinstance(default, (list, tuple)):
        if not default or not all(isinstance(one, int) and one > 0 for one in default):
            return None
        doubled = [[max(1, int(one * times)) for one in default] for times in (0.5, 1, 2)]
        return listed(doubled)
    if argument.kind == "list":
        return None
    usual = default if isinstance(default, int) and default > 0 else 128
    return f"lograndint({max(1, usual // 4)}, {usual * 4})"


def _halves(without: int) -> Rule:
    """What has to be divisible stays so: half of the default (or of `without`), itself, double."""

    def rule(default: Any, argument: Argument) -> str | None:
        if argument.kind in ("bool", "text", "list"):
            return None
        usual = default if isinstance(default, int) and default > 1 else without
        return listed([usual // 2, usual, usual * 2])

    return rule


def _count(default: Any, argument: Argument) -> str | None:
    if isinstance(default, (list, tuple)):
        return _widths(default, argument)  # the sizes of the layers, as they are called
    if argument.kind in ("bool", "text", "list"):
        return None
    usual = default if isinstance(default, int) and default > 0 else 3
    return f"randint({max(1, usual // 2)}, {2 * usual})"


def _many(low: int, high: int) -> Rule:
    def rule(default: Any, argument: Argument) -> str | None:
        if argument.kind in ("bool", "text", "list"):
            return None
        if isinstance(default, int) and default > 0:
            return f"lograndint({max(1, default // 4)}, {default * 4})"
        return f"lograndint({low}, {high})"

    return rule


def _decay(default: Any, _argument: Argument) -> str | None:
    if not _is_number(default) or not 0 < default < 1:
        return "uniform(0.1, 0.999)" if default is None else None
    return "uniform(0.9, 0.999)" if default >= 0.9 else "uniform(0.1, 0.9)"


def _warmup(default: Any, _argument: Argument) -> str | None:
    if isinstance(default, int) and not isinstance(default, bool) and default >= 10:
        return f"lograndint({max(1, default // 10)}, {default * 10})"
    is_share = isinstance(default, float) and default < 1
    return "uniform(0, 0.2)" if is_share else None


_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"(^|_)(batch_size|batchsize|bs|batch|minibatch|mini_batch)$", _powers(2, 65536)),
        (r"^(min|end|final|eta)_(lr|min)$|^lr_(min|end|final)$", _around(1e-6, 1e-4, 1e-9, 1e-2)),
        (r"(^|_)(lr|learning_rate|eta0?|step_size)$|^lr0$", _around(1e-4, 1e-1, 1e-7, 1.0)),
        (r"(^|_)(weight_decay|wd|l2|l2_reg|l2_penalty)$", _around(1e-6, 1e-2, 1e-8, 0.5, 100.0)),
        (r"(^|_)(l1|l1_reg|l1_penalty)$", _around(1e-6, 1e-2, 1e-8, 0.5, 100.0)),
        (r"(dropout|drop_rate|drop_path|p_drop|drop_prob|^drop$)", _within(0, 0.5)),
        (r"(^|_)momentum$", _within(0.8, 0.99)),
        (r"(^|_)beta_?1$", _within(0.8, 0.99)),
        (r"(^|_)beta_?2$", _within(0.9, 0.999)),
        (r"(^|_)label_smoothing$|^smoothing$", _within(0, 0.2)),
        (r"warmup|warm_up", _warmup),
        (r"(grad|gradient).*(clip|norm)|clip.*(grad|norm|value)|^clip$|max_norm",
         _around(0.1, 10.0, 1e-3, 100.0)),
        (r"temperature|^tau$|^temp$", _around(0.05, 5.0, 1e-3, 100.0)),
        (r"^gamma$|(^|_)lr_(decay|gamma)$|decay_rate$", _decay),
        (r"d_model|n_embd|embed_dim|embedding_dim|embedding_size|emb_dim|emb_size", _halves(128)),
        (r"(^|_)(n_|num_|nb_)?(attention_)?heads?$|^n_?head$", _halves(4)),
        (r"(hidden|units|width|latent|channels|filters|ffn|^dim$|_dim$|bottleneck|neurons|^z$"
            r"|lin\d*_size|layer\d*_size|^fc_?\d+)",
         _widths),
        (r"^max_depth$", _fixed("randint(2, 12)")),
        (r"(^|_)(n_|num_|nb_)?(layers?|depth|blocks?)$", _count),
        (r"kernel_size$|^ksize$", _fixed("[3, 5, 7]")),
        (r"(n_estimators|num_trees|n_trees|num_boost)", _many(50, 1000)),
        (r"num_leaves|max_leaves", _many(15, 255)),
        (r"min_child_weight|min_samples|min_data", _many(1, 30)),
        (r"subsample|colsample|feature_fraction|bagging_fraction|max_features",
         _within(0.5, 1)),
        (r"l1_ratio", _within(0, 1)),
        (r"^(reg_)?(alpha|lambda|lamb|lambd)_?$|^reg$|^c$|regulari[sz]ation",
         _around(1e-4, 1.0, 1e-8, 1e4, 100.0)),
        (r"mixup|cutmix", _within(0, 1)),
    )
)  # fmt: skip


def _by_default(default: Any) -> Proposal | None:
    """What a default alone tells; offered, not taken."""
    if not _is_number(default):
        return None
    if isinstance(default, int):
        return (
            Proposal(f"lograndint({max(1, default // 2)}, {default * 2})", searched=False)
            if (default > 1)
            else None
        )
    if 0 < default < 1:
        return Proposal("uniform(0, 1)", searched=False)
    if default > 0:
        low, high = _short(default / 10), _short(default * 10)
        return Proposal(f"loguniform({low}, {high})", searched=False)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
