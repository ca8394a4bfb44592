"""The page as people meet it: in a browser, of any size, in the dark, on paper, by keyboard."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import PHONE, WIDE, Browser, browser
from made_campaigns import SPACE, Made
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hpo.folder.campaign import require
from hpo.report.page.write import write

pytestmark = pytest.mark.slow

EVIL = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1><!--\u2028'\"&"
MADE = {
    "none": Made(n_trials=0),
    "one": Made(n_trials=1, levels=()),
    "thirty": Made(n_trials=30, failed=0.1, preempted=0.1),
    "random": Made(n_trials=40, levels=(), mode="max", metric="accuracy"),
    "running": Made(n_trials=40, ended=None, preempted=0.1),
    "failed": Made(n_trials=5, failed=1.0, ended="circuit_breaker"),
    "many": Made(n_trials=10_000, failed=0.02, preempted=0.03, jobs=64, reports_of=300),
}


def page_of(made: Made, root: Path) -> Path:
    made.write(root)
    layout, document = require(root)
    return write(layout, document, None, lambda _key, value: value)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("downloads")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


@pytest.fixture
def page(
    request: pytest.FixtureRequest, pages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The page of a campaign by its name above, written once."""
    name = getattr(request, "param", "thirty")
    if name not in pages:
        pages[name] = page_of(MADE[name], tmp_path_factory.mktemp("pages") / name)
    return pages[name]


def text_of(chromium: Browser, css: str) -> str:
    return str(chromium.driver.find_element(By.CSS_SELECTOR, css).text)


@pytest.mark.parametrize("page", MADE, indirect=True)
def test_every_campaign_is_drawn_and_asks_for_nothing(chromium: Browser, page: Path) -> None:
    for size in (WIDE, PHONE):
        chromium.open(page, size)
        assert chromium.complaints() == []
        assert chromium.requests() == []
        assert chromium.blank_charts() == []
        assert chromium.overflow() <= 0
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    headings = [h.text for h in chromium.driver.find_elements(By.TAG_NAME, "h2")]
    assert len(headings) == 12
    # Nobody is left with a heading alone.
    assert all(len(text_of(chromium, f"#{s}")) > 20 for s in ("progress", "seats", "failures"))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_nothing_hinders_people_seriously(
    chromium: Browser, page: Path, size: tuple[int, int], dark: bool
) -> None:
    chromium.open(page, size, dark=dark)
    chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert chromium.serious_findings() == []


def test_what_users_wrote_is_text(chromium: Browser, tmp_path: Path) -> None:
    def config(dice: random.Random) -> dict[str, Any]:
        return {EVIL: dice.random(), "kind": dice.choice([EVIL, "b"]), "fixed": EVIL}

    kind = {"type": "choice", "values": [EVIL, "b"]}
    made = Made(
        n_trials=40,
        failed=0.2,
        metric=f"loss{EVIL}",
        name=EVIL,
        space={EVIL: SPACE["dropout"], "kind": kind},
        config=config,
        message=EVIL,
        traceback=f"Traceback\n  {EVIL}\n",
    )
    chromium.open(page_of(made, tmp_path / "evil"))
    chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
    time.sleep(0.2)
    assert chromium.run("return window.hacked") is None
    assert chromium.run("return document.images.length") == 0
    assert chromium.complaints() == []
    assert chromium.requests() == []
    shown = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1><!--"
    for css in ("h1", "#best-config", "#failures .message", "#trials-table", "#slices-table"):
        assert shown in text_of(chromium, css), css
    assert chromium.overflow() <= 0
    # What a pointer meets is text, too.
    chromium.run("document.body.append(trialTip(model.trials.id[0], model.metric))")
    assert chromium.run("return document.images.length") == 0


