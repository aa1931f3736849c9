"""The page to play with, as a browser has it: python benchmarks/app.py [MINUTES].

Serves the page, plays free scenes in a headless chromium at 50 frames a second, begins anew every
minute, and writes benchmarks/results/app.json: how soon the first picture comes, how many frames a
second are shown, and what the server and the page hold in memory, minute by minute.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from committed import RESULTS
from playwright.sync_api import Page, sync_playwright

from neurosvt.results.progress import held_bytes
from neurosvt.results.rows import write_results

OBJECTS = ("disc", "square", "triangle", "ring", "cross", "star", "bar", "crescent")
LOOK_EVERY = 5.0
"""Seconds between looks at the rate."""


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The page's address, and the process that serves it."""
    command = [sys.executable, "-m", "neurosvt", "app", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stderr is not None
    found = (re.search(r"http://\S+?(?=;)", line) for line in process.stderr)
    address = next(one for one in found if one)
    try:
        yield address[0], process.pid
    finally:
        process.terminate()
        process.wait(20)


def minute(page: Page, server: int, number: int) -> dict[str, Any]:
    """A minute of play."""
    stage = page.frame_locator("iframe.stage")
    stage.locator("#object").select_option(OBJECTS[number % len(OBJECTS)])
    stage.locator("#seed").fill(str(number))
    begun = time.perf_counter()
    stage.locator("#open").click()
    stage.locator("#clock", has_text=re.compile("frame [1-9]")).wait_for(timeout=20_000)
    first = time.perf_counter() - begun
    rates = []
    while time.perf_counter() - begun < 60:
        page.wait_for_timeout(1000 * LOOK_EVERY)
        rates.append(int(stage.locator("#speed-now").inner_text().split()[0]))
    inside = page.frame(url=re.compile("/play"))
    assert inside is not None
    held = held_bytes(server)
    assert held is not None
    heap = inside.evaluate("performance.memory.usedJSHeapSize") / 2**20
    return {
        "minute": number, "first_picture_ms": 1000 * first,
        "frames_per_second": sorted(rates)[len(rates) // 2], "fewest_frames_per_second": min(rates),
        "server_mib": held / 2**20, "page_mib": heap,
    }  # fmt: skip


def main(minutes: int = 10) -> None:
    """Play, and write."""
    with served() as (address, server), sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.goto(address)
        page.frame_locator("iframe.stage").locator("#readout tr").first.wait_for(timeout=60_000)
        rows = []
        for number in range(minutes):
            rows.append(minute(page, server, number))
            print(rows[-1], flush=True)
        browser.close()
    command = "python benchmarks/app.py" + (f" {minutes}" if minutes != 10 else "")
    write_results(RESULTS / "app.json", command, rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
