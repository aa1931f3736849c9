"""The page as a person uses it, in Debian's chromium."""

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from neurosvt import Recording, write_events
from neurosvt.events import pack_events

CHROMIUM = shutil.which("chromium")
api = pytest.importorskip("playwright.sync_api", reason="playwright drives the page")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is served, by a process of its own."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "neurosvt", "app", "--port", str(port)]
    served = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path_factory.mktemp("app"))
    assert b"loading permanence" in served.stderr.readline(), "it says at once what it is at"
    line = served.stderr.readline().decode()
    assert f"http://127.0.0.1:{port}" in line, line
    found = f"http://127.0.0.1:{port}/"
    for _ in range(100):
        try:
            urllib.request.urlopen(found, timeout=5).close()
            break
        except OSError:
            time.sleep(0.1)
    yield found
    served.terminate()
    served.wait(20)
    served.stderr.close()


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser, address):
    """A page that may call nobody but its server, and has to keep quiet."""
    opened = browser.new_page(viewport={"width": 1280, "height": 1100})
    opened.set_default_timeout(300_000)  # a busy machine makes it slower, not red
    faults, requests = [], []
    opened.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(address)
    yield opened
    opened.close()
    outside = [u for u in requests if not u.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert faults == []


@pytest.fixture
def stage(page):
    frame = page.frame_locator("iframe.stage")
    frame.locator("#readout tr").first.wait_for()
    return frame


def frame_number(stage):
    return int(re.search(r"frame (\d+)", stage.locator("#clock").inner_text())[1])


def said(stage, row=0):
    """Model, class, presence and how far off, as the table tells it."""
    cells = stage.locator("#readout tr").nth(row).locator("th, td").all_inner_texts()
    return [cell.strip().split("\n")[0] for cell in cells[:4]]


def step(page, stage):
    at = frame_number(stage)
    page.keyboard.press("ArrowRight")
    stage.locator("#clock", has_text=f"frame {at + 1},").wait_for()


def test_a_hidden_object_is_still_known_when_a_curtain_is_dragged_over_it(page, stage):
    """Frame by frame, so that a busy machine sees the same film; test_player.py counts many."""
    stage.locator("#object").select_option("ring")
    stage.locator("#open").click()
    stage.locator("#toggle", has_text="Pause").click()
    page.wait_for_timeout(1000)  # what is on its way arrives
    assert frame_number(stage) < 60
    while frame_number(stage) < 60:
        step(page, stage)
    stage.locator("#wide").fill("1")
    stage.locator("#toggle").focus()  # arrows move a slider that has the focus
    box = stage.locator("#canvas").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 3, y)
    page.mouse.down()
    for share in np.linspace(0, 0.5, 30):
        page.mouse.move(box["x"] + share * box["width"], y)
        step(page, stage)
    page.mouse.up()
    for _ in range(30):
        step(page, stage)
    assert stage.locator("#state").inner_text().upper() == "HIDDEN"
    name, says, _, off = said(stage)
    assert (name, says) == ("permanence", "ring")
    assert float(off.split()[0]) < 21, "within a third of the picture"
    assert said(stage, 1)[0] == "no memory"


def test_it_plays_pauses_and_steps(page, stage):
    """How many frames a second it shows, benchmarks/app.py measures."""
    stage.locator("#toggle").click()
    stage.locator("#speed-now", has_text="frames/s").wait_for()
    stage.locator("#toggle").click()
    stage.locator("#toggle", has_text="Play").wait_for()
    page.wait_for_timeout(1000)
    at = frame_number(stage)
    stage.locator("#step").click()
    stage.locator("#clock", has_text=f"frame {at + 1},").wait_for()
    stage.locator("#canvas").click()
    step(page, stage)
    assert frame_number(stage) == at + 2
    page.keyboard.press("l")
    assert not stage.locator("#lit").is_checked()


