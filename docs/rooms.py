"""Draws rooms.svg: the packages, floor by floor, and who imports whom.

The floors come from the contract in .importlinter, the imports from the code (those that only type
checkers follow are left out, as in the contract). `python docs/rooms.py` writes the picture anew.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

CELL, LEFT, TOP, MARGIN = 26, 140, 96, 20
INK, SOFT, LINE, PAPER, BAND = "#1f2933", "#5f6b7a", "#d5dae0", "#ffffff", "#f3f5f8"
FEW, SOME, MANY = "#b9d3ee", "#6ea3d8", "#2f6fb3"  # 1, 2 to 4, 5 and more modules


def floors() -> list[list[str]]:
    """The packages of each floor, the top one first."""
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    lines = contracts["importlinter:contract:layers"]["layers"].strip().splitlines()
    return [[name.strip() for name in line.replace(":", "|").split("|")] for line in lines]


def imports(rooms: list[str]) -> Counter[tuple[str, str]]:
    """How many modules of one room import another: {(importer, imported): modules}."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((ROOT / "hpo").rglob("*.py")):
        room = path.relative_to(ROOT / "hpo").with_suffix("").parts[0]
        if room in rooms:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.update({(room, other) for other in _imported(tree) if other != room})
    return Counter({pair: n for pair, n in found.items() if pair[1] in rooms})


def _imported(node: ast.AST) -> Iterator[str]:
    """The rooms that a tree imports from, wherever in it."""
    for child in ast.iter_child_nodes(node):
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom) and child.module == "hpo":
            names = [f"hpo.{alias.name}" for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            names = [child.module or ""]
        yield from (name.split(".")[1] for name in names if name.startswith("hpo."))
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _imported(other)
        else:
            yield from _imported(child)


def picture() -> str:
    """The picture as SVG; it brings its own paper, so that it is legible on light and dark."""
    house = floors()
    rooms = [room for floor in house for room in floor]
    counts = imports(rooms)
    side = CELL * len(rooms)
    width, height = LEFT + side + MARGIN, TOP + side + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        "<title>Who imports whom: rows import columns, floor by floor</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
    ]
    parts += _bands(house, side)
    parts += _names(rooms, side)
    at = {room: index * CELL for index, room in enumerate(rooms)}
    for (importer, imported), n in sorted(counts.items(), key=lambda item: item[0]):
        parts += _cell(LEFT + at[imported], TOP + at[importer], n)
    parts.append(
        _text(
            30,  # from the edge: it is as long as the picture is wide
            TOP + side + 28,
            "A row imports a column: so many of its modules. Below the diagonal nothing may stand.",
            SOFT,
            "start",
        )
    )
    return "\n".join([*parts, "</svg>", ""])


def _bands(house: list[list[str]], side: int) -> list[str]:
    """A band and a number for each floor, and the diagonal."""
    parts, y = [], TOP
    for number, floor in enumerate(house, 1):
        height = CELL * len(floor)
        if number % 2:
            parts.append(
                f'<rect x="{MARGIN / 2:g}" y="{y}" width="{LEFT + side - MARGIN / 2:g}" '
                f'height="{height}" fill="{BAND}"/>'
            )
        parts.append(_text(MARGIN + 12, y + height / 2 + 5, str(number), SOFT, "end"))
        x = LEFT + y - TOP
        parts.append(f'<rect x="{x}" y="{y}" width="{height}" height="{height}" fill="{LINE}"/>')
        y += height
    return parts


def _names(rooms: list[str], side: int) -> list[str]:
    """The names of rows and columns, with thin lines between the columns."""
    parts = []
    for index, room in enumerate(rooms):
        x, y = LEFT + CELL * index, TOP + CELL * index
        parts.append(_text(LEFT - 8, y + 18, room, INK, "end"))
        turned = f'transform="translate({x + 18} {TOP - 8}) rotate(-60)"'
        parts.append(f'<text {turned} fill="{INK}">{room}</text>')
        parts.append(f'<path d="M{x} {TOP}v{side}" stroke="{LINE}" stroke-width="0.5"/>')
    return parts


def _cell(x: int, y: int, n: int) -> list[str]:
    colour, ink = (FEW, INK) if n < 2 else (SOME, INK) if n < 5 else (MANY, PAPER)
    size = CELL - 4
    return [
        f'<rect x="{x + 2}" y="{y + 2}" width="{size}" height="{size}" rx="4" fill="{colour}"/>',
        _text(x + CELL / 2, y + 18, str(n), ink, "middle"),
    ]


def _text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


if __name__ == "__main__":
    (HERE / "rooms.svg").write_text(picture(), encoding="utf-8")
