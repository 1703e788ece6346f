"""`sites.verify`, `.doctor`, `.status`: run, show lines as they come, write, judge."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.fleet.sites import inventory
from jetson_kit.inspection import central, result
from jetson_kit.inspection.central import Event, Request, SiteResult
from jetson_kit.report.summary import Summary

STATUS_SCHEMA = "mediapipe-jetson-kit/sites-status/2"


@dataclass(frozen=True)
class Outputs:
    """What is written: files, and JSON lines on standard output as they come."""

    json: Path | bool | None = None
    junit: Path | None = None
    prometheus: Path | None = None
    lines: bool = False

    def write(self, inspection: result.Inspection, request: Request) -> None:
        """Write an inspection to its files, and keep it as the last one. Raises DiskFullError."""
        names = inventory.load(request.sites).boards if request.only else ()
        result.keep(inspection, frozenset(names).difference(request.only))
        if isinstance(self.json, Path):
            write_text(self.json, json.dumps(inspection.as_json(), indent=1) + "\n")
        if self.junit:
            write_text(self.junit, inspection.junit())
        if self.prometheus:
            write_text(self.prometheus, inspection.prometheus())
        if self.json is True:
            print(json.dumps(inspection.as_json(), indent=1))


def run(request: Request, outputs: Outputs) -> result.Inspection:
    """Inspect, and return what it came to; the lines are shown as they come."""
    if outputs.lines and outputs.json is True:
        raise BadInputError("--lines and --json both print", "name a file: --json FILE")
    begun = time.time()
    inspection = result.merged(request.kind, _shown(request, outputs), begun)
    outputs.write(inspection, request)
    return inspection


def _shown(request: Request, outputs: Outputs) -> Iterator[Event]:
    """Pass events on; print each: JSON lines on standard output, else text on standard error."""
    count = 0
    for event in central.run(request):
        count += isinstance(event, Summary)
        if outputs.lines and isinstance(event, Summary):
            print(json.dumps(event.as_json()), flush=True)
        elif not outputs.lines:
            print(_text(event, count), file=sys.stderr, flush=True)
        yield event


def _text(event: Event, count: int) -> str:
    if isinstance(event, SiteResult):
        return f"{event.site}: {'; '.join(event.wrong) or 'ok'} ({event.seconds:.0f} s)"
    why = "" if event.good else "; ".join(event.reasons)
    image = event.release or event.image.partition(":")[2][:12]
    return "  ".join(
        filter(None, (f"{count:6}", event.site, event.host, event.verdict, image, why))
    )


def statuses(request: Request, outputs: Outputs) -> Iterator[tuple[SiteResult, list[Summary]]]:
    """Yield each site with its boards when the site is done, the fastest first; write the whole."""
    begun, events = time.time(), []
    boards: dict[str, list[Summary]] = {}
    # The site that is shown later reports a machine that both have; the result has it at both.
    machines: dict[str, list[Summary]] = {}
    for event in central.run(request):
        events.append(event)
        if isinstance(event, Summary):
            if event.machine:
                machines.setdefault(event.machine, []).append(event)
            boards.setdefault(event.site, []).append(event)
        else:
            lines = [
                result.twice(board, machines.get(board.machine, ()))
                for board in boards.pop(event.site, [])
            ]
            yield event, sorted(lines, key=lambda board: board.host)
    outputs.write(result.merged(request.kind, events, begun), request)


def status_json(site: SiteResult, boards: list[Summary]) -> dict[str, object]:
    """Return a site's status as a document."""
    return {
        "schema": STATUS_SCHEMA,
        **vars(site),
        "wrong": site.wrong,
        "drift": any(not board.good for board in boards),
        "hosts": {board.host: board.as_json() for board in boards},
    }


def show_status(site: SiteResult, boards: list[Summary]) -> None:
    """Print a site and its boards."""
    drifted = [] if site.problem or all(board.good for board in boards) else ["boards have drifted"]
    print(f"{site.site}: {'; '.join([*site.wrong, *drifted]) or 'ok'}", flush=True)
    for board in boards:
        image = board.image.partition(":")[2][:12] or "-"
        message = " ".join(board.reasons) or "as the site says"
        print(f"  {board.host}  {image}  {message}", flush=True)
