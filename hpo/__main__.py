"""`python -m hpo run …`, where the `hpo` command is not on the path."""

import sys

from hpo.cli import main

if __name__ == "__main__":
    sys.exit(main())
