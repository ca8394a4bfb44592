"""`hpo init`: a first configuration for a script or a function, and what to do next."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from hpo.cli.printing import say
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.settings.proposing.document import MARK
from hpo.settings.proposing.proposal import WHERE, propose_for
from hpo.settings.reading.finding import absolute
from hpo.shown import shell_words


def init(arguments: Namespace) -> int:
    """Write the file, and say what to do with it.

    Raises:
        SettingsError: the script cannot be read, or the file is there already.
    """
    cwd = Path.cwd()
    output = absolute(arguments.output or _name_for(arguments.script), cwd)
    if output.suffix not in (".yaml", ".yml"):
        problem = f"-o {output}: a configuration is written as YAML: choose a name in .yaml"
        raise SettingsError([problem], where=WHERE)
    document = propose_for(arguments.script, output, cwd)
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(document.text)
    except FileExistsError as err:
        problem = f"{output} is there already, and is left as it is: choose another with -o FILE"
        raise SettingsError([problem], where=WHERE) from err
    except OSError as err:
        problem = f"{output} cannot be written: {err.strerror or err}"
        raise SettingsError([problem], where=WHERE) from err
    shown = shell_words([str(output.relative_to(cwd) if output.is_relative_to(cwd) else output)])
    fill = f", and fill in {document.to_fill} marked `{MARK}`" if document.to_fill else ""
    searched = _counted(document.searched, "hyperparameter")
    left = _counted(document.left, "argument")
    say(f"{shown} searches {searched}, and leaves {left} alone. Look at its lines{fill}; then")
    say(f"  hpo doctor --config {shown}    # checks all of it, and what it needs here")
    say(f"  hpo run --config {shown}")
    return EXIT_FINISHED


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _name_for(script: str) -> str:
    place, _, function = script.rpartition(":")
    stem = Path(place or function).stem.rpartition(".")[2]
    return f"{stem}_search.yaml"
