"""Pictures of a campaign, drawn from `load_campaign` alone; nothing here is read by the manager.

Needs the extra `report`. Its libraries are imported when something is drawn, never before.
"""

from __future__ import annotations

from hpo.errors import EXIT_BAD_SETTINGS, HpoError


class MissingExtraError(HpoError, ImportError):
    """An optional dependency of the program is not installed; the message says how to get it."""

    exit_code = EXIT_BAD_SETTINGS
