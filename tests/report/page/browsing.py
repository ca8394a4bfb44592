"""A real browser for the tests of the page, and what a person would see in it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

NO_BROWSER = "NO BROWSER:"
INSTALL = Path(__file__).parent / "install_browser.sh"
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Nobody answers, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1280,900",
)
WIDE, PHONE = (1280, 900), (390, 844)


@dataclass
class Browser:
    """Chromium, and axe-core's text; None where it cannot be had."""

    driver: Any  # a webdriver.Chrome, of which only a part has types
    axe: str | None
    downloads: Path

    def open(self, page: Path, size: tuple[int, int] = WIDE, *, dark: bool = False) -> None:
        """Open it and draw all of it, as if it had been scrolled through."""
        self.driver.get_log("performance")  # of the page before
        self.driver.get_log("browser")
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._told("Emulation.setEmulatedMedia", media="screen", features=[feature])
        width, height = size
        is_phone = width < 500
        self._told(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        self.driver.get(page.as_uri())
        self.run("drawAll()")

    def run(self, script: str, *arguments: object) -> Any:
        """What a script gives."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What the browser's console says."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """All that was asked for since the page was opened, the page itself left out."""
        found = []
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                found.append(str(event["params"]["request"]["url"]))
        here = self.driver.current_url
        return [url for url in found if url != here and not url.startswith(("data:", "blob:"))]

    def blank_charts(self) -> list[str]:
        """The charts on which there is nothing."""
        script = """
        return [...document.querySelectorAll('.chart')].filter((place) => {
          const canvas = place.querySelector('canvas');
          if (!canvas) return true;
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          let dots = 0;
          for (let at = 3; at < data.length; at += 4) if (data[at] > 0) dots += 1;
          return dots < 200;
        }).map((place) => place.id)"""
        return list(self.run(script))

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.run("return document.documentElement.scrollWidth - innerWidth"))

    def pdf(self) -> bytes:
        """The page on paper."""
        return base64.b64decode(self._told("Page.printToPDF", printBackground=True)["data"])

    def serious_findings(self) -> list[str]:
        """What axe-core finds that hinders people seriously."""
        if self.axe is None:
            pytest.skip(f"{NO_BROWSER} axe-core cannot be had")
        told = """
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations))"""
        # Beside the page's own policy, as an extension would be.
        self._told("Runtime.evaluate", expression=self.axe)
        found = self.driver.execute_async_script(told)
        return [
            f"{one['id']}: {one['help']}: {node['html'][:160]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def _told(self, command: str, **parameters: object) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)


@contextmanager
def browser(downloads: Path) -> Iterator[Browser]:
    """Start one; skip where none can be had, but fail where one must be there."""
    done = subprocess.run([str(INSTALL)], capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode != 0:
        reason = f"{NO_BROWSER} install_browser.sh failed:\n{done.stderr[-2000:]}"
        if os.environ.get("HPO_REQUIRE_BROWSER") == "1" or os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    chromium, driver, axe = done.stdout.splitlines()[-3:]
    options = Options()
    options.binary_location = chromium
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option(
        "prefs",
        {"download.default_directory": str(downloads), "download.prompt_for_download": False},
    )
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        found.set_script_timeout(60)
        text = None if axe == "-" else Path(axe).read_text(encoding="utf-8")
        yield Browser(found, text, downloads)
    finally:
        found.quit()
