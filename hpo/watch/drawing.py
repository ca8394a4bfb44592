"""Curves made of text: two by four dots a character, with the ends of both axes named."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Point = tuple[float, float]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column in a character
BRAILLE = 0x2800
FEWEST = (14, 3)  # columns and rows in which something can be seen
LOG_RATIO = 10.0  # between largest and smallest, from which on a logarithmic axis shows more


def number(value: float) -> str:
    """A value as an axis names it: four digits."""
    return f"{value:.4g}"


def curve(
    points: Sequence[Point],
    width: int,
    height: int,
    *,
    steps: bool = False,
    filled: bool = False,
    from_zero: bool = False,
    name_x: Callable[[float], str] = number,
) -> list[str]:
    """The points, joined, as `height` lines of at most `width` characters; empty without room.

    Args:
        points: x and y, by x; what is not finite is left out.
        width: in characters.
        height: in lines, of which the last names the ends of the x axis.
        steps: a value holds until the next one.
        filled: the area below it.
        from_zero: the y axis begins there.
        name_x: how an end of the x axis is named.
    """
    found = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not found or width < FEWEST[0] or height < FEWEST[1]:
        return []
    low, high = min(y for _, y in found), max(y for _, y in found)
    log = not from_zero and low > 0 and high / low > LOG_RATIO
    if from_zero:
        low = min(low, 0.0)
    labels = number(high), number(low)
    margin = max(len(label) for label in labels)
    canvas = _Canvas(width - margin - 2, height - 1)
    first, last = found[0][0], found[-1][0]
    place = _placer(canvas, (first, last), (low, high), log=log)
    before: tuple[int, int] | None = None
    for point in found:
        here = place(point)
        corner = here if before is None or not steps else (here[0], before[1])
        for start, end in ((before or here, corner), (corner, here)):
            canvas.line(start, end)
            if filled:
                canvas.fill(start, end)
        before = here
    rows = canvas.rows()
    named = {0: labels[0], len(rows) - 1: labels[1]} if high > low else {len(rows) // 2: labels[0]}
    lines = [f"{named.get(index, ''):>{margin}} │{row}".rstrip() for index, row in enumerate(rows)]
    left, right = name_x(first), name_x(last) if last > first else ""
    scale = "  (logarithmic)" if log else ""
    room = canvas.columns - len(left) - len(right)
    between = scale.center(room) if room >= len(scale) else " " * max(1, room)
    lines.append(f"{'':>{margin}} └{left}{between}{right}"[:width])
    return lines


def _placer(
    canvas: _Canvas, across: tuple[float, float], up: tuple[float, float], *, log: bool
) -> Callable[[Point], tuple[int, int]]:
    """Where a point lies on the canvas, in dots from the top left."""
    scale: Callable[[float], float] = math.log if log else float
    low, high = scale(up[0]), scale(up[1])

    def place(point: Point) -> tuple[int, int]:
        x = _share(point[0], across[0], across[1])
        y = _share(scale(point[1]), low, high) if high > low else 0.5
        return round(x * (canvas.width - 1)), round((1 - y) * (canvas.height - 1))

    return place


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.0


class _Canvas:
    """Dots, set one by one."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.width, self.height = columns * 2, lines * 4
        self._cells = [[0] * columns for _ in range(lines)]

    def dot(self, x: int, y: int) -> None:
        if 0 <= x < self.width and 0 <= y < self.height:
            self._cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        (x0, y0), (x1, y1) = start, end
        count = max(abs(x1 - x0), abs(y1 - y0), 1)
        for k in range(count + 1):
            self.dot(round(x0 + (x1 - x0) * k / count), round(y0 + (y1 - y0) * k / count))

    def fill(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        (x0, y0), (x1, y1) = start, end
        for x in range(x0, x1 + 1):
            top = round(y0 + (y1 - y0) * _share(x, x0, x1)) if x1 > x0 else min(y0, y1)
            for y in range(top, self.height):
                self.dot(x, y)

    def rows(self) -> list[str]:
        return [
            "".join(chr(BRAILLE + cell) if cell else " " for cell in row) for row in self._cells
        ]
