"""The shell lines before a job's Python: the user's `env_setup`, and which Python follows from it.

Where `env_setup` puts another `python` on the path than was there before, that is the one that jobs
run in; else it is the manager's own, or the one that is set. The user's lines are the only text
that a shell reads as such. Pure: builds words, runs nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

PYTHON = "hpo_python"
"""The shell variable that holds the Python of the jobs behind `lines`."""

_FIND = "$(command -v python || command -v python3 || :)"


def lines(env_setup: Sequence[str], python: str) -> list[str]:
    """Lines for a shell that run `env_setup` and leave the chosen Python in `$hpo_python`.

    `python` is the one where nothing else is chosen.
    """
    return [
        f'hpo_before="{_FIND}"',
        *env_setup,
        f'{PYTHON}="{_FIND}"',
        f'if [ -z "${PYTHON}" ] || [ "${PYTHON}" = "$hpo_before" ]; then',
        f"{PYTHON}={shlex.quote(python)}",
        "fi",
    ]


def command(
    env_setup: Sequence[str],
    python: Sequence[str] | None,
    default: str,
    arguments: Sequence[str],
) -> list[str]:
    """The words that run a Python behind `env_setup`; without any, no shell.

    Args:
        env_setup: the user's lines.
        python: the words of the Python that is set, several where it is a container's; None: the
            one that `env_setup` chooses, or `default`.
        default: the manager's own.
        arguments: the words behind it.
    """
    used = python or [default]
    if not env_setup:
        return [*used, *arguments]
    if python is not None:
        return ["bash", "-c", "\n".join([*env_setup, 'exec "$@"']), "seat", *used, *arguments]
    script = [*lines(env_setup, default), f'exec "${PYTHON}" "$@"']
    return ["bash", "-c", "\n".join(script), "seat", *arguments]


def trial_run(env_setup: Sequence[str], default: str) -> str:
    """A script that tells on descriptor 3 which of the lines fail, and which Python they choose.

    One line each: `failed: …` and `python: …`.
    """
    told = [
        "trap 'echo \"failed: ${BASH_COMMAND//$'\\\\n'/ } (exit code $?)\" >&3' ERR",
        *lines(env_setup, default),
        "trap - ERR",
        f'echo "python: ${PYTHON}" >&3',
    ]
    return "\n".join(told)
