"""Serve a campaign as one job, also by hand: `python run_trial.py hpo_results/mlp_example`."""

import sys

from hpo.job.main import main

if __name__ == "__main__":
    sys.exit(main())
