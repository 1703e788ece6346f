"""What a site answers, read as from somebody who may be stolen: checked, short, without escapes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jetson_kit.core import errors
from jetson_kit.core.errors import CheckFailedError, IntegrityError, KitError
from jetson_kit.core.text import plain

# An inventory's error names all of its faults.
MOST_MESSAGE, MOST_HINT, MOST_FACT = 2000, 400, 160
HINT = "look at the site itself: what it sends is not believed"
KINDS: Mapping[int, type[KitError]] = {
    kind.exit_code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, KitError)
}


@dataclass(frozen=True)
class Hello:
    """What a site says of itself; `ahead_s`: its clock against ours, in seconds."""

    kit: str
    version: str
    ahead_s: float
    free: int
    machine: str
    python: str


@contextlib.contextmanager
def read(site: str) -> Iterator[None]:
    """Read an answer in the block. Raises IntegrityError where it lacks what is read."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise IntegrityError(
            f"{site} sent a damaged answer: {plain(f'{type(error).__name__}: {error}', 120)}", HINT
        ) from error


def hello(site: str, body: Mapping[str, Any], protocol: int, now: float) -> Hello:
    """Return what a site says of itself; `now` is our time as it said so.

    Raises CheckFailedError for an older protocol, IntegrityError.
    """
    with read(site):
        if body["protocol"] != protocol:
            raise CheckFailedError(
                f"{site} speaks protocol {plain(body['protocol'], 40)}, this kit {protocol}",
                "let it join again: ./inv sites.join",
            )
        ahead_s = float(body["time"]) - now
        if not math.isfinite(ahead_s):
            raise ValueError("its time is none")
        kit, version, machine, python = (
            plain(body[name], MOST_FACT) for name in ("kit", "version", "machine", "python")
        )
        return Hello(kit, version, ahead_s, int(body["free"]), machine, python)


def sizes(site: str, body: Mapping[str, Any], files: Mapping[str, int]) -> dict[str, int]:
    """Return how much of each file a site has, of `files` by their sizes. Raises IntegrityError."""
    with read(site):
        result = {sha256: int(body["bytes"][sha256]) for sha256 in body["bytes"] if sha256 in files}
        if any(not 0 <= count <= files[sha256] for sha256, count in result.items()):
            raise ValueError("it has more of a file than there is")
        return result


def lacking(site: str, body: Mapping[str, Any], files: Mapping[str, int]) -> dict[str, int]:
    """Return the files that a site lacks, and how much it has of each, of `files` by their sizes.

    Raises IntegrityError.
    """
    with read(site):
        rows = {str(row["sha256"]): row for row in body["lacking"]}
        if unknown := sorted(rows.keys() - files.keys()):
            raise ValueError(f"it lacks {unknown[0]}, which is none of the release")
        result = {sha256: int(row["held"]) for sha256, row in rows.items()}
        if any(not 0 <= held < files[sha256] for sha256, held in result.items()):
            raise ValueError("it lacks a file of which it has all, or more than there is")
        return result


def failure(site: str, line: Mapping[str, Any]) -> KitError:
    """Return the error that a site raised."""
    code = line.get("exit_code")
    kind = KINDS.get(code, CheckFailedError) if isinstance(code, int) else KINDS[7]
    message = plain(line.get("message"), MOST_MESSAGE) or "no reason given"
    return kind(f"{site}: {message}", plain(line.get("hint"), MOST_HINT))
