"""What a site does when its boards are inspected: one line for each, as soon as it is judged.

Evidence (reports, diagnoses) stays here, in a file for each board; its sha256 goes into the line.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard, write_text
from jetson_kit.doctor import fleet as doctor
from jetson_kit.fleet.rollout import command
from jetson_kit.fleet.sites.here import Here, Request
from jetson_kit.fleet.sites.site_work import BEAT_S, INVENTORY, NAMES, named
from jetson_kit.inspection import lines
from jetson_kit.report.summary import DOCTOR, STATUS, VERIFY, Summary
from jetson_kit.verify import fleet as verify
from jetson_kit.verify.host_results import HostResult

EVIDENCE = "evidence"
PIECE = 1 << 20
"""Characters of base64 in a line of evidence."""
MOST_BYTES = 32 << 20
Send = Callable[[Summary], None]


def _verify(here: Here, request: Request, place: Path, send: Send) -> None:
    inventory = _inventory(here, request)
    releases = lines.releases(inventory)
    site = str(request["site"])
    options = verify.Options(
        tuple(map(str, request.get("tasks", ()))), str(request.get("level", ""))
    )

    def each(result: HostResult) -> None:
        send(lines.verified(site, result, place, releases))

    verify.run(inventory, options, folder=place, each=each)


def _doctor(here: Here, request: Request, place: Path, send: Send) -> None:
    site = str(request["site"])

    def each(result: doctor.Examined) -> None:
        document = result.diagnosis.document if result.diagnosis else None
        send(lines.examined(site, result, *_written(place, result.host, document)))

    doctor.run(_inventory(here, request), each=each)


def _status(here: Here, request: Request, place: Path, send: Send) -> None:
    inventory = _inventory(here, request)
    releases = lines.releases(inventory)
    for row in command.status(inventory).rows:
        evidence = _written(place, row.host, row.as_json())
        send(lines.looked_at(str(request["site"]), row, releases, time.time(), *evidence))


KINDS: Mapping[str, Callable[[Here, Request, Path, Send], None]] = {
    VERIFY: _verify,
    DOCTOR: _doctor,
    STATUS: _status,
}


def _inspect(here: Here, request: Request, payload: bytes) -> None:
    """Inspect all boards of the inventory; answer with a line for each, then the end."""
    del payload
    kind = str(request["kind"])
    if kind not in KINDS:
        raise BadInputError(f"there is no inspection {kind[:80]!r}", f"ask for {', '.join(KINDS)}")
    place = here.root / EVIDENCE / kind
    with disk_guard(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    guard, count = threading.Lock(), 0

    def send(summary: Summary) -> None:
        nonlocal count
        with guard:
            here.emit({"kind": "board", "board": summary.as_json()})
            count += 1

    with _beating(here, guard):
        KINDS[kind](here, request, place, send)
    here.emit({"kind": "end", "boards": count})


@contextlib.contextmanager
def _beating(here: Here, guard: threading.Lock) -> Iterator[None]:
    """Give signs of life while boards are at work."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_S):
            with guard:
                here.emit({"kind": "beat", "time": time.time()})

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _inventory(here: Here, request: Request) -> Path:
    return here.root / INVENTORY / named(request["inventory"])


def _written(place: Path, host: str, document: Mapping[str, Any] | None) -> tuple[str, int]:
    """Write evidence in place of a board's earlier one; return its sha256 and size, "" and 0."""
    if not NAMES.fullmatch(host):
        return "", 0
    path = place / f"{host}.json"
    if document is None:
        path.unlink(missing_ok=True)
        return "", 0
    text = json.dumps(document)
    with disk_guard(place):
        write_text(path, text)
    raw = text.encode()
    return hashlib.sha256(raw).hexdigest(), len(raw)


def _evidence(here: Here, request: Request, payload: bytes) -> None:
    """Send a board's evidence, packed, in pieces: that with the sha256 of the board's line."""
    del payload
    kind = str(request["kind"])
    if kind not in KINDS:
        raise BadInputError(f"there is no evidence of {kind[:80]!r}")
    host = named(request["host"])
    path = here.root / EVIDENCE / kind / f"{host}.json"
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise BadInputError(f"there is no evidence of {host} here", f"./inv sites.{kind} again")
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != request["sha256"]:
        raise IntegrityError(
            f"{host} was inspected again since: its evidence is another", f"./inv sites.{kind}"
        )
    text = base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode()
    for at in range(0, len(text), PIECE):
        here.emit({"kind": "piece", "data": text[at : at + PIECE]})
    here.emit({"kind": "end", "pieces": -(-len(text) // PIECE)})


VERBS: Mapping[str, Callable[[Here, Request, bytes], None]] = {
    "inspect": _inspect,
    "evidence": _evidence,
}
