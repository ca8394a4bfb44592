"""The site: `make docs` builds it from these pages, warnings are errors."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import settings_table  # noqa: E402 - because the folder is no package

settings_table.write(HERE / "reference" / "settings.md", settings_table.page())

project = "hpo"
html_title = "hpo"
extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
