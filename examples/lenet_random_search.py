"""Asynchronous random search over LeNet: the example of the d2l book's chapter on it.

    python main_hpo.py --config examples/lenet_random_search.py

Two trials run at a time; as soon as one ends, the next starts. After twelve minutes no new one
does. The objective is written as for Syne Tune: hyperparameters as arguments, imports inside.
"""

from hpo import loguniform, randint


def objective(learning_rate, batch_size, max_epochs):
    import torch
    from lenet import build_lenet, load_tensors, train_epoch, validation_error

    from hpo import Reporter

    images, labels, *validation = load_tensors()
    model = build_lenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    report = Reporter()
    for epoch in range(1, max_epochs + 1):
        train_epoch(model, optimizer, images, labels, batch_size=batch_size, epoch=epoch)
        report(epoch=epoch, validation_error=validation_error(model, *validation))


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
        "metric": "validation_error",
        "mode": "min",
    }