def test_a_tier_plays_and_the_truth_stands_beside_belief(page, stage):
    stage.locator("#kind").select_option("blackout")
    stage.locator("#hidden").fill("600")
    stage.locator("#open").click()
    stage.locator("#state", has_text="HIDDEN").wait_for()
    assert said(stage)[3].endswith("px")


def test_where_nothing_is_there_the_page_says_so(page, stage):
    stage.locator("#kind").select_option("empty")
    stage.locator("#open").click()
    stage.locator("#state", has_text="nothing there").wait_for()
    assert said(stage)[3] == "–", "off by nothing, for there is no place"


def test_the_stage_is_as_wide_as_the_page_and_as_high_as_what_it_holds(page, stage):
    frame = page.frame(url=re.compile("/play"))
    assert page.locator("iframe.stage").bounding_box()["width"] > 1100
    assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_model_that_is_loaded_stands_on_the_stage(page, stage):
    page.get_by_role("tab", name="Your model").click()
    page.get_by_label("Model").last.fill("permanence_lif")
    page.get_by_role("button", name="Load it").click()
    stage.locator("#readout th", has_text="permanence_lif").wait_for()
    assert page.locator("iframe.stage").is_visible()


def test_a_recording_of_mine_is_watched_and_a_bad_one_is_told_in_plain_words(page, stage, tmp_path):
    t = np.arange(0, 1_000_000, 250)
    events = pack_events(t, 10 + t // 25_000, 30 + t % 9, t % 2)
    write_events(tmp_path / "dot.npz", Recording(events, 64, 64))
    (tmp_path / "bad.raw").write_bytes(b"these are no events")
    stage.locator("#kind").select_option("recording")
    stage.locator("#file").set_input_files(tmp_path / "bad.raw")
    stage.locator("#open").click()
    stage.locator("#error", has_text=re.compile(".")).wait_for()
    told = stage.locator("#error").inner_text()
    assert told.startswith("bad.raw "), "by the name that the visitor knows"
    assert "Traceback" not in told
    stage.locator("#file").set_input_files(tmp_path / "dot.npz")
    stage.locator("#open").click()
    stage.locator("#state", has_text="no truth known").wait_for()
    stage.locator("#clock", has_text=re.compile(r"frame \d\d")).wait_for()
    assert stage.locator("#error").inner_text() == ""


@pytest.mark.slow
def test_two_visitors_do_not_mix(browser, address, stage):
    other = browser.new_page()
    other.goto(address)
    there = other.frame_locator("iframe.stage")
    there.locator("#readout tr").first.wait_for()
    there.locator("#toggle").click()
    there.locator("#clock", has_text=re.compile(r"frame \d\d")).wait_for()
    assert frame_number(stage) == 0
    other.close()


def test_an_image_is_named_in_one_step(page, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    page.get_by_role("tab", name="One step").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "noise.png")
    page.get_by_role("button", name="Look").click()
    page.get_by_text(
        re.compile(r"airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck")
    ).first.wait_for()
    page.locator("img[src*=slopes]").wait_for()


@pytest.mark.slow
def test_energy_is_counted_and_the_table_changes_at_once(page):
    page.get_by_role("tab", name="Energy").click()
    page.get_by_role("button", name="Count").click()
    cell = page.get_by_role("gridcell", name="vit-tiny").or_(page.get_by_text("vit_tiny")).first
    cell.wait_for()


def test_a_model_that_is_not_there_is_one_line(page):
    page.get_by_role("tab", name="Your model").click()
    page.get_by_label("Model").last.fill("nowhere_at_all")
    page.get_by_role("button", name="Load it").click()
    page.get_by_text("nowhere_at_all").last.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_hangs_over_the_edge(browser, address, scheme):
    phone = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    phone.goto(address)
    stage = phone.frame_locator("iframe.stage")
    stage.locator("#readout tr").first.wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inside = phone.frame(url=re.compile("/play"))
    assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert inside.evaluate("document.documentElement.scrollHeight <= innerHeight")
    phone.close()
