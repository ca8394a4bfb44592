"""A plain torch loop that goes on after preemption, with dropout and a learning-rate schedule.

    python main_hpo.py --config examples/torch_loop.py

Three lines make it resumable: `restore`, `epochs`, `report`. Everything that training changes is
named in `restore`. Random numbers start anew in each epoch, so that a resumed trial is the
uninterrupted one, bit for bit on the CPU.
"""

import torch
from image_data import load_digits_28
from torch import nn

from hpo import loguniform, uniform


def objective(config, trial):
    images, labels, validation_images, validation_labels = map(torch.from_numpy, load_digits_28())
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 64),
        nn.ReLU(),
        nn.Dropout(config["dropout"]),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=config["learning_rate"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config["max_epochs"])

    trial.restore(model=model, optimizer=optimizer, schedule=schedule)
    for epoch in trial.epochs():
        torch.manual_seed(epoch)
        model.train()
        for batch in torch.randperm(len(images)).split(64):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            wrong = model(validation_images).argmax(dim=1) != validation_labels
        # The last line of the epoch: it saves, and leaves if the job was asked to.
        trial.report(epoch=epoch, validation_error=wrong.float().mean())


def get_config_space():
    return {"learning_rate": loguniform(1e-4, 1e-1), "dropout": uniform(0, 0.7), "max_epochs": 20}


def get_slurm_config():
    return {"time": "0:10:00", "mem": "4G", "cpus_per_task": 2}


def get_hpo_config():
    return {"n_trials": 20, "max_concurrent_jobs": 2, "checkpoint_interval": 5}
