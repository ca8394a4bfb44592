"""`hpo doctor`: whether a campaign can run here, one line a check, and what to do."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from hpo.cli.clusters import make_cluster
from hpo.cli.options.configuration import overrides_of
from hpo.cli.printing import say
from hpo.cli.searchers import make_searcher, searcher_problems
from hpo.doctor.examine import Examination, examine, wish_of
from hpo.doctor.finding import VERDICTS, Finding
from hpo.doctor.place import examine_room
from hpo.doctor.tried import judge, lines_to_paste
from hpo.doctor.tryout import try_out
from hpo.errors import EXIT_BAD_SETTINGS, EXIT_FINISHED, HpoError
from hpo.settings.reading.loading import Loaded, load
from hpo.settings.spec import CampaignSpec
from hpo.shown import one_line

WIDTH = 14  # of the names of checks
NARROWEST = 60  # columns, below which nothing is folded


def doctor(arguments: Namespace) -> int:
    """Print what was found; exit code 2 where something will fail.

    Raises:
        SettingsError: there is no such configuration.
    """
    loaded = load(
        arguments.config, overrides=overrides_of(arguments), output_dir=arguments.output_dir
    )
    executor = executor_of(arguments.executor)
    found = found_of(loaded, executor)
    if not arguments.json:
        say(f"{found.config.name} on {found.where}")
        show(found.findings)
    if arguments.job and not found.will_fail:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)  # so that the job is cancelled
        tried, lines = try_job(loaded.spec(), executor)
        if not arguments.json:
            show(tried)
            _show_lines(lines)
        found = replace(found, findings=(*found.findings, *tried))
    if arguments.json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        say(sum_of(found.findings))
    return EXIT_BAD_SETTINGS if found.will_fail else EXIT_FINISHED


def found_of(loaded: Loaded, executor: str) -> Examination:
    """What there is to be said without a job."""
    loaded.problems += _searcher_problems(loaded)
    return examine(loaded, executor)


def try_job(spec: CampaignSpec, executor: str) -> tuple[list[Finding], list[str]]:
    """What one job came to, and the lines to paste."""
    config = make_searcher(spec).suggest(0, frozenset())
    if config is None:
        return [], []
    try:
        tried = try_out(
            spec,
            config,
            executor,
            lambda other, layout, name: make_cluster(executor, other, layout, name, to_manage=True),
            lambda text: print(f"        {one_line(text)}", file=sys.stderr, flush=True),
        )
    except (HpoError, OSError) as err:
        advice = "mend that, or try again later"
        return [Finding("job", "fail", f"it could not be submitted: {err}", advice)], []
    wish = wish_of(spec, executor)
    findings = judge(tried, wish)
    if tried.checkpoint_bytes is not None:
        room = examine_room(spec.output_dir, wish, tried.checkpoint_bytes)
        findings += [one for one in room if one.verdict != "unknown"]  # as was said before
    return findings, lines_to_paste(tried)


def _show_lines(lines: Sequence[str]) -> None:
    if lines:
        say("what follows for the section slurm:")
        for line in lines:
            say(f"    {line}")


def executor_of(wanted: str) -> str:
    """Where SLURM is installed and does not answer, that is what is wrong."""
    if wanted != "auto":
        return wanted
    return "local" if shutil.which("sbatch") is None else "slurm"


def _searcher_problems(loaded: Loaded) -> list[str]:
    if loaded.searcher is None or loaded.space is None or loaded.hpo is None:
        return []
    return searcher_problems(loaded.searcher, loaded.space, loaded.hpo.seed, loaded.pythonpath)


def show(findings: Sequence[Finding]) -> None:
    """One line a check, with what to do below it."""
    for finding in findings:
        for line in lines_of(finding):
            say(line)


def lines_of(finding: Finding, width: int = WIDTH) -> list[str]:
    """The line of a check, and what to do below it."""
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


def sum_of(findings: Sequence[Finding]) -> str:
    """How many are which, and what that means."""
    counts = {verdict: sum(f.verdict == verdict for f in findings) for verdict in VERDICTS}
    told = ", ".join(f"{counts[v]} {v}" for v in ("ok", "warn", "fail", "unknown") if counts[v])
    if counts["fail"]:
        return f"{told}: a campaign would fail. Mend what is marked `fail`, and look again"
    if counts["warn"]:
        return f"{told}: a campaign can start; read what is marked `warn`"
    return f"{told}: a campaign can start"
