"""Every error that reaches a user, as classes by whose fault it is.

The settings are wrong (you), the cluster said no (they), the cluster did not answer (unknown).
Each class carries the exit code that the command line ends with. A message says what, where and
what to do; it is shown without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

EXIT_FINISHED = 0
EXIT_NO_RESULT = 1
EXIT_BAD_SETTINGS = 2
EXIT_LOCKED = 3
EXIT_RESUMABLE = 75  # EX_TEMPFAIL of sysexits.h: "try again later"


class HpoError(Exception):
    """Base of all errors a user is shown; never raised itself."""

    exit_code = EXIT_NO_RESULT


# --- you: the settings, the files or the call are wrong -----------------------------------------


class SettingsError(HpoError):
    """The configuration cannot be used; `problems` holds all that was found, not only the first."""

    exit_code = EXIT_BAD_SETTINGS

    def __init__(self, problems: Sequence[str], *, where: str = "the configuration") -> None:
        self.problems = tuple(problems)
        self.where = where
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        # What a name brings along must not look like a problem of its own.
        told = (problem.rstrip().replace("\n", "\n      ") for problem in self.problems)
        lines = "\n".join(f"  - {problem}" for problem in told)
        super().__init__(f"{count} in {where}:\n{lines}")


class ConfigDriftError(SettingsError):
    """The output directory holds a campaign of another space, seed or objective."""


class CampaignLockedError(HpoError):
    """Another manager holds this campaign, or nobody can say that it is gone."""

    exit_code = EXIT_LOCKED


class JournalError(HpoError):
    """The journal holds a line that cannot be what a manager wrote; the message names the line."""


class JournalForkError(HpoError):
    """Another manager took the campaign over while this one was still writing."""

    exit_code = EXIT_LOCKED


class FolderGoneError(HpoError):
    """The campaign's folder was moved or deleted while its manager ran."""


class TransitionError(HpoError):
    """An event that cannot follow from the state it met; the state is left unchanged."""


class ObjectiveError(HpoError):
    """The objective cannot be imported or called; raised before and inside trials."""

    exit_code = EXIT_BAD_SETTINGS


class SearcherError(HpoError):
    """A searcher of the user's own raised, or suggested what is not in the space."""

    exit_code = EXIT_BAD_SETTINGS


class ReportError(HpoError):
    """An objective reported something that is no report; fails its trial."""


PRINTED_LAST = "; it printed last:"  # in a script's error, before its last lines


class ScriptError(HpoError):
    """A training script failed or was killed; fails its trial."""


class SeatsBrokenError(HpoError):
    """Jobs start and die before they take a trial: the environment on the nodes is broken."""


# --- they: the cluster said no ------------------------------------------------------------------


class SubmissionError(HpoError):
    """The cluster refused a request as invalid; carries the cluster's own words."""

    exit_code = EXIT_BAD_SETTINGS


class SubmissionLimitError(HpoError):
    """The cluster accepts no more jobs of this user now; wait and ask for fewer."""

    exit_code = EXIT_RESUMABLE


class CampaignFilesError(HpoError):
    """The campaign's files cannot be used now: the disk is full, or the file server is away."""

    exit_code = EXIT_RESUMABLE


# --- unknown: the cluster did not answer ----------------------------------------------------------


class SubmissionUncertainError(HpoError):
    """A submission was not answered: the jobs may or may not exist."""

    exit_code = EXIT_RESUMABLE


class PollError(HpoError):
    """The state of the jobs could not be read: no news, never 'no jobs'."""

    exit_code = EXIT_RESUMABLE
