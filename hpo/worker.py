"""The entry of jobs that version 0.1.0 started; gone after the next release."""

import sys

from hpo.job.main import main

if __name__ == "__main__":
    sys.exit(main())
