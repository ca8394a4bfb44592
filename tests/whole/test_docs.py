"""The pages: they build, their links lead somewhere, and what is drawn from the code is current."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

from hpo.settings.notify import NotifySettings
from hpo.settings.search import HpoSettings, SchedulerSettings
from hpo.settings.searchers import MODELS
from hpo.settings.slurm import SlurmSettings
from hpo.settings.types import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
FRONT = ROOT / "README.md"
WRITTEN = [FRONT, ROOT / "CONTRIBUTING.md", *PAGES]


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def test_the_front_page_stays_short() -> None:
    assert len(FRONT.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _prose(page))
    ways = [link.split("#")[0] for link in links if "://" not in link]
    assert [way for way in ways if way and not (page.parent / way).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_program_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:hpo|docs|tests|benchmarks|examples)/[\w./-]*)`", page.read_text())
    made = {"docs/_build/index.html"}
    assert [name for name in named if name not in made and not (ROOT / name).exists()] == []


def test_every_page_can_be_found_from_the_front() -> None:
    links = set(re.findall(r"\]\((docs/[^)#]+\.md)", FRONT.read_text()))
    links |= {f"docs/{way}" for way in _links_of(DOCS / "architecture.md")}
    known = {f"docs/{page.relative_to(DOCS)}" for page in PAGES} - {"docs/index.md"}
    assert known - links == set()


def _links_of(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:]+\.md)", page.read_text())


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_in_python_can_be_read(page: Path) -> None:
    for code in re.findall(r"^```python\n(.*?)^```$", page.read_text(), flags=re.M | re.S):
        ast.parse(code)


@pytest.mark.parametrize(
    "model", [HpoSettings, SlurmSettings, SchedulerSettings, NotifySettings, *MODELS.values()]
)
def test_every_setting_says_what_it_is(model: type[Settings]) -> None:
    told = model.model_json_schema()["properties"]
    assert [name for name in model.model_fields if not told[name].get("description")] == []


def test_the_table_of_settings_is_current() -> None:
    page = DOCS / "reference" / "settings.md"
    assert page.read_text() == _script("settings_table").page(), "run `make docs`"


def test_the_types_of_settings_are_current() -> None:
    module = ROOT / "hpo" / "api" / "options.py"
    assert module.read_text() == _script("settings_table").options(), "run `make docs`"


def test_the_picture_of_the_rooms_is_current() -> None:
    assert (DOCS / "rooms.svg").read_text() == _script("rooms").picture(), "run `make docs`"


def test_every_room_is_in_the_layout() -> None:
    layout = (DOCS / "architecture.md").read_text().partition("## The rooms")[2]
    rooms = [room for floor in _script("rooms").floors() for room in floor]
    assert [room for room in rooms if not re.search(rf"`hpo/{room}(/|\.py)`", layout)] == []


class _Page(HTMLParser):
    """What a built page loads, where it leads, and which places it has."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.loads += [found[name] for name in ("src", "srcset", "data") if name in found]
        if "href" in found:
            (self.links if tag == "a" else self.loads).append(found["href"])
        if "id" in found:
            self.places.add(found["id"])


def _read(html: Path) -> _Page:
    page = _Page()
    page.feed(html.read_text(encoding="utf-8"))
    return page


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra `docs`")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(tmp_path / "d")]
    done = subprocess.run(
        [*command, str(DOCS), str(site)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    read = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    assert {page.relative_to(DOCS).with_suffix(".html") for page in PAGES} <= {
        path.relative_to(site) for path in read
    }
    for path, page in read.items():
        assert [way for way in page.loads if _elsewhere(way)] == [], path
        for way in page.links:
            assert _elsewhere(way) or _leads_somewhere(way, path, read), (path, way)
    for style in site.rglob("*.css"):
        loaded = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style.read_text())
        assert [way for ways in loaded for way in ways if _elsewhere(way)] == [], style


def _elsewhere(way: str) -> bool:
    return way.startswith("//") or urlsplit(way).scheme in ("http", "https")


def _leads_somewhere(way: str, path: Path, read: dict[Path, _Page]) -> bool:
    parts = urlsplit(way)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return False
    place = unquote(parts.fragment)
    return not place or target not in read or place in read[target].places
