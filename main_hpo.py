"""Start or resume a campaign: `python main_hpo.py --config mlp_example`; see README.md."""

import sys

from hpo.cli import main_hpo

if __name__ == "__main__":
    sys.exit(main_hpo())
