"""One's own searcher: random at first, then small changes of the best configuration so far.

    python main_hpo.py --config examples/local_searcher.py      a campaign that draws from it
    python examples/local_searcher.py                           compares it with random search

A searcher is what `searcher` in get_hpo_config() names, called with the space and the seed: an
object with `suggest(trial_id, taken, results)`, see `hpo.Searcher`. It keeps no state: what
it says follows from its seed, the trial's number and what is known, so a resumed campaign has
nothing to restore.
"""

import tempfile
from pathlib import Path

import numpy as np

from hpo import (
    AsyncRandomSearch,
    Space,
    Trial,
    Tried,
    canonical,
    lograndint,
    loguniform,
    read_space,
)
from hpo.config import digits_example


class LocalSearcher:
    """Draws from the space, and later redraws one hyperparameter of the incumbent at a time."""

    def __init__(self, space: Space, seed: int, *, n_initial=6, share=0.8):
        """Search `space`.

        Args:
            space: Where to search.
            seed: The same seed and results give the same trials.
            n_initial: Trials before the first local step.
            share: Of local steps among the later trials; the others are random, against getting
                stuck.
        """
        self._space = space
        self._seed = seed
        self._random = AsyncRandomSearch(space, seed)
        self._n_initial = n_initial
        self._share = share

    def suggest(self, trial_id, taken, results=()):
        """Return the configuration of a trial, or None when all have been tried."""
        # A stream of its own: random search already uses that of (seed, trial_id).
        generator = np.random.default_rng([self._seed, trial_id, 1])
        best = min(results, key=lambda tried: tried.error, default=None)
        if trial_id < self._n_initial or best is None or generator.random() >= self._share:
            return self._random.suggest(trial_id, taken)
        for _ in range(64):  # until it is one that nobody has tried
            name = generator.choice(self._space.free)
            value = self._space.domains[name].value(generator.random())
            config = best.config | {str(name): value}
            if canonical(config) not in taken:
                return config
        return self._random.suggest(trial_id, taken)


def minimise(function, searcher, n_trials):
    """Try configurations one after the other, without jobs; return what came of each."""
    results = []
    for trial_id in range(n_trials):
        taken = {canonical(tried.config) for tried in results}
        config = searcher.suggest(trial_id, taken, results)
        if config is None:  # a finite space, all of it tried
            break
        results.append(Tried(trial_id, config, error=function(config), resource=1))
    return results


def train_digits(config):
    """Train one configuration as a job would, and return its last validation error."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(
            trial_id=0, config=config, folder=Path(folder), attempt=0, target=config["max_epochs"]
        )
        digits_example.objective(config, trial)
    return trial.history[-1]["validation_error"]


def get_config_space():
    return {
        "learning_rate": loguniform(1e-4, 1.0),
        "alpha": loguniform(1e-6, 1e-1),
        "hidden_units": lograndint(2, 64),
        "batch_size": [16, 32, 64, 128],
        "max_epochs": 4,
    }


def get_slurm_config():
    return {"time": "0:10:00", "mem": "2G"}


def get_hpo_config():
    return {
        "n_trials": 30,
        "max_concurrent_jobs": 2,
        "searcher": "local_searcher.py:LocalSearcher",
        "objective": "hpo.config.digits_example:objective",
    }


def main(n_trials=30, seeds=range(3)):
    space, _ = read_space(get_config_space())
    for searcher in (AsyncRandomSearch, LocalSearcher):
        best = [
            min(tried.error for tried in minimise(train_digits, searcher(space, seed), n_trials))
            for seed in seeds
        ]
        found = ", ".join(f"{error:.4f}" for error in best)
        print(f"{searcher.__name__:18} best of {n_trials} trials, by seed: {found}")


if __name__ == "__main__":
    main()
