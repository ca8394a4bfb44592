"""`hpo` alone: what to do first. One screen, and nothing that is slow to import."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hpo.cli.printing import say
from hpo.errors import EXIT_FINISHED
from hpo.shown import shell_words

FIRST = (
    ("try it here, in a minute", "run", "--config digits_example --executor local"),
    ("begin from a script of yours", "init", "train.py"),
    ("check the ground", "doctor", "--config NAME"),
    ("see what it will take", "plan", "--config NAME"),
    ("start it, or go on with it", "run", "--config NAME"),
    ("how does it stand?", "status", "DIR"),
    ("look on", "watch", "DIR"),
    ("what happened to trial 17?", "why", "DIR 17"),
    ("a bug is mended: once more", "retry", "DIR"),
    ("all of it as a page", "report", "DIR"),
    ("stop it", "stop", "DIR"),
)
MOST = 5


def welcome(commands: Collection[str]) -> int:
    """Print the screen; the exit code.

    Args:
        commands: those that there are.
    """
    say("hpo: hyperparameter campaigns on SLURM and on a laptop")
    say("")
    for what, command, rest in FIRST:
        if command in commands:
            say(f"  {what:<30} hpo {command} {rest}")
    script = Path(__file__).parents[1] / "scripts" / "submit_hpo_campaign.sh"
    say(f"  {'the same as a SLURM job':<30} sbatch {shell_words([str(script)])} --config NAME")
    say("")
    if found := _campaigns():
        say(f"campaigns here: {shell_words(found)}")
    say("NAME is a configuration (.py or .yaml), DIR a campaign's folder, as hpo_results/NAME")
    say("all commands: hpo --help; all of one: hpo run --help")
    return EXIT_FINISHED


def _campaigns() -> list[str]:
    """The newest campaigns in the usual folder."""
    try:
        found = [path for path in Path("hpo_results").glob("*/campaign.json") if path.is_file()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []
    return [str(path.parent) for path in found[:MOST]]
