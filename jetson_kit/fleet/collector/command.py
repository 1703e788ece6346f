"""`fleet.collect`, and the view of `fleet.channel --status`."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import open_regular
from jetson_kit.core.text import counted, lasting
from jetson_kit.fleet.collector import board_keys, reports, server
from jetson_kit.fleet.collector.reports import Report
from jetson_kit.fleet.release import certificates

SCHEMA = "mediapipe-jetson-kit/channel-status/1"
CLOCK_S = 300.0
AGAIN = "start ./inv fleet.collect again"


@dataclass(frozen=True)
class Request:
    """Who reports, and where; `cert` and `key` are one's own, else the kit makes them."""

    inventory: Path
    address: str
    port: int
    bind: str = "0.0.0.0"  # noqa: S104 # boards are elsewhere
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Row:
    """A board in the view; `silent_s` None: it has never reported."""

    board: str
    report: Report | None
    silent_s: float | None
    problem: str


def home() -> Path:
    """Return the collector's own folder."""
    return paths.state_home() / "collector"


def run(request: Request) -> None:
    """Take reports until the program is stopped. Raises BadInputError, StepFailedError."""
    if bool(request.cert) != bool(request.key):
        raise BadInputError("a certificate needs its key", "give --cert and --key, or neither")
    keys = board_keys.of_inventory(request.inventory)
    reports.check_keys(keys)
    folder = paths.make_folder(home(), paths.STATE, 0o700)
    reports.keep_boards(folder, keys)
    authority = ""
    if request.cert and request.key:
        cert, key = request.cert, request.key
    else:
        files = certificates.ensure(folder / "certificates", request.address)
        cert, key, authority = files.cert, files.key, f" --collector-ca {files.ca}"
    taken = reports.Reports(folder / "reports", keys)
    with server.listening(request.bind, request.port, cert, key, taken) as at:
        shown = f"[{request.address}]" if ":" in request.address else request.address
        for name, others in reports.shared_keys(keys).items():
            print(f"{name} {reports.shares(others)}; {reports.CURE}", file=sys.stderr)
        known = sum(map(bool, reports.own_keys(keys).values()))
        print(f"collecting reports of {counted(known, 'board')}; name it to them by:")
        print(
            f"./inv fleet.channel FOLDER --collector https://{shown}:{at.server_port}/{authority}",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
            at.serve_forever()


def status(silent_s: float, now: datetime.datetime | None = None) -> list[Row]:
    """Return all boards whose reports are awaited, those with a problem first.

    Raises BadInputError where nothing was ever collected here.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        with open_regular(home() / "boards.json", AGAIN) as stream:
            body = json.loads(stream.read())
        names, without = list(map(str, body["boards"])), set(body["without"])
        # An older kit's collector looked for none.
        shared = {name: list(map(str, rows)) for name, rows in body.get("shared", {}).items()}
    except FileNotFoundError:
        raise BadInputError(
            "no reports are collected here", "begin with ./inv fleet.collect -i INVENTORY --address"
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{home() / 'boards.json'} is damaged", AGAIN) from error
    fault = dict.fromkeys(without, "its key is not known here")
    fault |= {name: reports.shares(others) for name, others in shared.items()}
    rows = [_row(name, fault.get(name, ""), silent_s, now) for name in names]
    return sorted(rows, key=lambda row: (not row.problem, row.board))


def _row(board: str, fault: str, silent_s: float, now: datetime.datetime) -> Row:
    report = reports.load(home() / "reports", board)
    if report is None:
        return Row(board, None, None, fault or "never reported")
    since = (now - datetime.datetime.fromisoformat(report.received)).total_seconds()
    problems = filter(None, (fault, *_problems(report, since, silent_s)))
    return Row(board, report, since, "; ".join(problems))


def _problems(report: Report, since: float, silent_s: float) -> Iterator[str]:
    if since > silent_s:
        yield f"silent for {lasting(since)}"
    if report.phase in ("failed", "went-back"):
        yield f"{report.phase}: {report.reason}"
    received = datetime.datetime.fromisoformat(report.received)
    with contextlib.suppress(ValueError):
        own = datetime.datetime.fromisoformat(report.time)
        ahead = (own - received).total_seconds()
        if abs(ahead) > CLOCK_S:
            yield f"its clock was {lasting(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"


def as_json(rows: list[Row]) -> dict[str, Any]:
    """Return the view as a document."""
    return {"schema": SCHEMA, "boards": [asdict(row) for row in rows]}


def lines(rows: list[Row]) -> Iterator[str]:
    """Yield the view for people, a line for each board."""
    for row in rows:
        report = row.report
        if report is None:
            yield f"{row.board}  {row.problem}"
            continue
        image = report.image_id.partition(":")[2][:12] or "no image"
        columns = (row.board, report.phase, image, report.state, report.verdict,
                 f"{lasting(row.silent_s or 0)} ago", row.problem or report.reason)  # fmt: skip
        yield "  ".join(filter(None, columns))
