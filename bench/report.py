"""The page of a fleet's reports: the one with all evidence in it, and the index, side by side.

Both show the same boards. Making is measured in processor seconds, showing in the browser's own
clock and in its main thread's processor time; the ratio of the two carries over to other machines.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import browser
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import CACHE, ROOT
from jetson_kit.report import index, judgement_cache, read, rejudge, render, rows, summary

OUTPUT = ROOT / "bench" / "report.json"
SAMPLES = ROOT / "tests" / "unit" / "reports"
COUNTS = (1_000, 10_000)
ROUNDS = 3
SITES = 40
TIMES = """
const [nav] = performance.getEntriesByType("navigation");
const [mark] = performance.getEntriesByName("usable");
return [nav.loadEventEnd, mark ? mark.startTime : nav.loadEventEnd];
"""


def processor_s(do: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the processor seconds of it and of its processes."""
    before = os.times()
    result = do()
    after = os.times()
    return result, round(sum(after[:4]) - sum(before[:4]), 2)


def reports(folder: Path, count: int) -> list[Path]:
    """Write so many reports: the recorded ones over and over, each board with its own boot."""
    documents = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(SAMPLES.glob("*.json"))
    ]
    now, paths = time.time() - 60, []
    for number in range(count):
        path = folder / f"board-{number:05}.json"
        body = {**documents[number % len(documents)], "time_s": now, "boot_id": f"{number:08x}"}
        path.write_text(json.dumps(body), encoding="utf-8")
        paths.append(path)
    return paths


def shown(path: Path) -> dict[str, float]:
    """Return how long Chromium takes until a page can be used, by its own clock."""
    with browser.headless() as driver:
        driver.execute_cdp_cmd("Performance.enable", {})
        driver.get(path.as_uri())
        loaded, usable = driver.execute_script(TIMES)
        metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    task_s = next(row["value"] for row in metrics if row["name"] == "TaskDuration")
    return {"usable_s": max(loaded, usable) / 1000, "task_s": task_s}


def median(samples: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each value."""
    return {
        name: round(statistics.median(sample[name] for sample in samples), 3) for name in samples[0]
    }


def pages(folder: Path, count: int, devices: list[rows.Device]) -> dict[str, dict[str, Any]]:
    """Make both pages of so many boards, show them in turns; return what each took."""
    many = [
        replace(devices[number % len(devices)], name=f"board-{number:05}")
        for number in range(count)
    ]
    lines = [
        summary.of_device(device, f"site-{number % SITES:02}") for number, device in enumerate(many)
    ]
    options = index.Options("Fleet", time.time())
    makers: Mapping[str, Callable[[], str]] = {
        "whole": lambda: render.page(many, "Fleet", time.time()),
        "index": lambda: index.page(lines, options),
    }
    result: dict[str, dict[str, Any]] = {}
    for name, make in makers.items():
        text, seconds = processor_s(make)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
        result[name] = {"render_cpu_s": seconds, "megabytes": round(len(text.encode()) / 1e6, 2)}
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    for _ in range(ROUNDS):
        for name in makers:
            samples[name].append(shown(folder / f"{name}.html"))
    return {name: {**row, **median(samples[name])} for name, row in result.items()}


def judging(folder: Path, paths: list[Path]) -> tuple[list[rows.Device], dict[str, float]]:
    """Return the devices of reports, and what judging took: as for whole pages, first, again."""

    def whole() -> list[rows.Device]:
        listed = [read.read(path) for path in paths]
        answers = rejudge.judge(listed)
        return [rows.device(item, answers.get(item.path), time.time()) for item in listed]

    os.environ[CACHE] = str(folder / "cache")
    devices, every_time = processor_s(whole)
    _, first = processor_s(lambda: judgement_cache.lines(paths, time.time()))
    _, second = processor_s(lambda: judgement_cache.lines(paths, time.time()))
    return devices, {"whole_cpu_s": every_time, "first_cpu_s": first, "again_cpu_s": second}


def run() -> dict[str, Any]:
    """Measure and write the result."""
    before = os.environ.get(CACHE)
    with tempfile.TemporaryDirectory(prefix="bench-report-") as name:
        folder = Path(name)
        try:
            devices, judge = judging(folder, reports(folder, COUNTS[0]))
        finally:
            os.environ.pop(CACHE) if before is None else os.environ.update({CACHE: before})
        shown_pages = {str(count): pages(folder, count, devices) for count in COUNTS}
    result = {
        "schema": "mediapipe-jetson-kit/bench-report/1",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "rounds": ROUNDS,
        "judging": {"boards": COUNTS[0], **judge},
        "pages": shown_pages,
    }
    write_text(OUTPUT, json.dumps(result, indent=1) + "\n")
    return result
