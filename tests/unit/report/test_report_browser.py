"""The page in headless Chromium: clicks, keys, filter, widths, dark, print, and no request."""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from jetson_kit import report
from tests.unit.report import samples as sample
from tests.unit.report.browser import NEEDS, browser, requested, wide

pytestmark = NEEDS
HOSTILE = (
    "<img src=/stolen onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
)
Asked = list[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports")
    now = time.time()
    for name in sample.REAL:
        sample.put(path, name, sample.real(name), now)
    sample.put(path, "board", sample.board(), now)
    sample.put(path, "old", sample.another_run(sample.board()), now, 3 * 86400)
    hostile = sample.another_run(sample.real("cpu"))
    hostile["host"] = hostile["image_digest"] = HOSTILE
    hostile["observations"]["device"]["model"] = HOSTILE
    sample.put(path, "hostile", hostile, now)
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[str, Asked]]:
    """Return the page's address on a server of its own, and the requests to that server."""
    page = report.write([folder], folder / "page.html").path.read_bytes()
    bare = re.sub(rb"<script>.*?</script>", b"", page, flags=re.DOTALL)
    assert len(bare) < len(page)
    requests: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(bare if self.path == "/bare.html" else page)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/page.html", requests
    server.shutdown()


@pytest.fixture
def opened(served: tuple[str, Asked]) -> Iterator[Callable[..., Chrome]]:
    """Return a function that opens the page; at the end nothing may have gone wrong in it."""
    address, requests = served
    bare = address.replace("page", "bare")
    drivers = []

    def start(width: int = 1280, *, dark: bool = False, script: bool = True) -> Chrome:
        driver = browser(width, dark=dark)
        drivers.append(driver)
        driver.get(address if script else bare)
        return driver

    del requests[:]
    yield start
    try:
        for driver in drivers:
            assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
            log = driver.get_log("performance")  # type: ignore[no-untyped-call]
            expected = set(map(requested, log)) - {""}
            assert {item for item in expected if not item.startswith("data:")} <= {address, bare}
            assert driver.title == report.TITLE
        assert set(requests) <= {"/page.html", "/bare.html"}
    finally:
        for driver in drivers:
            driver.quit()


def row(driver: Chrome, name: str) -> Any:
    for body in driver.find_elements(By.CSS_SELECTOR, "tbody[data-verdict]"):
        if body.find_element(By.TAG_NAME, "th").text.startswith(name):
            return body
    raise AssertionError(name)


def names(driver: Chrome) -> list[str]:
    bodies = driver.find_elements(By.CSS_SELECTOR, "tbody[data-verdict]")
    shown = [body for body in bodies if body.is_displayed()]
    return sorted(body.find_element(By.TAG_NAME, "th").text.split("\n")[0] for body in shown)


def test_a_click_opens_the_evidence(opened: Callable[..., Chrome]) -> None:
    driver = opened()
    body = row(driver, "software")
    evidence = body.find_element(By.CSS_SELECTOR, ".evidence")
    assert not evidence.is_displayed()
    body.find_element(By.CSS_SELECTOR, ".facts .all").click()
    assert evidence.is_displayed()
    assert "a software rasterizer is mapped" in evidence.text
    photos = evidence.find_elements(By.CSS_SELECTOR, ".photo svg")
    assert len(photos) == 6
    assert all(photo.size["width"] > 200 and photo.size["height"] > 100 for photo in photos)
    for raw in evidence.find_elements(By.CSS_SELECTOR, ".raw > summary"):
        raw.click()
    assert "GL dispatches a frame" in evidence.text
    place = evidence.find_element(By.CSS_SELECTOR, ".json pre")
    WebDriverWait(driver, 10).until(lambda _: place.text.startswith("{"))
    assert json.loads(place.get_property("textContent"))["verdict"] == "broken"
    body.find_element(By.CSS_SELECTOR, ".facts .all").click()
    assert not evidence.is_displayed()


