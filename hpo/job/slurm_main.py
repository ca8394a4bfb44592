"""What a SLURM job runs: a seat of the campaign in the folder that is named first.

Not submitit's own program, which would import numpy and more before the user's code comes to its
turn. Words after the folder mean nothing: jobs that 0.1.0 submitted have some.
"""

import gc
import sys

if __name__ == "__main__":  # and not in the processes that the user's code spawns
    # What is imported here stays to the end, so that to look for garbage in it is in vain: now, and
    # when the interpreter ends, which takes longer than to write a result.
    gc.disable()
    from hpo.job.main import run_seat

    gc.freeze()
    gc.enable()
    sys.exit(run_seat(sys.argv[1]))
