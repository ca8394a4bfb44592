"""The entry of jobs that 0.1.0 submitted and that still wait; gone after the next release."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv[1:1] = ["seat"]
    runpy.run_module("hpo.job.start", run_name="__main__")
