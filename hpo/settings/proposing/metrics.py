"""Where a script tells its metric, read from its text: a call of `report`, or a line it prints.

Pure. What is found is a proposal: a person looks at it before anything is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpo.settings.proposing.argument import calls, keywords, last_name, texts

NUMBER = r"[-+0-9.eE]+|nan"
LIGHTNING = frozenset({"lightning", "pytorch_lightning"})
_EPOCH = re.compile(r"(epoch|step|iter|iteration|round)\W*$", re.IGNORECASE)
_PRINTS = ("print", "info", "write", "echo", "debug", "warning")
_RANKS = (
    (r"error|err\b", "min"),
    (r"rmse|mae|mse", "min"),
    (r"loss|nll|ppl|perplexity|logloss", "min"),
    (
        r"acc\b|accuracy|auc|auroc|\bf1|score|iou|dice|bleu|\bmap\b|r2|psnr|ssim|reward|return",
        "max",
    ),
)
_HELD_OUT = ("val", "valid", "validation", "dev", "test", "eval")
_LARGE = re.compile(_RANKS[-1][0])
_FORMAT = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[sdifgeEGr]|\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared, and how it is found.

    `pattern` is None for what is reported by a call; `others` are further metrics beside it;
    `note` is what a person has to see to.
    """

    name: str
    mode: str
    pattern: str | None = None
    others: tuple[str, ...] = ()
    note: str = ""


def mode_of(name: str) -> str:
    """Whether smaller or larger is better, by its name."""
    return "max" if _LARGE.search(name.lower().replace("_", " ")) else "min"


def find_metric(tree: ast.Module, packages: set[str], function: str | None = None) -> Metric | None:
    """The metric of a script, or of a function in it; None: the text does not tell."""
    root: ast.AST = tree
    if function is not None:
        root = next(
            (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function), tree
        )
    return (
        _reported(root)
        or (_returned(root) if function is not None else None)
        or (_printed(tree) if function is None else None)
        or (_of_library(tree, packages) if function is None else None)
    )


def _reported(root: ast.AST) -> Metric | None:
    """`report(epoch=…, validation_error=…)`, of whatever object."""
    for call in calls(root, "report"):
        names = list(keywords(call))
        for argument in call.args:
            if isinstance(argument, ast.Dict):
                names += texts(argument.keys)
        told = [name for name in names if name not in ("epoch", "step", "iteration")]
        if told:
            best = min(told, key=lambda name: (_rank(name), told.index(name)))
            return Metric(best, mode_of(best), None, tuple(n for n in told if n != best))
    return None


def _returned(root: ast.AST) -> Metric | None:
    """The name in `return {"loss": …}`, or of what is returned."""
    returns = [node.value for node in ast.walk(root) if isinstance(node, ast.Return)]
    for value in returns:
        match value:
            case ast.Dict(keys=[ast.Constant(value=str() as name), *_]):
                return Metric(name, mode_of(name))
            case ast.Name(id=name):
                return Metric(name, mode_of(name))
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """A value in a printed line: the text before it since the last value, and what follows."""

    before: str
    names_epoch: bool


def _printed(tree: ast.Module) -> Metric | None:
    found: list[tuple[tuple[int, int, int], Metric]] = []
    for number, places in enumerate(_lines(tree)):
        epoch = next((place for place in places if _tells_epoch(place)), None)
        for index, place in enumerate(places):
            words = _words(place.before)
            if place is epoch or _rank(words) == len(_RANKS):
                continue
            held_out = any(w in words.split() for w in _HELD_OUT) or _starts_held_out(places)
            name = _name(words, _line_prefix(places, index))
            pattern = _pattern(places, epoch, index, name)
            data = 0 if held_out else 2 if name.startswith("train") else 1
            rank = (data, _rank(words), number)
            found.append((rank, Metric(name, mode_of(name), pattern)))
    if not found:
        return None
    best = min(found, key=lambda one: one[0])[1]
    others = dict.fromkeys(one.name for _, one in found if one.name != best.name)
    return Metric(best.name, best.mode, best.pattern, tuple(others))


def _lines(tree: ast.Module) -> Iterator[list[_Place]]:
    """The lines that are printed with values in them."""
    for call in calls(tree, *_PRINTS):
        if not call.args:
            continue
        template = call.args[0]
        match template:
            case ast.JoinedStr():
                yield list(_of_joined(template))
            case ast.Constant(value=str() as text) if len(call.args) > 1:
                if "%" in text:
                    yield _of_text(text)
                else:
                    yield list(_of_words(call.args))
            case ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Mod()):
                yield _of_text(text)
            case ast.Call(func=ast.Attribute(value=inner, attr="format")):
                if (joined := _joined_text(inner)) is not None:
                    yield _of_text(joined)


