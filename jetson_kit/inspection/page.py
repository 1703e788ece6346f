"""One page of the boards of all sites; a board's evidence is fetched from its site when opened."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import written_aside
from jetson_kit.fleet.sites import home, inventory
from jetson_kit.fleet.sites.link import Link
from jetson_kit.inspection import result
from jetson_kit.inspection.at_site import EVIDENCE, MOST_BYTES, PIECE
from jetson_kit.report import index, read, rejudge, render, rows, serve, summary
from jetson_kit.report.summary import VERIFY, Summary
from jetson_kit.report.task import UNKNOWN
from jetson_kit.report.values import moment

SILENT_S, DEADLINE_S = 30.0, 300.0
# What a line has of its evidence, and of nothing else.
FROM_EVIDENCE = ("time_s", "image", "model", "versions")


def page(inspection: result.Inspection, sites: Path, title: str, *, served: bool = False) -> str:
    """Return the page of an inspection, as of now."""
    now = time.time()
    boards = tuple(board.at(now) for board in inspection.boards)
    problems = tuple((site.site, "; ".join(site.wrong)) for site in inspection.bad_sites)
    command = ("./inv", "sites.report", "-i", str(sites), "--of", inspection.kind, "--board")
    how = (*index.fixed_arguments(*command), (index.Of.SITE, "/", index.Of.HOST))
    return index.page(boards, index.Options(title, now, served, how, problems))


def write(inspection: result.Inspection, sites: Path, output: Path, title: str) -> int:
    """Write the page, whole or not at all; return its size in bytes. Raises DiskFullError."""
    return _written(output, page(inspection, sites, title))


def place_of(board: str) -> Path:
    """Return where the page of one board goes by default: beside the page of all of them."""
    site, _, host = (re.sub(r"[^A-Za-z0-9._-]", "_", part) for part in board.partition("/"))
    return Path("dist", f"sites-{site}-{host}.html")


def write_board(inspection: result.Inspection, sites: Path, board: str, output: Path) -> int:
    """Write the page of one board's evidence (SITE/HOST). Raises as evidence does."""
    site, _, host = board.partition("/")
    return _written(output, evidence(inspection, sites, site, host))


def run(inspection: result.Inspection, sites: Path, title: str, port: int) -> None:
    """Serve the page to this machine until the program is stopped."""
    text = page(inspection, sites, title, served=True)
    serve.run(text, lambda site, host: evidence(inspection, sites, site, host), port)


def evidence(inspection: result.Inspection, sites: Path, site: str, host: str) -> str:
    """Return the page of a board's evidence, as its site has it now.

    Raises BadInputError for a board without evidence, IntegrityError where the evidence is not
    what the board's line was made of, and what the site raises.
    """
    line = next(
        (board for board in inspection.boards if (board.site, board.host) == (site, host)), None
    )
    if line is None:
        raise BadInputError(f"there is no board {site}/{host}", "name it SITE/HOST")
    if not line.evidence:
        raise BadInputError(f"there is no evidence of {site}/{host}", "; ".join(line.reasons))
    content = fetch(line, sites)
    if line.kind != VERIFY:
        try:
            text = json.dumps(json.loads(content), indent=1)
        except (ValueError, RecursionError):
            raise IntegrityError(
                f"{site} sent damaged evidence of {host}", "look at the site itself"
            ) from None
        return serve.note(f"{host} at {site}", text)
    with tempfile.TemporaryDirectory(prefix="evidence-") as name:
        path = Path(name, f"{host}.json")
        path.write_bytes(content)
        answer = read.read(path)
        device = rows.device(answer, rejudge.judge([answer]).get(path), time.time(), line.expected)
    shown = _compared(device, line)
    place = f"{EVIDENCE}/{line.kind}/{host}.json in the folder of {site}, at the site"
    return render.page([shown], f"{host} at {site}", time.time(), alone=True, rest=lambda _: place)


def fetch(line: Summary, sites: Path) -> bytes:
    """Return a board's evidence from its site, and only that which its line names.

    Raises IntegrityError, and what the site raises.
    """
    known = inventory.load(sites)
    place = home.here()
    place.mesh.check(sites)
    link = Link(place.mesh, known.named(line.site)[0], SILENT_S, DEADLINE_S)
    request = {"verb": "evidence", "kind": line.kind, "host": line.host, "sha256": line.evidence}
    packed: list[str] = []
    for answer in link.lines(request, longest=PIECE + 100, total=2 * MOST_BYTES):
        if answer["kind"] == "piece":
            packed.append(str(answer.get("data")))
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(base64.b64decode("".join(packed), validate=True), MOST_BYTES)
    except (ValueError, zlib.error) as error:
        raise IntegrityError(f"{line.site} sent damaged evidence", "look there") from error
    if hashlib.sha256(content).hexdigest() != line.evidence:
        raise IntegrityError(
            f"{line.site} sent other evidence of {line.host} than its line was made of",
            "look there",
        )
    return content


def _compared(device: rows.Device, line: Summary) -> rows.Device:
    """Return a device with an alert where its evidence, judged here, is not what its line says.

    The verdict alone would let a site pass an old report for a new one, or one image for another.
    """
    own = summary.of_device(device, line.site)
    pairs = [(name, getattr(line, name), getattr(own, name)) for name in FROM_EVIDENCE]
    if device.state not in ("stale", "future"):
        pairs.insert(0, ("", line.verdict, device.verdict))
        pairs.append(("tasks", _tasks(line.tasks), _tasks(own.tasks)))
    alerts = [
        f"its site said {f'{name} ' if name else ''}{_describe(theirs)}, its evidence shows "
        f"{_describe(ours)} when judged here"
        for name, theirs, ours in pairs
        if theirs != ours
    ]
    if not alerts:
        return device
    return replace(
        device,
        state="contradicted",
        verdict=UNKNOWN,
        alerts=(*alerts, *device.alerts),
        as_expected=False,
    )


def _tasks(tasks: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {verdict}" for name, verdict in sorted(tasks.items()))


def _describe(value: object) -> str:
    if isinstance(value, Mapping):
        return _tasks(value) or "none"
    return moment(value) if isinstance(value, float) else str(value or "none")


def _written(output: Path, text: str) -> int:
    if output.is_dir():
        raise BadInputError(f"{output} is a folder", "give a file's name: --output PAGE.html")
    content = text.encode("utf-8", "replace")
    with written_aside(output) as aside:
        aside.write_bytes(content)
    return len(content)
