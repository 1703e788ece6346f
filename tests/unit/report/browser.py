"""Headless Chromium: a window of any width, what it asked for, how wide its page is."""

from __future__ import annotations

import json
import shutil

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.support.here import needs_parts

DRIVER = shutil.which("chromedriver")
# Debian's own file first: what stands on PATH starts it and leaves it behind when it is ended.
BROWSERS = (
    "/usr/lib/chromium/chromium-headless-shell",
    "chromium-headless-shell",
    "chromium",
    "google-chrome",
)
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
NEEDS = [pytest.mark.browser, needs_parts("chromedriver", "chromium")]


def browser(width: int, *, dark: bool) -> Chrome:
    """Return a browser with a window of this width that logs what it says and asks for."""
    assert DRIVER
    assert BROWSER
    options = ChromeOptions()
    options.binary_location = BROWSER
    for word in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    return driver


def requested(entry: dict[str, str]) -> str:
    """Return the address that a line of the performance log says was requested."""
    message = json.loads(entry["message"])["message"]
    if message["method"] != "Network.requestWillBeSent":
        return ""
    return str(message["params"]["request"]["url"])


def wide(driver: Chrome) -> tuple[int, int]:
    """Return the widths of the page and of the window."""
    page = "document.documentElement"
    result = driver.execute_script(f"return [{page}.scrollWidth, {page}.clientWidth]")
    return result[0], result[1]
