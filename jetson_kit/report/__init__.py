"""HTML pages of a fleet's reports: what each device's observations carry, with the evidence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import written_aside
from jetson_kit.report import (
    boards,
    index,
    judgement_cache,
    read,
    rejudge,
    render,
    rows,
    serve,
    summary,
)
from jetson_kit.report.head import Head
from jetson_kit.report.serve import Evidence
from jetson_kit.report.summary import Summary

TITLE = "Where inference runs"
EXPECTED = ("gpu", "software", "cpu")
MOST_WHOLE = 200
"""Of more devices there is no room for evidence in one file, and a browser has no use for it."""


@dataclass(frozen=True)
class WrittenPage:
    """The page that was written; its size in bytes, and its devices."""

    path: Path
    size: int
    devices: tuple[Summary, ...]


def devices(
    places: Sequence[Path], now_s: float | None = None, expect: str = ""
) -> tuple[rows.Device, ...]:
    """Return what is shown of each report in files and folders; raise BadInputError without any.

    `now_s` (seconds since 1970) is the time that ages are counted to.
    """
    _check(expect)
    reports = [read.read(path) for path in read.find(places)]
    answers = rejudge.judge(reports)
    now = time.time() if now_s is None else now_s
    return rows.copies(
        [rows.device(report, answers.get(report.path), now, expect) for report in reports]
    )


def page(
    places: Sequence[Path], title: str = TITLE, expect: str = "", *, served: bool = False
) -> tuple[str, tuple[Summary, ...]]:
    """Return the page of all reports in files and folders, and the line of each device.

    A page of many devices is an index; served ones fetch the evidence behind it.
    """
    return _page(read.find(places), title, expect, served=served)


def _page(
    paths: Sequence[Path], title: str, expect: str, *, served: bool, head: Head | None = None
) -> tuple[str, tuple[Summary, ...]]:
    _check(expect)
    now = time.time()
    if len(paths) <= MOST_WHOLE:
        shown = devices(paths, now, expect) if paths else ()
        return render.page(shown, title, now, head=head), tuple(map(summary.of_device, shown))
    lines = boards.copies(boards.named(judgement_cache.lines(paths, now, expect), paths))
    folder, names = boards.relative(lines, paths)
    how = (*index.fixed_arguments("./inv", "report.html"), (folder, index.Of.FILE))
    options = index.Options(title, now, served, how, files=names, head=head)
    return index.page(lines, options), lines


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
    return _written(output, *page(places, title, expect))


def write_rollout(folder: Path, output: Path, title: str, head: Head) -> WrittenPage:
    """Write the page of a rollout, whole or not at all: it may have no report of any board.

    Raises DiskFullError.
    """
    paths = read.find([folder]) if any(folder.glob("*.json")) else []
    return _written(output, *_page(paths, title, "", served=False, head=head))


def _written(output: Path, text: str, lines: tuple[Summary, ...]) -> WrittenPage:
    content = text.encode("utf-8", "replace")
    with written_aside(output) as aside:
        aside.write_bytes(content)
    return WrittenPage(output, len(content), lines)


def serve_page(places: Sequence[Path], port: int, title: str = TITLE, expect: str = "") -> None:
    """Serve the page to this machine until the program is stopped. Raises as write, StepFailed."""
    paths = read.find(places)
    text, lines = _page(paths, title, expect, served=True)
    serve.run(text, evidence_of(lines, paths, expect), port)


def evidence_of(lines: Sequence[Summary], paths: Sequence[Path], expect: str = "") -> Evidence:
    """Return what makes the page of a board's evidence from the file that its line was made of.

    It raises BadInputError for a board that is not there, IntegrityError for a file that changed.
    """
    known = {(line.site, line.host): line for line in lines}
    files = boards.files(lines, paths)

    def evidence(site: str, host: str) -> str:
        if (site, host) not in known:
            raise BadInputError(f"there is no board {host}")
        report = read.read(files[site, host])
        if report.sha256 != known[site, host].evidence:
            raise IntegrityError(
                f"{report.path} has changed since the page was made", "make the page anew"
            )
        now = time.time()
        shown = rows.device(report, rejudge.judge([report]).get(report.path), now, expect)
        if other := boards.copy_of(known[site, host], lines):
            shown = rows.as_copy(shown, other)
        return render.page([shown], host, now, alone=True)

    return evidence


def _check(expect: str) -> None:
    if expect and expect not in EXPECTED:
        raise BadInputError(f"no device can be expected {expect!r}", f"give {', '.join(EXPECTED)}")
