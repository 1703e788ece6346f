"""One HTML page for a fleet's reports: what each device's observations carry, with the evidence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import written_aside
from jetson_kit.report import read, rejudge, render, rows

TITLE = "Where inference runs"
EXPECTED = ("gpu", "software", "cpu")


@dataclass(frozen=True)
class WrittenPage:
    """The page that was written; its size in bytes, and its devices."""

    path: Path
    size: int
    devices: tuple[rows.Device, ...]


def devices(
    places: Sequence[Path], now_s: float | None = None, expect: str = ""
) -> tuple[rows.Device, ...]:
    """Return what is shown of each report in files and folders; raise BadInputError without any.

    `now_s` (seconds since 1970) is the time that ages are counted to.
    """
    if expect and expect not in EXPECTED:
        raise BadInputError(f"no device can be expected {expect!r}", f"give {', '.join(EXPECTED)}")
    reports = [read.read(path) for path in read.find(places)]
    answers = rejudge.judge(reports)
    now = time.time() if now_s is None else now_s
    return tuple(rows.device(report, answers.get(report.path), now, expect) for report in reports)


def write(
    places: Sequence[Path], output: Path, title: str = TITLE, expect: str = ""
) -> WrittenPage:
    """Write the page of all reports in files and folders, whole or not at all.

    Raises BadInputError where there is no report, DiskFullError.
    """
    if output.is_dir():
        raise BadInputError(f"{output} is a folder", "give a file's name: --output PAGE.html")
    if output.resolve() in {path.resolve() for path in read.find(places)}:
        raise BadInputError(f"{output} is one of the reports", "name another: --output PAGE.html")
    result = devices(places, expect=expect)
    content = render.page(result, title, time.time()).encode("utf-8", "replace")
    with written_aside(output) as aside:
        aside.write_bytes(content)
    return WrittenPage(output, len(content), result)
