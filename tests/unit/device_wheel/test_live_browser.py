"""The live view in headless Chromium: it moves, at two widths, and asks for nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.unit.device_wheel import live_runs
from tests.unit.device_wheel.live_runs import Running
from tests.unit.report import samples as report_samples
from tests.unit.report.browser import NEEDS, browser, requested

pytestmark = [*NEEDS, pytest.mark.network, pytest.mark.slow]
SECRET = "correct-horse-battery"
# What is in the picture now, as the page's own canvas has it.
PIXELS = """
const image = document.getElementById("picture");
const canvas = document.createElement("canvas");
canvas.width = 72; canvas.height = 53;
const context = canvas.getContext("2d");
context.drawImage(image, 0, 0, 72, 53);
return Array.from(context.getImageData(0, 0, 72, 53).data).join();
"""
SIZES = [(1280, False), (390, True)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("reports")
    report = report_samples.put(folder, "verify", report_samples.real("cpu"), time.time(), 7200)
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    with live_runs.application(secret, report) as running:
        yield running


@pytest.fixture
def opened(shown: Running) -> Iterator[Callable[..., Chrome]]:
    """Return a function that opens the page; at the end nothing may have gone wrong in it."""
    drivers = []

    def start(width: int, *, dark: bool) -> Chrome:
        driver = browser(width, dark=dark)
        drivers.append(driver)
        driver.get(f"http://anyone:{SECRET}@127.0.0.1:{shown.port}/")
        return driver

    try:
        yield start
        for driver in drivers:
            assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
            log = driver.get_log("performance")  # type: ignore[no-untyped-call]
            addresses = {item.split("?")[0] for item in map(requested, log)} - {""}
            own = shown.address
            assert {item.replace(f"anyone:{SECRET}@", "") for item in addresses} <= {
                f"{own}/{name}"
                for name in ("", "live.css", "live.js", "icon.svg", "stream.mjpg", "status.json")
            }
    finally:
        for driver in drivers:
            driver.quit()


def text(driver: Chrome, name: str) -> str:
    return driver.find_element(By.ID, name).text


def waited(driver: Chrome, fits: Callable[[Chrome], Any]) -> None:
    WebDriverWait(driver, 60, poll_frequency=0.2).until(fits)


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_the_picture_moves_and_numbers_change(
    opened: Callable[..., Chrome], width: int, dark: bool, tmp_path: Path
) -> None:
    driver = opened(width, dark=dark)
    waited(driver, lambda item: text(item, "fps") not in ("-", "0.0"))
    first, done = driver.execute_script(PIXELS), text(driver, "done")
    waited(driver, lambda item: item.execute_script(PIXELS) != first)
    waited(driver, lambda item: int(text(item, "done")) > int(done))
    assert text(driver, "state") == "running"
    assert text(driver, "backend").split() == ["mediapipe", "FaceLandmarker"]
    # The sample is of another start of a machine: it proves nothing here, and its age is shown.
    assert text(driver, "verdict").split("\n") == ["unknown", "2 h old"]
    assert text(driver, "reason") == "verdict: the report was made before this machine was started"
    assert [row.text.split()[0] for row in driver.find_elements(By.TAG_NAME, "th")[4:]] == [
        "capture", "preprocess", "detect", "sink",
    ]  # fmt: skip
    inside = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert driver.execute_script(inside), "it can be moved sideways"
    picture = driver.find_element(By.ID, "picture").size
    assert picture["width"] > 0.5 * min(width, 1000)
    # For whoever wants to look: pytest's folders of the last three runs stay.
    driver.save_screenshot(str(tmp_path / f"live-{width}.png"))


def test_a_page_whose_application_ended_says_so() -> None:
    with live_runs.application() as running:
        driver = browser(600, dark=False)
        try:
            driver.get(running.address)
            waited(driver, lambda item: text(item, "state") == "running")
            running.process.kill()
            waited(driver, lambda item: text(item, "state") == "no answer")
        finally:
            driver.quit()
