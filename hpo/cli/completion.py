"""`hpo completion bash|zsh`: a script for the shell, made of the parser. It starts no Python.

What follows an option, or stands alone, is told by its `metavar`: DIR is a campaign's folder,
NAME|FILE a configuration, FILE any file.
"""

from __future__ import annotations

import argparse
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping

from hpo.cli.arguments import build_parser
from hpo.cli.options.parser import Parser
from hpo.errors import EXIT_FINISHED
from hpo.settings.reading.finding import SHIPPED, available_configs

HEAD = """\
# Completion of hpo, as `hpo completion {shell}` wrote it.
"""
ZSH = """\
autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
"""
BODY = """\
_hpo_add() {{  # the lines of $1, each an answer
    local line
    while IFS= read -r line; do
        [ -n "$line" ] && COMPREPLY+=("$line")
    done <<< "$1"
}}

_hpo_campaigns() {{  # folders that hold a campaign, here and in hpo_results; else any folder
    local folder found=
    while IFS= read -r folder; do
        [ -e "$folder/campaign.json" ] && found+="$folder"$'\\n'
    done <<< "$(compgen -d -- "$cur"; compgen -d -- "hpo_results/$cur")"
    [ -n "$found" ] || found=$(compgen -d -- "$cur")
    _hpo_add "$found"
}}

_hpo_configurations() {{  # those that ship, and files here, in config/ and in hpo/config/
    local file names={shipped}
    _hpo_add "$(compgen -W "$names" -- "$cur")"
    while IFS= read -r file; do
        case $file in *.py|*.yaml|*.yml) COMPREPLY+=("$file") ;; esac
    done <<< "$(compgen -f -- "$cur")"
    while IFS= read -r file; do
        case $file in *.py|*.yaml|*.yml) file=${{file##*/}}; COMPREPLY+=("${{file%.*}}") ;; esac
    done <<< "$(compgen -f -- "config/$cur"; compgen -f -- "hpo/config/$cur")"
    [ -n "$cur" ] && _hpo_add "$(compgen -d -- "$cur")"
}}

_hpo_value() {{  # what follows an option, or stands alone
    case $1 in
        DIR) _hpo_campaigns ;;
        'NAME|FILE') _hpo_configurations ;;
        FILE) _hpo_add "$(compgen -f -- "$cur")" ;;
        =*) _hpo_add "$(compgen -W "${{1#=}}" -- "$cur")" ;;
    esac
}}

_hpo() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local command=${{COMP_WORDS[1]}}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _hpo_add "$(compgen -W {commands} -- "$cur")"
        return
    fi
    case "$command $before" in
{values}
    esac
    case "$command $cur" in
{options}
{alone}
    esac
}}

complete -o filenames -F _hpo hpo
"""


def completion(arguments: Namespace) -> int:
    """Print the script; the exit code."""
    print(script(arguments.shell), end="")
    return EXIT_FINISHED


def script(shell: str) -> str:
    """The script for `bash` or `zsh`, which understands bash's."""
    commands = build_parser().commands
    shipped = " ".join(available_configs(SHIPPED))
    return (
        HEAD.format(shell=shell)
        + (ZSH if shell == "zsh" else "")
        + BODY.format(
            shipped=shlex.quote(shipped),
            commands=shlex.quote(" ".join(commands)),
            values="\n".join(_values(commands)),
            options="\n".join(_options(commands)),
            alone="\n".join(_alone(commands)),
        )
    )


def _values(commands: Mapping[str, Parser]) -> Iterator[str]:
    """A line for each option that takes a value."""
    for name, parser in commands.items():
        for action in parser._actions:
            if action.option_strings and action.nargs != 0:
                words = "|".join(f'"{name} {option}"' for option in action.option_strings)
                yield f"        {words}) _hpo_value {_kind(action)}; return ;;"


def _options(commands: Mapping[str, Parser]) -> Iterator[str]:
    """A line for the options of each command."""
    for name, parser in commands.items():
        words = [option for action in parser._actions for option in action.option_strings]
        found = shlex.quote(" ".join(word for word in words if word.startswith("--")))
        yield f'        "{name} "-*) _hpo_add "$(compgen -W {found} -- "$cur")" ;;'


def _alone(commands: Mapping[str, Parser]) -> Iterator[str]:
    """A line for what stands alone behind each command; the first of several."""
    for name, parser in commands.items():
        for action in parser._actions:
            if not action.option_strings:
                yield f'        "{name} "*) _hpo_value {_kind(action)} ;;'
                break


def _kind(action: argparse.Action) -> str:
    if action.choices is not None:
        return shlex.quote("=" + " ".join(str(choice) for choice in action.choices))
    return shlex.quote(str(action.metavar or action.dest))
