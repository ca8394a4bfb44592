"""What a SLURM job runs: a seat of the campaign in the folder that is named first.

submitit would start its own program here, which imports numpy and more and reads a pickle, before
the user's code comes to its turn. It is given this one as the interpreter instead; what it appends
to the command line is not looked at.
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
