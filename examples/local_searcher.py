"""One's own searcher: random at first, then small changes of the best configuration so far.

    python examples/local_searcher.py                             compares it with random search
    python main_hpo.py --config examples/local_searcher.py        random search, as a campaign

A searcher is any object with `suggest(trial_id, taken)`, see `hpo.search.Searcher`. It keeps no
state: what it says follows from its seed, the trial's number and what is known, so a resumed
campaign has nothing to restore. `LocalSearcher` also takes the results so far, by one more keyword
that has a default. Campaigns draw from random search today and pass none; the loop below does.
"""

import inspect
import tempfile
from pathlib import Path

import numpy as np

from hpo import AsyncRandomSearch, Space, Trial, lograndint, loguniform
from hpo.examples import digits
from hpo.space import canonical, read_space


class LocalSearcher:
    """Draws from the space, and later redraws one hyperparameter of the incumbent at a time."""

    def __init__(self, space: Space, seed: int, points_to_evaluate=(), *, n_initial=6, share=0.8):
        """Search `space`.

        Args:
            space: Where to search.
            seed: The same seed and results give the same trials.
            points_to_evaluate: Configurations to try first.
            n_initial: Trials before the first local step.
            share: Of local steps among the later trials; the others are random, against getting
                stuck.
        """
        self._space = space
        self._seed = seed
        self._random = AsyncRandomSearch(space, seed, points_to_evaluate)
        self._n_initial = max(n_initial, len(points_to_evaluate))
        self._share = share

    def suggest(self, trial_id, taken, *, results=()):
        """Return the configuration of a trial; `results` are (configuration, error), any order."""
        # A stream of its own: random search already uses that of (seed, trial_id).
        generator = np.random.default_rng([self._seed, trial_id, 1])
        finite = [(error, config) for config, error in results if np.isfinite(error)]
        if trial_id < self._n_initial or not finite or generator.random() >= self._share:
            return self._random.suggest(trial_id, taken)
        best = min(finite, key=lambda result: result[0])[1]
        for _ in range(64):  # until it is one that nobody has tried
            name = generator.choice(self._space.free)
            value = self._space.domains[name].value(generator.random())
            config = best | {str(name): value}
            if canonical(config) not in taken:
                return config
        return self._random.suggest(trial_id, taken)


def minimise(function, searcher, n_trials):
    """Try configurations one after the other; return them with their errors."""
    results = []
    for trial_id in range(n_trials):
        # Random search does not ask for results.
        wants_results = "results" in inspect.signature(searcher.suggest).parameters
        known = {"results": tuple(results)} if wants_results else {}
        taken = {canonical(config) for config, _ in results}
        config = searcher.suggest(trial_id, taken, **known)
        if config is None:  # a finite space, all of it tried
            break
        results.append((config, function(config)))
    return results


def train_digits(config):
    """Train one configuration as a job would, and return its last validation error."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(
            trial_id=0, config=config, folder=Path(folder), attempt=0, target=config["max_epochs"]
        )
        digits.objective(config, trial)
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
    return {"n_trials": 30, "objective": "hpo.examples.digits:objective"}


def main(n_trials=30, seeds=range(3)):
    space, _ = read_space(get_config_space())
    for searcher in (AsyncRandomSearch, LocalSearcher):
        best = [
            min(error for _, error in minimise(train_digits, searcher(space, seed), n_trials))
            for seed in seeds
        ]
        found = ", ".join(f"{error:.4f}" for error in best)
        print(f"{searcher.__name__:18} best of {n_trials} trials, by seed: {found}")


if __name__ == "__main__":
    main()
