"""The page of very many boards: data in one file, drawn where one looks, in headless Chromium."""

from __future__ import annotations

import json
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from jetson_kit import report
from jetson_kit.core.errors import BadInputError
from jetson_kit.report import index, render, serve
from jetson_kit.report.summary import Summary, absent
from tests.unit.report import samples as sample
from tests.unit.report.browser import NEEDS, browser, wide

NOW = time.time()
MANY = 10_000
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
GPU = Summary(
    "verify", "site-0", "board", "gpu", "gpu", True, "sound", ("context, work and counters agree",),
    "", {"FaceLandmarker": "gpu"}, "sha256:" + "a" * 64, "r36.4.4", {"l4t": "36.4.4"},
    "Orin Nano", NOW - 60, "e" * 64, 48_000,
)  # fmt: skip


COMMAND = (
    *index.fixed_arguments("./inv", "sites.report", "-i", "sites.toml", "--board"),
    (index.Of.SITE, "/", index.Of.HOST),
)


def boards(count: int) -> list[Summary]:
    """Return boards of ten sites: the last three are bad in a way each."""
    result = [
        replace(GPU, site=f"site-{number % 10}", host=f"board-{number:05}")
        for number in range(count - 3)
    ]
    bad = replace(GPU, good=False, release="r36.4.3")
    return [
        *result,
        absent("verify", "site-9", "gone", "site-9 gave no sign of life for 60 s"),
        replace(bad, host="cpu-one", verdict="cpu", reasons=(HOSTILE,), remedy=HOSTILE),
        replace(bad, host="broken-one", verdict="broken", reasons=("EGL gave no display",)),
    ]


def page(count: int, **options: Any) -> str:
    options.setdefault("how", COMMAND)
    return index.page(boards(count), index.Options("Fleet", NOW, **options))


def test_each_text_stands_once_and_ends_no_element() -> None:
    text = page(MANY, problems=(("site-9", "gave no sign of life"),))
    assert len(text) < 300 * MANY
    assert text.count("context, work and counters agree") == 1
    (data,) = re.findall(
        r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL
    )
    body = json.loads(data)
    assert len(body["rows"]) == MANY
    # Those that need a look come first.
    assert [row[1] for row in body["rows"][:3]] == ["gone", "broken-one", "cpu-one"]
    assert "<img" not in text
    assert text.count("<script>") == 1
    assert "site-9</b>: gave no sign of life" in text


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Chrome]]:
    """Return a function that opens a page of a file; at the end nothing may have gone wrong."""
    drivers = []

    def start(text: str, width: int = 1280, *, dark: bool = False) -> Chrome:
        driver = browser(width, dark=dark)
        drivers.append(driver)
        path = tmp_path / "page.html"
        path.write_text(text)
        driver.get(path.as_uri())
        return driver

    yield start
    try:
        for driver in drivers:
            assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
            assert driver.title == "Fleet"
    finally:
        for driver in drivers:
            driver.quit()


def names(driver: Chrome) -> list[str]:
    """Return the boards that are drawn, from top to bottom."""
    script = (
        "return [...document.querySelectorAll('.row')]"
        ".map(row => [Number(row.ariaRowIndex), row.querySelector('button').textContent])"
    )
    return [name for _, name in sorted(driver.execute_script(script))]


def visible(element: WebElement) -> Callable[[Chrome], bool]:
    return lambda _: element.is_displayed()


def shown(driver: Chrome) -> str:
    return str(driver.find_element(By.ID, "shown").text)


