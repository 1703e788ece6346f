"""Headless Chromium by its driver, for what a page must show."""

from __future__ import annotations

import shutil

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from jetson_kit.core.errors import ToolMissingError

# Debian's own file first: the one on PATH starts it and leaves it behind when it is ended.
BROWSERS = ("/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", "chromium")


def headless() -> Chrome:
    """Start it; use it as a context. Raises ToolMissingError where Chromium or its driver lacks."""
    driver_path, browser_path = (
        next(filter(None, map(shutil.which, names)), None)
        for names in (("chromedriver",), BROWSERS)
    )
    if not (driver_path and browser_path):
        raise ToolMissingError(
            "there is no Chromium with its driver", "apt-get install chromium-driver"
        )
    options = ChromeOptions()
    options.binary_location = browser_path
    for word in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    return Chrome(options=options, service=Service(driver_path))
