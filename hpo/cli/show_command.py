"""`hpo run --show-command`: the words that the first trial of a training script is run with.

A file of its own, because what runs scripts is imported for it alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.cli.searchers import make_searcher
from hpo.errors import SettingsError
from hpo.folder.files import Layout
from hpo.settings.spec import CampaignSpec
from hpo.shown import shell_words
from hpo.trial.objective import load_objective
from hpo.trial.script.objective import ScriptObjective


def first_command(spec: CampaignSpec) -> str:
    """The command of trial 0, as a shell would take it; nothing is run or written.

    Raises:
        SettingsError: the campaign runs no script.
        ObjectiveError: the script cannot be read.
    """
    config = make_searcher(spec).suggest(0, frozenset())
    if spec.command_line is None or config is None:
        problem = f"--show-command: {spec.objective} is a function and has no command"
        raise SettingsError([problem], where=str(spec.source))
    line = spec.command_line.to_json()
    script = load_objective(spec.objective, spec.hpo.metric_pattern, line)
    assert isinstance(script, ScriptObjective)  # because it has a command line
    layout = Layout(Path(spec.output_dir))
    words = script.words(
        config,
        python=(spec.slurm.python or [sys.executable])[-1],  # within the container, if it is one's
        config_file=layout.config(0),
        checkpoint_dir=layout.users_files(0),
    )
    return shell_words(words)
