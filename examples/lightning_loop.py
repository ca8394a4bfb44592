"""A Lightning trainer as a trial: a callback reports and checkpoints; resumed after preemption.

    pip install lightning        (or pytorch-lightning)
    python main_hpo.py --config examples/lightning_loop.py

Lightning saves its whole state in a file per epoch in `trial.checkpoint_dir`; `restore` tells
which of them is the one to go on from, for the last may not have been reported any more.
"""

import signal

import torch
from image_data import load_digits_28
from torch import nn

try:
    import lightning.pytorch as pl
    from lightning.pytorch.plugins.environments import LightningEnvironment
except ModuleNotFoundError:
    import pytorch_lightning as pl
    from pytorch_lightning.plugins.environments import LightningEnvironment

from hpo import lograndint, loguniform


class Digits(pl.LightningModule):
    def __init__(self, learning_rate, hidden_units):
        super().__init__()
        self.learning_rate = learning_rate
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, hidden_units), nn.ReLU(), nn.Linear(hidden_units, 10)
        )

    def training_step(self, batch, _):
        images, labels = batch
        return nn.functional.cross_entropy(self.net(images), labels)

    def validation_step(self, batch, _):
        images, labels = batch
        wrong = self.net(images).argmax(dim=1) != labels
        self.log("validation_error", wrong.float().mean(), on_epoch=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class ReportToTrial(pl.Callback):
    def __init__(self, trial):
        self.trial = trial
        self.on_term = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer, module):
        # Lightning's own handler would end the job with an error; hpo's lets it save first.
        signal.signal(signal.SIGTERM, self.on_term)

    def on_train_epoch_end(self, trainer, module):
        epoch = trainer.current_epoch + 1  # Lightning counts from 0
        new = path_of(self.trial, epoch).with_suffix(".new")
        trainer.save_checkpoint(new)
        new.rename(path_of(self.trial, epoch))  # complete or absent
        # One older than the two that hpo may go back to.
        path_of(self.trial, epoch - 3).unlink(missing_ok=True)
        error = trainer.callback_metrics["validation_error"]
        self.trial.report(epoch=epoch, validation_error=error)


def path_of(trial, epoch):
    return trial.checkpoint_dir / f"epoch_{epoch}.ckpt"


def objective(config, trial):
    pl.seed_everything(trial.trial_id, verbose=False)
    images, labels, *validation = map(torch.from_numpy, load_digits_28())
    data = torch.utils.data.TensorDataset(images, labels)
    validation = torch.utils.data.TensorDataset(*validation)
    done = trial.restore(progress=[])  # the state is Lightning's; hpo keeps only how far it is
    trainer = pl.Trainer(
        max_epochs=trial.max_resource,
        devices=1,
        # Not the one for SLURM, which would requeue the job itself.
        plugins=[LightningEnvironment()],
        callbacks=[ReportToTrial(trial)],
        default_root_dir=trial.checkpoint_dir,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        Digits(config["learning_rate"], config["hidden_units"]),
        torch.utils.data.DataLoader(data, batch_size=64, shuffle=True),
        torch.utils.data.DataLoader(validation, batch_size=512),
        ckpt_path=path_of(trial, done) if done else None,
    )


def get_config_space():
    return {
        "learning_rate": loguniform(1e-4, 1e-1),
        "hidden_units": lograndint(8, 256),
        "max_epochs": 10,
    }


def get_slurm_config():
    return {"time": "0:20:00", "mem": "4G", "cpus_per_task": 2}


def get_hpo_config():
    # Each epoch, because Lightning's files and hpo's checkpoints belong together.
    return {"n_trials": 10, "max_concurrent_jobs": 2, "checkpoint_interval": 1}
