"""Frames whose display, in a terminal or a notebook, passes the one filter of `hpo.shown`.

The values in them are as they were written, and so is what is made of them or saved.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from hpo.shown import one_line


def _shown(text: Any) -> Any:
    """The filter on each line; pandas has escaped the line breaks of values."""
    if not isinstance(text, str) or text.isprintable():
        return text
    return "\n".join(one_line(line) for line in text.split("\n"))


class ShownSeries(pd.Series):  # type: ignore[misc]  # because pandas has no types here
    """A column of one."""

    @property
    def _constructor(self) -> Any:
        return ShownSeries

    @property
    def _constructor_expanddim(self) -> Any:
        return ShownFrame

    def __repr__(self) -> str:
        return str(_shown(super().__repr__()))

    def to_string(self, buf: Any = None, **how: Any) -> Any:
        """See pandas; what is written to `buf` is as it is."""
        return _shown(super().to_string(buf, **how))


class ShownFrame(pd.DataFrame):  # type: ignore[misc]  # the same
    """A frame that is as safe to look at as it is to compute with."""

    @property
    def _constructor(self) -> Any:
        return ShownFrame

    @property
    def _constructor_sliced(self) -> Any:
        return ShownSeries

    def __repr__(self) -> str:
        return str(_shown(super().__repr__()))

    def _repr_html_(self) -> str | None:
        found: str | None = _shown(super()._repr_html_())
        return found

    def to_string(self, buf: Any = None, **how: Any) -> Any:
        """See pandas; what is written to `buf` is as it is."""
        return _shown(super().to_string(buf, **how))

    def to_html(self, buf: Any = None, **how: Any) -> Any:
        """See pandas; what is written to `buf` is as it is."""
        return _shown(super().to_html(buf, **how))
