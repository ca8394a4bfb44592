"""A trial of several processes on one node: torchrun starts them, the first one reports.

    python main_hpo.py --config examples/torchrun_trial.py

The objective is the parent: it starts torchrun on this same file, reads what rank 0 prints, and
reports it. Each rank trains on its share of each batch (DistributedDataParallel: NCCL with a GPU
for each rank, else gloo on the CPU). Rank 0 saves a file per epoch before it prints.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from hpo import loguniform

N_PROCESSES = 2
MARK = "REPORT "


def objective(config, trial):
    done = trial.restore(progress=[])  # the state is in rank 0's files; hpo keeps how far it is
    folder = trial.checkpoint_dir
    job = dict(config, done=done, last=trial.max_resource, folder=str(folder))
    ranks = start_ranks(job)
    try:
        for line in ranks.stdout:
            if not line.startswith(MARK):
                print(line, end="")
                continue
            report = json.loads(line.removeprefix(MARK))
            # One older than the two that hpo may go back to.
            path_of(folder, report["epoch"] - 3).unlink(missing_ok=True)
            trial.report(**report)
        if ranks.wait() != 0:
            raise RuntimeError(f"torchrun ended with code {ranks.returncode}; see the log above")
    finally:  # also when the trial is asked to leave: no rank may outlive it
        kill_all(ranks)


def start_ranks(job):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(N_PROCESSES), __file__, json.dumps(job)]
    threads = max(1, (os.cpu_count() or 1) // N_PROCESSES)
    environment = {"OMP_NUM_THREADS": str(threads)} | os.environ
    # SLURM sends its warning to all processes of a job. Only this one shall heed it, and leave
    # after the epoch; the mask is inherited by torchrun and its ranks.
    warnings = {signal.SIGTERM, signal.SIGUSR2}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, warnings)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def kill_all(ranks):
    try:
        family = [*psutil.Process(ranks.pid).children(recursive=True), psutil.Process(ranks.pid)]
    except psutil.NoSuchProcess:
        family = []
    for process in reversed(family):  # torchrun first, or it would start to tidy up itself
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    ranks.stdout.close()
    ranks.wait()


def path_of(folder, epoch):
    return Path(folder, f"epoch_{epoch}.pt")


def train_one_rank(job):
    import torch
    import torch.distributed as dist
    from image_data import load_digits_28
    from torch import nn

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    on_gpu = torch.cuda.device_count() >= size
    dist.init_process_group("nccl" if on_gpu else "gloo")
    device = torch.device("cuda", rank) if on_gpu else torch.device("cpu")
    data = [torch.from_numpy(array).to(device) for array in load_digits_28()]
    images, labels, validation_images, validation_labels = data
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    model = nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=job["learning_rate"])
    if job["done"]:
        path = path_of(job["folder"], job["done"])
        state = torch.load(path, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
    for epoch in range(job["done"] + 1, job["last"] + 1):
        # The same order for all ranks: rank r takes every size-th image of each batch, from r on.
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
        for batch in order.split(64):
            mine = batch[rank::size]
            loss = nn.functional.cross_entropy(model(images[mine]), labels[mine])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if rank == 0:
            with torch.no_grad():
                wrong = net(validation_images).argmax(dim=1) != validation_labels
            new = path_of(job["folder"], epoch).with_suffix(".new")
            torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, new)
            new.rename(path_of(job["folder"], epoch))  # complete or absent
            report = {"epoch": epoch, "validation_error": wrong.float().mean().item()}
            print(MARK + json.dumps(report), flush=True)
    dist.destroy_process_group()


def get_config_space():
    return {"learning_rate": loguniform(1e-4, 1e-1), "max_epochs": 10}


def get_slurm_config():
    return {"time": "0:20:00", "mem": "8G", "cpus_per_task": 4}  # "gpus": 2 for a GPU each


def get_hpo_config():
    # Each epoch, because the ranks' files and hpo's checkpoints belong together.
    return {"n_trials": 10, "max_concurrent_jobs": 1, "checkpoint_interval": 1}


if __name__ == "__main__":
    train_one_rank(json.loads(sys.argv[1]))