def test_in_the_dark_charts_are_light_on_dark(chromium: Browser, page: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    strongest = "return charts.get('incumbent').drawn.getOption().textStyle.color"
    chromium.open(page, dark=True)
    assert chromium.run(ground) == "rgb(20, 23, 28)"
    assert chromium.run(strongest) == "#e8eaed"
    chromium.open(page)
    assert chromium.run(ground) == "rgb(255, 255, 255)"
    assert chromium.run(strongest) == "#1b1f24"


def test_on_paper_all_charts_are_there(chromium: Browser, page: Path) -> None:
    chromium.open(page, dark=True)
    chromium.run(
        "for (const one of charts.values()) { one.drawn?.dispose(); one.drawn = null; }"
        "window.addEventListener('beforeprint', () => {"
        " window.printed = [...charts.values()].filter((one) => one.place && !one.drawn).length;"
        " window.ink = charts.get('incumbent').drawn.getOption().textStyle.color; })"
    )
    assert chromium.pdf().startswith(b"%PDF")
    assert chromium.run("return window.printed") == 0
    assert chromium.run("return window.ink") == "#1b1f24"


def test_only_what_is_scrolled_to_is_drawn(chromium: Browser, page: Path) -> None:
    chromium.driver.get(page.as_uri())
    time.sleep(0.3)
    is_drawn = "return Boolean(charts.get('lines').drawn)"
    assert not chromium.run(is_drawn)
    chromium.run("document.getElementById('parallel').scrollIntoView()")
    until = time.monotonic() + 20
    while not chromium.run(is_drawn):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_by_keyboard_all_is_reached_in_order_and_used(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    place = (
        "const e = document.activeElement, r = e.getBoundingClientRect();"
        "return [e.tagName, e.className || e.id || e.textContent.slice(0, 20), e.offsetTop,"
        " [...document.querySelectorAll('*')].indexOf(e), getComputedStyle(e).outlineStyle]"
    )
    keys = ActionChains(chromium.driver)
    keys.send_keys(Keys.TAB).perform()
    first = chromium.run(place)
    assert first[1] == "skip"
    seen = [first]
    for _ in range(70):
        keys.send_keys(Keys.TAB).perform()
        found = chromium.run(place)
        if found[0] == "BODY":
            break
        seen.append(found)
        assert found[4] != "none", found  # one sees where one is
    order = [one[3] for one in seen]
    assert order == sorted(order)
    tags = [one[0] for one in seen]
    assert {"A", "BUTTON", "SUMMARY", "INPUT", "SELECT", "PRE"} <= set(tags)

    button = chromium.driver.find_element(By.CSS_SELECTOR, "[data-x='hours']")
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-pressed") == "true"
    assert "GPU-hours" in chromium.run(
        "return charts.get('incumbent').drawn.getOption().xAxis[0].name"
    )
    summary = chromium.driver.find_element(By.CSS_SELECTOR, "#progress summary")
    summary.send_keys(Keys.ENTER)
    assert "validation_error" in text_of(chromium, "#incumbent-table")


def test_each_chart_says_in_words_what_it_shows(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    for chart in chromium.driver.find_elements(By.CSS_SELECTOR, ".chart"):
        assert chart.get_attribute("role") == "img"
        assert len(str(chart.get_attribute("aria-label"))) > 20
    summaries = chromium.driver.find_elements(By.CSS_SELECTOR, "details.table")
    assert len(summaries) == 5
    for one in summaries:
        chromium.run("arguments[0].open = true", one)
    time.sleep(0.2)
    assert all(one.find_elements(By.CSS_SELECTOR, "tbody tr") for one in summaries)


@pytest.mark.parametrize("page", ["many"], indirect=True)
def test_ten_thousand_trials_are_sorted_and_filtered(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    rows = "return document.querySelectorAll('#trials-table tbody tr').length"
    assert chromium.run(rows) == 50
    assert text_of(chromium, "#trials-page") == "page 1 of 200"

    def sort(column: int) -> None:
        buttons = chromium.driver.find_elements(By.CSS_SELECTOR, "#trials-table th button")
        chromium.run("arguments[0].click()", buttons[column])

    values = (
        "return [...document.querySelectorAll('#trials-table tbody tr')]"
        ".map((row) => Number(row.cells[2].textContent))"
    )
    sort(2)
    found = chromium.run(values)
    assert found == sorted(found)
    assert found[0] == pytest.approx(chromium.run("return model.incumbents.value.at(-1)"), rel=1e-3)
    assert chromium.run(
        "return document.querySelectorAll('#trials-table th')[2].getAttribute('aria-sort')"
    ) == ("ascending")
    sort(2)
    assert chromium.run(values) == sorted(chromium.run(values), reverse=True)
    box = chromium.driver.find_element(By.ID, "trials-filter")
    box.send_keys("failed valueerror")
    failed = chromium.run("return model.trials.status.filter((s) => s === 5).length")
    assert text_of(chromium, "#trials-count") == f"{failed} of 10000 trials"
    assert failed > 100


def test_csv_has_every_trial_that_is_chosen(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.driver.find_element(By.ID, "trials-csv").click()
    file = chromium.downloads / "trials.csv"
    until = time.monotonic() + 20
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    file.unlink()
    assert len(rows) == 30
    assert list(rows[0])[:4] == ["trial", "status", "validation_error", "epoch"]
    best = str(chromium.run("return model.best"))
    row = next(row for row in rows if row["trial"] == best)
    told = text_of(chromium, "#best-config")
    assert f'"learning_rate": {float(row["learning_rate"]):.7g}'[:24] in told
    assert row["status"] in ("paused", "completed")
    assert float(row["seconds"]) > 0


def test_a_spreadsheet_takes_no_text_for_a_formula(chromium: Browser, tmp_path: Path) -> None:
    kind = {"type": "choice", "values": ["=1+1", 'a,"b"']}
    made = replace(MADE["thirty"], space={"kind": kind}, config=lambda _dice: {"kind": "=1+1"})
    chromium.open(page_of(made, tmp_path / "formula"))
    assert ",'=1+1\r\n" in chromium.run("return csvText()")


def test_the_configuration_is_copied(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    button = chromium.driver.find_element(By.CSS_SELECTOR, "[data-copy='best-config']")
    button.click()
    box = chromium.driver.find_element(By.ID, "trials-filter")
    box.send_keys(Keys.CONTROL + "v")
    pasted = str(box.get_attribute("value"))
    assert pasted.split() == text_of(chromium, "#best-config").split()


def test_lines_are_chosen_by_dragging_along_an_axis(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    place = chromium.driver.find_element(By.ID, "lines")
    chromium.run("arguments[0].scrollIntoView({block: 'center'})", place)
    width, height = place.size["width"], place.size["height"]
    # From the middle of the first axis, which is 56 pixels from the left, upwards.
    mouse = ActionChains(chromium.driver)
    mouse.move_to_element_with_offset(place, 56 - width // 2, 0)
    mouse.click_and_hold().move_by_offset(0, -height // 8).move_by_offset(0, -height // 8)
    mouse.release().perform()
    time.sleep(0.3)
    assert "chosen: trial" in text_of(chromium, "#lines-chosen")
