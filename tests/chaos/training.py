"""Training codes as people have them, for campaigns that are to be killed.

A loop with a torch DataLoader whose workers are processes, a Lightning trainer, and a script that
knows nothing of the program but the lines that it prints. Each saves in its own way.
"""

from __future__ import annotations

import importlib.util
import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOP = """
state = {"epoch": 0}
trial.restore(state=state)
for epoch in trial.epochs():
    time.sleep(%(epoch_s)g)
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(trial.trial_id)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
data = TensorDataset(torch.randn(64, 8), torch.randn(64, 1))
loader = DataLoader(data, batch_size=16, shuffle=True, num_workers=2)
trial.restore(model=model, optimizer=optimizer)
for epoch in trial.epochs():
    for inputs, targets in loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()
    time.sleep(%(epoch_s)g)
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
LIGHTNING = """
import torch
try:
    import lightning.pytorch as pl
    from lightning.pytorch.plugins.environments import LightningEnvironment
except ModuleNotFoundError:
    import pytorch_lightning as pl
    from pytorch_lightning.plugins.environments import LightningEnvironment

class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(8, 1)

    def training_step(self, batch, _):
        return torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=config["lr"])

def path_of(epoch):
    return trial.checkpoint_dir / f"epoch_{epoch}.ckpt"

class Report(pl.Callback):
    def on_train_epoch_end(self, trainer, module):
        epoch = trainer.current_epoch + 1
        new = path_of(epoch).with_suffix(".new")
        trainer.save_checkpoint(new)
        new.rename(path_of(epoch))
        time.sleep(%(epoch_s)g)
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)

torch.set_num_threads(1)
data = torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randn(64, 1))
done = trial.restore(progress=[])
trainer = pl.Trainer(
    max_epochs=trial.max_resource, accelerator="cpu", devices=1, plugins=[LightningEnvironment()],
    callbacks=[Report()], default_root_dir=trial.checkpoint_dir, num_sanity_val_steps=0,
    logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)
loader = torch.utils.data.DataLoader(data, batch_size=16)
trainer.fit(Module(), loader, ckpt_path=path_of(done) if done else None)
"""
SCRIPT = """
import argparse, json, os, time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--max_epochs", type=int)
options = parser.parse_args()
saved = Path(os.environ["HPO_CHECKPOINT_DIR"], "state.json")
epoch = json.loads(saved.read_text())["epoch"] if saved.exists() else 0
while epoch < options.max_epochs:
    epoch += 1
    time.sleep(%(epoch_s)g)
    new = saved.with_suffix(".new")
    new.write_text(json.dumps({"epoch": epoch}))
    os.replace(new, saved)
    print(f"epoch {epoch}: validation_error={abs(options.lr - 0.01) + 1 / epoch:.6f}", flush=True)
"""
SCRIPT_SETTINGS = {
    "entry_point": "train.py",
    "metric_pattern": r"epoch (?P<epoch>\d+): validation_error=(?P<validation_error>[\d.]+)",
}


@dataclass(frozen=True)
class Code:
    """The body of an objective, or a script, with settings; `needs` are modules that must be there.

    `%(epoch_s)g` in the text is how long an epoch takes (s).
    """

    text: str
    needs: Sequence[str] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    mem: str = "500M"

    def written(self, folder: Path, epoch_s: float) -> str:
        """The body of `objective`; what is a script lies in the folder then."""
        text = self.text % {"epoch_s": epoch_s}
        if not self.settings:
            return text
        (folder / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return "raise SystemExit('the script is to be run')"


CODES = {
    "loop": Code(LOOP),
    "script": Code(SCRIPT, settings=SCRIPT_SETTINGS),
    "loader": Code(LOADER, needs=["torch"], mem="1500M"),
    "lightning": Code(LIGHTNING, needs=["torch", "pytorch_lightning|lightning"], mem="1500M"),
}


def available() -> list[str]:
    """The codes whose libraries are here; of the others it is said that they are left out."""
    found = []
    for name, code in CODES.items():
        if missing := [need for need in code.needs if not _is_here(need)]:
            print(f"LEFT OUT: training code {name!r}, which needs {', '.join(missing)}")
        else:
            found.append(name)
    return found


def chosen(dice: random.Random, names: Sequence[str]) -> str:
    """One of them; a plain loop is no training code of anybody's where there are others."""
    return dice.choice([name for name in names if name != "loop"] or ["loop"])


def _is_here(need: str) -> bool:
    return any(importlib.util.find_spec(name) is not None for name in need.split("|"))