class TestInBrowser:
    pytestmark = NEEDS

    def test_ten_thousand_boards(self, opened: Callable[..., Chrome]) -> None:
        driver = opened(page(MANY))
        assert "10000 boards at 10 sites" in driver.find_element(By.CLASS_NAME, "meta").text
        drawn = names(driver)
        assert drawn[:4] == ["gone", "broken-one", "cpu-one", "board-00000"]
        assert len(drawn) < 60
        driver.execute_script("scrollTo(0, document.body.scrollHeight)")
        WebDriverWait(driver, 10).until(lambda _: names(driver)[-1] == "board-09989")
        assert len(names(driver)) < 60

    def test_filters(self, opened: Callable[..., Chrome]) -> None:
        driver = opened(page(500))
        driver.find_element(By.CSS_SELECTOR, '[data-filter="bad"]').click()
        assert names(driver) == ["gone", "broken-one", "cpu-one"]
        assert shown(driver) == "3 of 500 shown"
        Select(driver.find_element(By.ID, "release")).select_by_value("r36.4.3")
        assert names(driver) == ["broken-one", "cpu-one"]
        driver.find_element(By.CSS_SELECTOR, '[data-filter="bad"]').click()
        Select(driver.find_element(By.ID, "release")).select_by_value("")
        Select(driver.find_element(By.ID, "site")).select_by_value("site-3")
        assert shown(driver) == "50 of 500 shown"
        find = driver.find_element(By.ID, "find")
        find.send_keys("board-00013")
        assert names(driver) == ["board-00013"]
        find.send_keys("x")
        assert names(driver) == []
        assert driver.find_element(By.ID, "none").is_displayed()

    def test_a_board_opens_by_click_and_by_keys(self, opened: Callable[..., Chrome]) -> None:
        driver = opened(page(500))
        buttons = driver.find_elements(By.CSS_SELECTOR, ".row button")
        next(button for button in buttons if button.text == "cpu-one").click()
        panel = driver.find_element(By.ID, "board")
        assert panel.is_displayed()
        # A hostile report is shown as it is, and is nothing but text.
        assert HOSTILE in panel.text
        assert "./inv sites.report -i sites.toml --board site-0/cpu-one" in panel.text
        assert "#site-0/cpu-one" in driver.current_url
        driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not panel.is_displayed()
        button = driver.find_element(By.CSS_SELECTOR, '.row[aria-rowindex="1"] button')
        driver.execute_script("arguments[0].focus()", button)
        for _ in range(30):
            driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        assert driver.switch_to.active_element.text == "board-00270"
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        assert "board-00270" in panel.text
        assert panel.is_displayed()

    def test_the_command_for_a_board_is_one_whatever_is_in_its_words(
        self, opened: Callable[..., Chrome]
    ) -> None:
        files = ["/srv/SITES/s.toml", "a b/HOST", "it's", "$(id);`id`", '"\\', "", "~/$&", "é"]
        how = (*index.fixed_arguments("./inv", *files), (index.Of.SITE, "/", index.Of.HOST))
        names_ = ["plain", "SITE HOST", "a'b", "$1 $& $`", "-i"]
        lines = [replace(GPU, site=name, host=f"{name}.") for name in names_]
        options = index.Options("Fleet", NOW, how=how)
        driver = opened(index.page(lines, options))
        for line in lines:
            button = next(
                button
                for button in driver.find_elements(By.CSS_SELECTOR, ".row button")
                if button.text == line.host
            )
            button.click()
            code = driver.find_element(By.CSS_SELECTOR, "#board-facts code")
            text = str(code.get_property("textContent"))
            assert shlex.split(text) == ["./inv", *files, f"{line.site}/{line.host}"]
            driver.switch_to.active_element.send_keys(Keys.ESCAPE)

    @pytest.mark.parametrize(
        ("width", "dark"), [(320, False), (390, True), (768, True), (1280, False)]
    )
    def test_nothing_scrolls_sideways(
        self, opened: Callable[..., Chrome], width: int, dark: bool
    ) -> None:
        driver = opened(page(300), width, dark=dark)
        across, window = wide(driver)
        assert across == window <= width
        driver.find_element(By.CSS_SELECTOR, ".row button").click()
        across, window = wide(driver)
        assert across <= width

    def test_served_evidence_is_fetched_when_a_board_is_opened(self, tmp_path: Path) -> None:
        fetched = []
        path = sample.put(tmp_path, "broken-one", sample.real("broken"), NOW)

        def evidence(site: str, host: str) -> str:
            fetched.append((site, host))
            if host == "cpu-one":
                raise BadInputError("it is away", "try again")
            return render.page(report.devices([path]), host, NOW, alone=True)

        with serve.server(page(500, served=True), evidence, 0) as listening:
            threading.Thread(target=listening.serve_forever, daemon=True).start()
            driver = browser(1280, dark=False)
            try:
                driver.get(f"http://localhost:{listening.server_port}/")
                assert fetched == []
                for place, name, expected in (
                    (2, ".evidence", "EGL gave no display"),
                    (3, "pre", "it is away; try again"),
                ):
                    row = f'.row[aria-rowindex="{place}"] button'
                    driver.find_element(By.CSS_SELECTOR, row).click()
                    frame = driver.find_element(By.ID, "board-evidence")
                    WebDriverWait(driver, 10).until(visible(frame))
                    driver.switch_to.frame(frame)
                    assert expected in driver.find_element(By.CSS_SELECTOR, name).text
                    driver.switch_to.default_content()
                    driver.switch_to.active_element.send_keys(Keys.ESCAPE)
                assert fetched == [("site-0", "broken-one"), ("site-0", "cpu-one")]
                assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
            finally:
                driver.quit()
                listening.shutdown()
