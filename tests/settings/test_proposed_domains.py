"""Which domain is proposed for which name and default, and patterns that match what is printed."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from typing import Any

import pytest

from hpo.settings.proposing.argument import UNKNOWN, Argument, imports, kind_of
from hpo.settings.proposing.domains import is_length, propose
from hpo.settings.proposing.metrics import find_metric
from hpo.space.text import read_expression


@pytest.mark.parametrize(
    ("name", "default", "text"),
    [
        ("lr", 3e-4, "loguniform(3e-5, 0.003)"),
        ("learning_rate", None, "loguniform(0.0001, 0.1)"),
        ("learning_rate", UNKNOWN, "loguniform(0.0001, 0.1)"),
        ("encoder-lr", 0.01, "loguniform(0.001, 0.1)"),
        ("min_lr", 1e-6, "loguniform(1e-7, 1e-5)"),
        ("optim.weight_decay", 0.0, "loguniform(1e-6, 0.01)"),
        ("batch_size", 100, "[64, 128, 256, 512]"),
        ("batchSize", None, "[32, 64, 128, 256]"),
        ("dropout", 0.1, "uniform(0, 0.5)"),
        ("adam_beta2", 0.999, "uniform(0.9, 0.999)"),
        ("label_smoothing", 0.1, "uniform(0, 0.2)"),
        ("warmup_steps", 500, "lograndint(50, 5000)"),
        ("warmup_ratio", 0.03, "uniform(0, 0.2)"),
        ("max_grad_norm", 1.0, "loguniform(0.1, 10)"),
        ("temperature", 0.5, "loguniform(0.05, 5)"),
        ("gamma", 0.99, "uniform(0.9, 0.999)"),
        ("gamma", None, "uniform(0.1, 0.999)"),
        ("n_embd", 96, "[48, 96, 192]"),
        ("num_heads", None, "[2, 4, 8]"),
        ("hidden_size", 256, "lograndint(64, 1024)"),
        ("hidden_sizes", [128, 64], "[[64, 32], [128, 64], [256, 128]]"),
        ("num_layers", 4, "randint(2, 8)"),
        ("layers", (16, 8), "[[8, 4], [16, 8], [32, 16]]"),
        ("max_depth", 6, "randint(2, 12)"),
        ("kernel_size", 3, "[3, 5, 7]"),
        ("n_estimators", None, "lograndint(50, 1000)"),
        ("num_leaves", 31, "lograndint(7, 124)"),
        ("subsample", 1.0, "uniform(0.5, 1)"),
        ("reg_lambda", 1.0, "loguniform(0.01, 100)"),
        ("C", None, "loguniform(0.0001, 1)"),
        ("nesterov", False, "[true, false]"),
    ],
)
def test_a_telling_name_has_its_domain(name: str, default: Any, text: str) -> None:
    kind = "unknown" if default is UNKNOWN else kind_of(default)
    found = propose(Argument(name, kind, default))
    assert found is not None
    assert (found.text, found.searched) == (text, True)
    if not text.startswith("["):
        read_expression(found.text)  # and it is one


@pytest.mark.parametrize(
    "name",
    [
        *(
            "seed",
            "random_state",
            "data_dir",
            "output-path",
            "device",
            "num_workers",
            "log_interval",
        ),
        *("test_batch_size", "eval_lr", "no_cuda", "resume", "wandb_project", "callbacks.x.lr"),
        *("trainer.gradient_clip_val", "save_every", "model_name_or_path", "dry-run", "eps"),
    ],
)
def test_what_is_no_hyperparameter_is_left_alone(name: str) -> None:
    assert propose(Argument(name, "float", 0.1)) is None


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (Argument("margin", "float", 0.3), "uniform(0, 1)"),
        (Argument("scale", "float", 3.0), "loguniform(0.3, 30)"),
        (Argument("memory_length", "int", 10), "lograndint(5, 20)"),
        (Argument("use_foo", "bool", False), "[true, false]"),
        (Argument("arch", "text", "a", ("a", "b")), "[a, b]"),
    ],
)
def test_what_has_no_telling_name_is_only_offered(argument: Argument, text: str) -> None:
    found = propose(argument)
    assert found is not None
    assert (found.text, found.searched) == (text, False)


@pytest.mark.parametrize(
    "argument",
    [
        Argument("foo", "text", "x"),
        Argument("foo", "int", 1),
        Argument("foo", "float", -1.0),
        Argument("foo", "float", float("inf")),
        Argument("lr", "text", "auto"),
        Argument("batch_size", "int", 0),
        Argument("batch_size", "text", "auto"),
        Argument("hidden", "text", "64,32"),
        Argument("hidden_sizes", "list", []),
        Argument("num_heads", "list"),
        Argument("num_layers", "text"),
        Argument("n_estimators", "text"),
        Argument("dropout", "text", "none"),
        Argument("kernel_size", "list", [3, 3]),
        Argument("warmup", "text"),
    ],
)
def test_where_nothing_is_known_nothing_is_proposed(argument: Argument) -> None:
    assert propose(argument) is None


def test_what_says_how_long_a_trial_is() -> None:
    assert is_length(Argument("num-train-epochs", "float", 3.0))
    assert is_length(Argument("trainer.max_epochs"))
    assert not is_length(Argument("epochs", "bool"))
    assert not is_length(Argument("epochs_between_saves", "int", 3))


@pytest.mark.parametrize(
    ("line", "name", "tells_epoch"),
    [
        ('print(f"epoch {epoch}: val_loss={loss:.4f}")', "val_loss", True),
        ('print(f"[{epoch}] train loss {0.5} | valid acc {loss:.4f}")', "valid_acc", False),
        ('print("Epoch %d/%d, test error: %8.4f" % (epoch, 9, loss))', "test_error", True),
        ('print("Epoch {:3d} | Val RMSE {:10.5f}".format(epoch, loss))', "val_rmse", True),
        ('print(("Step: {} " + "eval loss = {}").format(epoch, loss))', "eval_loss", True),
        ('print("epoch", epoch, "dev f1", loss)', "dev_f1", True),
        ('print("\\n\\ttest (mean) loss: %s" % loss)', "test_loss", False),
        ("print(f\"it's epoch={epoch} 'val' loss: {loss}\")", "val_loss", True),
        ('print(f"{epoch} {loss} accuracy: {loss}")', "accuracy", True),
    ],
)
def test_a_pattern_matches_what_the_line_prints(line: str, name: str, tells_epoch: bool) -> None:
    found = find_metric(ast.parse(line), set())
    assert found is not None
    assert found.name == name
    assert found.pattern is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(line, {"epoch": 7, "loss": 0.125})
    matches = [re.search(found.pattern, text) for text in printed.getvalue().splitlines()]
    (match,) = [match for match in matches if match is not None]
    assert float(match[name]) == 0.125
    if tells_epoch and "epoch" in match.groupdict():
        assert match["epoch"] == "7"


@pytest.mark.parametrize(
    ("text", "name", "mode"),
    [
        ("tune.report({'step': 1, 'mean_accuracy': 0.9})", "mean_accuracy", "max"),
        ("trial.report(epoch=1, loss=1.0, validation_error=0.1)", "validation_error", "min"),
        ("import tensorflow\nmodel.fit(x, y)", "val_loss", "min"),
        ("import transformers\nTrainer(model)", "eval_loss", "min"),
        ("import pytorch_lightning\nself.log('val_acc', 1)", "val_acc", "max"),
    ],
)
def test_a_metric_that_is_reported_or_told_by_a_library(text: str, name: str, mode: str) -> None:
    tree = ast.parse(text)
    found = find_metric(tree, imports(tree))
    assert found is not None
    assert (found.name, found.mode) == (name, mode)


@pytest.mark.parametrize(
    "text",
    [
        "print('done')",
        "print(f'{x}')",
        "print(f'took {s:.1f} s')",
        "print('%d of %d' % (1, 2))",
        "",
    ],
)
def test_lines_without_a_metric_are_none(text: str) -> None:
    assert find_metric(ast.parse(text), set()) is None
