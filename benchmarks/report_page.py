"""The report's page of a large campaign: how fast it is written and drawn, and how large it is.

    python benchmarks/report_page.py [--trials 10000] [--seats 100] [--folder DIR]

The campaign is one of promotion ASHA (1 to 81 epochs) through the package's own manager on the
simulated cluster, which takes a minute or two; with --folder one that lies there is taken as it is.
Written by `hpo report` in a process of its own, three times. Drawn by Debian's chromium, in
software, on a screen of 1280 x 900: the first panel from the start of the navigation on, and then
all panels at once, until ECharts says of each that it has finished.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import scale
from schedulers_parts import ETA, MAX_T
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from simulated_campaign import METRIC, MODE, NAME, campaign_folder, random_search

from hpo.decisions.asha import Asha
from hpo.folder.files import Layout, publish_json

FIRST = """
const done = arguments[arguments.length - 1];
document.getElementById('incumbent').scrollIntoView();
const look = () => charts.get('incumbent').drawn
  ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
look();"""
ALL = """
const done = arguments[arguments.length - 1];
const began = performance.now();
const finished = [...charts.values()].filter((one) => one.place).map((one) => new Promise((end) => {
  if (one.drawn) one.drawn.dispose();
  one.drawn = echarts.init(one.place);
  one.drawn.on('finished', end);
  one.drawn.setOption({...frame(), ...one.option(one.place)});
}));
Promise.all(finished).then(() => requestAnimationFrame(
  () => done([finished.length, performance.now() - began])));"""


def make(root: Path, trials: int, seats: int) -> None:
    """The campaign, with a campaign.json as a user's has it."""
    scale.run(root, trials, seats)
    asha = Asha(max_t=MAX_T, reduction_factor=ETA)
    space = random_search(MAX_T, 0).space.to_json()
    seat = {"metric": METRIC, "mode": MODE, "resource_attr": "epoch", "gpus": 1}
    document = {
        "campaign": NAME,
        "created": 0,
        "identity": {"space": space, "scheduler": asha.to_json()},
        "seat": seat,
        "settings": {"name": NAME, "hpo": {"n_trials": trials}},
        "start": {"executor": "simulated", "host": "", "command": "", "folder": ""},
    }
    publish_json(Layout(root).campaign, document)


def write(root: Path) -> tuple[float, float]:
    """How long `hpo report` took: wall and CPU (s)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hpo", "report", str(root)], check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, cpu


def draw(page: Path) -> dict[str, float]:
    """How long a browser takes (s)."""
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(option)
    driver: Any = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(120)
        driver.get("about:blank")
        driver.get(page.as_uri())
        first = driver.execute_async_script(FIRST)
        before = cpu_of(driver)
        number, took = driver.execute_async_script(ALL)
        cpu = cpu_of(driver) - before
    finally:
        driver.quit()
    return {
        "first panel (s)": first / 1000,
        "panels": number,
        "all drawn (s)": took / 1000,
        "CPU of all processes of the browser for that (s)": cpu,
    }


def cpu_of(driver: Any) -> float:
    """What the driver and the processes of its browser have used (s)."""
    own = psutil.Process(driver.service.process.pid)
    times = [one.cpu_times() for one in [own, *own.children(recursive=True)]]
    return sum(time.user + time.system for time in times)


def measure(root: Path) -> dict[str, float]:
    """All figures of the campaign in `root`."""
    times = [write(root) for _ in range(3)]
    page = root / "report.html"
    drawn = [draw(page) for _ in range(3)]
    return {  # medians
        "written (s)": statistics.median(wall for wall, _ in times),
        "CPU of that (s)": statistics.median(cpu for _, cpu in times),
        "size (MB)": page.stat().st_size / 1e6,
    } | {name: statistics.median(one[name] for one in drawn) for name in drawn[0]}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--seats", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        found = measure(arguments.folder)
    else:
        with campaign_folder() as root:
            make(root, arguments.trials, arguments.seats)
            found = measure(root)
    print(json.dumps({name: round(value, 2) for name, value in found.items()}, indent=2))


if __name__ == "__main__":
    main()
