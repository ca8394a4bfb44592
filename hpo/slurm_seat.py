"""The entry of jobs that 0.1.0 submitted and that still wait; gone after the next release."""

import runpy

if __name__ == "__main__":
    runpy.run_module("hpo.job.slurm_main", run_name="__main__")
