"""`hpo doctor`: whether a campaign can run here, one line a check, and what to do."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence

from hpo.cli.clusters import choose_executor
from hpo.cli.options.configuration import overrides_of
from hpo.cli.printing import say
from hpo.cli.searchers import searcher_problems
from hpo.doctor.examine import Examination, examine
from hpo.doctor.finding import VERDICTS, Finding
from hpo.errors import EXIT_BAD_SETTINGS, EXIT_FINISHED
from hpo.settings.reading.loading import Loaded, load
from hpo.shown import one_line

NARROWEST = 60  # columns, below which nothing is folded


def doctor(arguments: Namespace) -> int:
    """Print what was found; exit code 2 where something will fail.

    Raises:
        SettingsError: there is no such configuration.
    """
    loaded = load(
        arguments.config, overrides=overrides_of(arguments), output_dir=arguments.output_dir
    )
    loaded.problems += _searcher_problems(loaded)
    found = examine(loaded, _executor(arguments.executor))
    if arguments.json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        show(found)
    return EXIT_BAD_SETTINGS if found.will_fail else EXIT_FINISHED


def _executor(wanted: str) -> str:
    """Where SLURM is installed and does not answer, that is what is wrong."""
    chosen = choose_executor(wanted)
    return "slurm" if wanted == "auto" and shutil.which("sbatch") else chosen


def _searcher_problems(loaded: Loaded) -> list[str]:
    if loaded.searcher is None or loaded.space is None or loaded.hpo is None:
        return []
    return searcher_problems(loaded.searcher, loaded.space, loaded.hpo.seed, loaded.pythonpath)


def show(found: Examination) -> None:
    """One line a check, with what to do below it."""
    say(f"{found.config.name} on {found.where}")
    width = max(len(finding.check) for finding in found.findings)
    for finding in found.findings:
        for line in _lines(finding, width):
            say(line)
    say(_sum(found.findings))


def _lines(finding: Finding, width: int) -> list[str]:
    head = f"{finding.verdict:<8}{finding.check:<{width}}  "
    lines = _folded(head, " " * len(head), finding.found)
    if finding.advice:
        lines += _folded(f"{'':{len(head)}}-> ", " " * (len(head) + 3), finding.advice)
    return lines


def _folded(first: str, others: str, text: str) -> list[str]:
    """Folded at the terminal's width; a file or a pipe gets whole lines."""
    words = one_line(" ".join(text.split()))
    columns = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or columns < NARROWEST:
        return [first + words]
    return textwrap.wrap(
        words,
        columns,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _sum(findings: Sequence[Finding]) -> str:
    counts = {verdict: sum(f.verdict == verdict for f in findings) for verdict in VERDICTS}
    told = ", ".join(f"{counts[v]} {v}" for v in ("ok", "warn", "fail", "unknown") if counts[v])
    if counts["fail"]:
        return f"{told}: a campaign would fail. Mend what is marked `fail`, and look again"
    if counts["warn"]:
        return f"{told}: a campaign can start; read what is marked `warn`"
    return f"{told}: a campaign can start"
