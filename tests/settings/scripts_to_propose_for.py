"""Training scripts in the styles that people write them in; none of them is run by its reader."""

MNIST = """
import argparse
import torch

def train(args, epoch):
    print('Train Epoch: {} [{}/{}]\\tLoss: {:.6f}'.format(epoch, 1, 2, 0.5))

def test(epoch):
    print('\\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)\\n'.format(0.1, 3, 10, 30.))

def train(args, epoch):
    print('Train Epoch: {} [{}/{}]\\tLoss: {:.6f}'.format(epoch, 1, 2, 0.5))

parser = argparse.ArgumentParser(description='PyTorch MNIST Example')
parser.add_argument('--batch-size', type=int, default=64, help='input batch size')
parser.add_argument('--test-batch-size', type=int, default=1000)
parser.add_argument('--epochs', type=int, default=14)
parser.add_argument('--lr', type=float, default=1.0, help='learning rate (default: 1.0)')
parser.add_argument('--gamma', type=float, default=0.7)
parser.add_argument('--no-cuda', action='store_true', default=False)
parser.add_argument('--dry-run', action='store_true')
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--save-model', action='store_true')
args = parser.parse_args()
"""
ARGPARSE = """
import argparse
from json import loads

WIDTH = 2 ** 6

parser = argparse.ArgumentParser()
parser.add_argument("--lr", "--learning-rate", dest="lr", type=float, default=1e-3)
parser.add_argument("--width", type=int, default=WIDTH)
parser.add_argument("--layers", type=int, nargs="+", default=[64, 32])
parser.add_argument("--optimizer", choices=["adam", "sgd"], default="adam")
parser.add_argument("--nesterov", action=argparse.BooleanOptionalAction, default=False)
parser.add_argument("--use-bias", type=str2bool, default=True)
parser.add_argument("--margin", type=float, default=0.3)
parser.add_argument("--max-epochs", type=int, default=3)
parser.add_argument("--device", default="cuda")
group = parser.add_argument_group("more")
group.add_argument("--weight_decay", type=float)
parser.set_defaults(weight_decay=1e-4)
args = parser.parse_args()
for epoch in range(1, args.max_epochs + 1):
    print(f"epoch {epoch} | train loss {1.0:.3f} | valid loss {args.lr / epoch:.5f}")
"""
POSITIONAL = """
import argparse, sys
p = argparse.ArgumentParser()
p.add_argument("data")
p.add_argument("alpha", type=float)
p.add_argument("-lr", type=float, default=1e-2)
p.add_argument("--units", type=int, nargs="+", default=[64, 32])
p.add_argument("--log_file", required=True)
a = p.parse_args()
assert all(isinstance(unit, int) for unit in a.units)
print("  RMSE: %s" % (a.alpha * a.lr))
"""
CLICK = """
import click

@click.command()
@click.option("--learning-rate", "-l", default=1e-3, show_default=True, help="Step size.")
@click.option("--optimizer", type=click.Choice(["sgd", "adam"]), default="adam")
@click.option("--hidden", type=int, default=128)
@click.option("--nesterov/--no-nesterov", default=False)
@click.option("--max-epochs", default=3, type=int)
@click.option("--seed", default=0)
def main(learning_rate, optimizer, hidden, nesterov, max_epochs, seed):
    for epoch in range(max_epochs):
        loss = learning_rate * hidden / (epoch + 1)
        click.echo(f"epoch={epoch} train_loss={loss:.3f} val_loss={loss:.4f} val_acc={1 - loss}")

main()
"""
TYPER = """
from typing import Annotated, Optional
import typer
app = typer.Typer()

@app.command()
def main(
    data: str,
    learning_rate: Annotated[float, typer.Option(help="step")] = 3e-4,
    weight_decay: float = typer.Option(0.0, help="L2"),
    num_layers: int = 2,
    amsgrad: bool = False,
    epochs: int = 3,
    out_dir: Optional[str] = None,
):
    for epoch in range(1, epochs + 1):
        print("Epoch %d/%d - val accuracy: %.4f" % (epoch, epochs, 1 - learning_rate))
"""
HYDRA = """
import hydra
import logging
log = logging.getLogger(__name__)

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    for epoch in range(cfg.trainer.max_epochs):
        log.info(f"Epoch {epoch}: val/loss={cfg.optimizer.lr / (epoch + 1):.5f}")
"""
HYDRA_FILES = {
    "conf/config.yaml": """\
defaults:
  - optimizer: adam
  - _self_
seed: 42
model:
  _target_: net.Net
  dropout: 0.2
trainer:
  max_epochs: 3
data_dir: ${oc.env:DATA,./data}
""",
    "conf/optimizer/adam.yaml": "_target_: torch.optim.Adam\nlr: 1e-3\nbetas: [0.9, 0.999]\n",
}
TYRO = """
import dataclasses
from typing import Literal
import tyro

@dataclasses.dataclass
class Optim:
    lr: float = 1e-3
    momentum: float = 0.9

@dataclasses.dataclass
class Args:
    optim: Optim = dataclasses.field(default_factory=Optim)
    activation: Literal["relu", "tanh"] = "relu"
    n_embd: int = 64
    nesterov: bool = False
    max_steps: int = 5
    exp_name: str = "x"

args = tyro.cli(Args)
for step in range(1, args.max_steps + 1):
    print("step", step, "eval error", args.optim.lr / step)
"""
HF = """
from dataclasses import dataclass, field
from transformers import HfArgumentParser, Trainer, TrainingArguments

@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "Path to pretrained model"})
    hidden_dropout_prob: float = field(default=0.1, metadata={"help": "dropout"})

parser = HfArgumentParser((ModelArguments, TrainingArguments))
model_args, args = parser.parse_args_into_dataclasses()
Trainer(args=args).train()
"""
SIMPLE = """
from dataclasses import dataclass
from simple_parsing import ArgumentParser

@dataclass
class Hyper:
    learning_rate: float = 0.1
    hidden_size: int = 32
    epochs: int = 3

parser = ArgumentParser()
parser.add_arguments(Hyper, dest="hyper")
args = parser.parse_args()
for epoch in range(1, args.hyper.epochs + 1):
    print(f"[{epoch}/{args.hyper.epochs}] loss: {args.hyper.learning_rate / epoch:.4f}")
"""
FIRE = """
import fire

def train(lr=0.01, units=(64, 32), epochs=3, seed=1):
    for epoch in range(1, epochs + 1):
        print(f"epoch {epoch}: rmse {lr}")

fire.Fire(train)
"""
ABSL = """
from absl import app, flags
FLAGS = flags.FLAGS
flags.DEFINE_float("learning_rate", 0.01, "lr")
flags.DEFINE_integer("num_epochs", 3, "epochs")
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "which")
flags.DEFINE_bool("batch_norm", True, "bn")
flags.DEFINE_string("workdir", None, "dir")

def main(_):
    for epoch in range(1, FLAGS.num_epochs + 1):
        print(f"epoch {epoch} test_accuracy = {FLAGS.learning_rate}")
"""
KERAS = """
import argparse
import keras
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", default=10, type=int)
parser.add_argument("--hidden_layer", default=64, type=int)
args = parser.parse_args()
model = keras.Sequential()
model.fit(1, 2, epochs=args.epochs)
"""
FUNCTIONS = '''
def objective(config, trial):
    """What trains."""
    lr, width = config["lr"], config.get("width", 2 ** 6)
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=lr / epoch, train_loss=1.0)

def train(learning_rate: float, data_path, batch_size: int = 32, max_epochs: int = 3, seed=0):
    from hpo import Reporter
    report = Reporter()
    for epoch in range(1, max_epochs + 1):
        report(epoch=epoch, val_accuracy=learning_rate)

def quick(lr=0.1):
    return {"loss": lr}
'''
LIGHTNING = """
import lightning as L
from lightning.pytorch.cli import LightningCLI

class Model(L.LightningModule):
    def __init__(self, learning_rate: float = 1e-3, hidden: int = 64, seed: int = 0):
        super().__init__()

    def validation_step(self, batch):
        self.log("val/loss", 0.1, prog_bar=True)

class Data(L.LightningDataModule):
    def __init__(self, root: str = "data", batch_size: int = 32):
        super().__init__()

LightningCLI(Model, Data)
"""
