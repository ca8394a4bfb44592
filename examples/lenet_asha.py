"""ASHA over LeNet: as lenet_random_search, but most trials are paused after an epoch or two.

    python main_hpo.py --config examples/lenet_asha.py

Trials are compared after 1, 2, 4, 8 and 10 epochs, and the better half of each rung goes on. A
promoted trial continues from its checkpoint, in whatever job is free.
"""

from hpo import loguniform, randint


def objective(config, trial):
    import torch
    from lenet import build_lenet, load_tensors, train_epoch, validation_error

    images, labels, *validation = load_tensors()
    model = build_lenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=config["learning_rate"])
    trial.restore(model=model, optimizer=optimizer)
    for epoch in trial.epochs():  # to the trial's next rung
        train_epoch(model, optimizer, images, labels, batch_size=config["batch_size"], epoch=epoch)
        trial.report(epoch=epoch, validation_error=validation_error(model, *validation))


def get_config_space():
    return {
        "learning_rate": loguniform(1e-2, 1),
        "batch_size": randint(32, 256),
        "max_epochs": 10,
    }


def get_slurm_config():
    return {"time": "0:30:00", "mem": "8G", "cpus_per_task": 2, "gpus": 1}


def get_hpo_config():
    return {
        "n_trials": 100,  # more than fit: the wall-clock time ends the search
        "max_concurrent_jobs": 2,
        "max_wallclock_time": 12 * 60,
        "points_to_evaluate": [{"learning_rate": 0.1, "batch_size": 128}],
        "scheduler": {"type": "asha", "grace_period": 1, "reduction_factor": 2},
    }
