"""`hpo schema`: the JSON Schema of a configuration in YAML."""

from __future__ import annotations

import json
from argparse import Namespace

from hpo.errors import EXIT_FINISHED
from hpo.settings.schema import configuration_schema


def schema(arguments: Namespace) -> int:
    """Print the schema; the exit code."""
    del arguments
    print(json.dumps(configuration_schema(), indent=2, ensure_ascii=False))
    return EXIT_FINISHED