def test_keys_open_it_too(opened: Callable[..., Chrome]) -> None:
    driver = opened()
    body = row(driver, "board")
    summary = body.find_element(By.TAG_NAME, "summary")
    for _ in range(60):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        if driver.switch_to.active_element == summary:
            break
    assert driver.switch_to.active_element == summary
    assert summary.value_of_css_property("outline-style") == "solid"
    summary.send_keys(Keys.ENTER)
    curves = body.find_elements(By.CSS_SELECTOR, ".curve svg")
    assert len(curves) == 2
    assert all(curve.is_displayed() for curve in curves)
    assert len(curves[0].find_elements(By.CSS_SELECTOR, ".on")) == 4
    # Its peaks lie in the shaded phases, as drawn.
    line = curves[0].find_element(By.CSS_SELECTOR, ".line").rect
    shade = curves[0].find_element(By.CSS_SELECTOR, ".on").rect
    assert line["y"] >= shade["y"] - 1
    assert line["height"] > shade["height"] * 0.8


def test_the_filter(opened: Callable[..., Chrome]) -> None:
    driver = opened()
    everything = ["board", "broken", "cpu", "hostile", "old", "software"]
    assert names(driver) == everything
    expected = {
        "gpu": ["board"], "cpu": ["cpu", "hostile"], "broken": ["broken", "software"],
        "unknown": ["old"], "as-expected": ["board", "cpu", "hostile"], "software": [],
        "not-expected": ["broken", "old", "software"],
    }  # fmt: skip
    for verdict, left in expected.items():
        tile = driver.find_element(By.CSS_SELECTOR, f'[data-filter="{verdict}"]')
        assert tile.text.split()[0] == str(len(left))
        tile.click()
        assert names(driver) == left, verdict
        assert tile.get_attribute("aria-pressed") == "true"
    assert "3 of 6" in driver.find_element(By.ID, "shown").text
    tile.click()
    find = driver.find_element(By.ID, "find")
    find.send_keys("egl gave no")
    assert names(driver) == ["broken"]
    find.send_keys(" such words")
    assert names(driver) == []
    assert driver.find_element(By.ID, "none").is_displayed()
    find.clear()
    find.send_keys("b", Keys.BACKSPACE)
    assert names(driver) == everything
    driver.find_element(By.ID, "open").click()
    assert all(
        element.is_displayed() for element in driver.find_elements(By.CSS_SELECTOR, ".evidence")
    )


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_scrolls_sideways(opened: Callable[..., Chrome], dark: bool) -> None:
    driver = opened(390, dark=dark)
    assert wide(driver) == (390, 390)
    driver.find_element(By.ID, "open").click()
    for raw in driver.find_elements(By.CSS_SELECTOR, ".raw"):
        driver.execute_script("arguments[0].open = true", raw)
    assert wide(driver) == (390, 390)
    ground = driver.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    channels = [int(part) for part in ground[ground.index("(") + 1 : -1].split(",")[:3]]
    assert (max(channels) < 60) == dark
    assert (min(channels) > 200) != dark


@pytest.mark.parametrize("width", [320, 768, 1180, 1200, 1280, 1920])
def test_other_widths(opened: Callable[..., Chrome], width: int) -> None:
    driver = opened(width)
    driver.find_element(By.ID, "open").click()
    for raw in driver.find_elements(By.CSS_SELECTOR, ".raw"):
        driver.execute_script("arguments[0].open = true", raw)
    page, window = wide(driver)
    assert page == window <= width


def test_without_scripts_it_is_all_there(opened: Callable[..., Chrome]) -> None:
    driver = opened(script=False)
    assert not driver.find_element(By.ID, "tools").is_displayed()
    body = row(driver, "broken")
    body.find_element(By.TAG_NAME, "summary").click()
    assert "EGL gave no display" in body.find_element(By.CSS_SELECTOR, ".evidence").text


def test_a_page_of_another_day_says_so(opened: Callable[..., Chrome]) -> None:
    driver = opened()
    stale = functools.partial(driver.find_element, By.ID, "stale")
    assert not stale().is_displayed()
    later = "Date.now = (was => () => was() + 3.5 * 864e5)(Date.now.bind(Date))"
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": later})
    driver.refresh()
    assert "3 d ago" in stale().text


def test_it_prints(opened: Callable[..., Chrome]) -> None:
    driver = opened(dark=True)
    pages = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(pages["data"]) > 10_000
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    assert not driver.find_element(By.ID, "tools").is_displayed()
    assert driver.find_element(By.CSS_SELECTOR, ".tile").is_displayed()