def _joined_text(node: ast.expr) -> str | None:
    """Text, also where several parts are added."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _joined_text(left), _joined_text(right)
            return None if first is None or second is None else first + second
    return None


def _of_joined(node: ast.JoinedStr) -> Iterator[_Place]:
    before = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            before += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            yield _Place(before, last_name(part.value) in ("epoch", "step", "it", "iteration"))
            before = ""


def _of_text(text: str) -> list[_Place]:
    places, at = [], 0
    for match in _FORMAT.finditer(text):
        places.append(_Place(text[at : match.start()], False))
        at = match.end()
    return places


def _of_words(arguments: Sequence[ast.expr]) -> Iterator[_Place]:
    """`print("epoch", epoch, "loss", loss)`: print puts a space between."""
    before = ""
    for argument in arguments:
        if told := texts([argument]):
            before += f"{told[0]} "
        else:
            yield _Place(before, last_name(argument) in ("epoch", "step", "iteration"))
            before = " "


def _tells_epoch(place: _Place) -> bool:
    return place.names_epoch or _EPOCH.search(place.before) is not None


def _words(before: str) -> str:
    """The last words before a value, in small letters."""
    return " ".join(re.findall(r"[a-z0-9]+", before.lower().replace("_", " "))[-3:])


def _rank(words: str) -> int:
    """How telling a name is; the number of ranks for one that names no metric."""
    text = words.lower().replace("_", " ")
    return next((i for i, (p, _) in enumerate(_RANKS) if re.search(p, text)), len(_RANKS))


def _starts_held_out(places: Sequence[_Place]) -> bool:
    return bool(set(_HELD_OUT) & set(re.findall(r"[a-z]+", places[0].before.lower())))


def _line_prefix(places: Sequence[_Place], index: int) -> str:
    """The word that says of which data a line tells, before the metric's own words."""
    for place in (places[index], places[0]):
        words = re.findall(r"[a-z]+", place.before.lower())
        for word in reversed(words):
            if word in (*_HELD_OUT, "train"):
                return str(word)
    return ""


def _name(words: str, prefix: str) -> str:
    """The metric's name, as a group of a pattern may be called: val_loss."""
    told = words.split()
    at = next(i for i in reversed(range(len(told))) if _rank(told[i]) < len(_RANKS))
    parts = [prefix, told[at]] if prefix and prefix != told[at] else [told[at]]
    name = "_".join(parts)
    return name if name.isidentifier() else f"metric_{name}"


def _pattern(places: Sequence[_Place], epoch: _Place | None, index: int, name: str) -> str:
    group = f"(?P<{name}>{NUMBER})"
    own = _literal(places[index].before)
    if epoch is None or places.index(epoch) > index:
        return own + group
    start = _literal(epoch.before)
    between = ".*" if places.index(epoch) < index - 1 or not own else ".*?"
    return rf"{start}(?P<epoch>\d+){between}{own}{group}"


def _literal(before: str) -> str:
    """What stands right before a value, as a pattern: at most its last words, any spaces."""
    line = before.rpartition("\n")[2].rpartition("\r")[2].rpartition("\t")[2]
    text = re.sub(r"^\W*?(?=\w)", "", line)
    # A width in the format puts spaces in front of a number.
    escaped = re.escape(text).replace("'", ".").replace('"', ".")
    return re.sub(r"(?:\\ )+", r"\\s*", escaped)


def of_lightning(logged: str) -> Metric:
    """A metric that Lightning shows in its bar."""
    name = re.sub(r"\W", "_", logged)
    pattern = rf"Epoch (?P<epoch>\d+): 100%.*{re.escape(logged)}=(?P<{name}>{NUMBER})"
    note = "in Lightning's bar: log it with prog_bar=True, and have a bar on"
    return Metric(name, mode_of(name), pattern, note=note)


def _of_library(tree: ast.Module, packages: set[str]) -> Metric | None:
    """What libraries print by themselves."""
    if packages & LIGHTNING:
        names = [name for call in calls(tree, "log") for name in texts(call.args[:1])]
        told = [name for name in names if any(word in name for word in ("val", "test"))]
        if told:
            return of_lightning(told[0])
    if packages & {"keras", "tensorflow"} and any(True for _ in calls(tree, "fit")):
        return Metric("val_loss", "min", rf"- val_loss: (?P<val_loss>{NUMBER})")
    if "transformers" in packages and any(True for _ in calls(tree, "Trainer")):
        pattern = rf".eval_loss.: .?(?P<eval_loss>{NUMBER}).*.epoch.: .?(?P<epoch>\d+)"
        return Metric("eval_loss", "min", pattern)
    return None
