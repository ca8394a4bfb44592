"""What a SLURM job runs: a seat of the campaign in the folder that is named first.

submitit would start its own program here, which imports numpy and more and reads a pickle, before
the user's code comes to its turn. It is given this one as the interpreter instead; what it appends
to the command line is not looked at.
"""

import gc
import sys

from hpo.worker import run_seat

if __name__ == "__main__":
    # What is imported by now stays to the end. Without this the interpreter looks through all of it
    # once more when it ends, for longer than a leg's result takes to write.
    gc.freeze()
    sys.exit(run_seat(sys.argv[1]))
