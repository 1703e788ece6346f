"""What a channel wants of this board, and when: release, waves, windows, pause, way back."""

import hashlib
import re
import time
from typing import Any, Dict, List, NamedTuple, Tuple

from mediapipe_image import channel_report, strict, trust
from mediapipe_image.errors import IntegrityError

SCHEMA = "mediapipe-jetson/channel/1"
FILE = "channel.json"
WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
PLACE = re.compile(r"releases/[0-9a-z][0-9a-z-]{0,127}")
BUCKETS = 10_000
PERCENT = 100
MOST_WAVES = 100


class Policy(NamedTuple):
    """The document channel.json; times are UTC's texts, shares whole percentages."""

    # Folder of the release; empty: none is offered.
    release: str
    # From a moment on so many of a hundred boards take it, those of earlier waves among them.
    waves: Tuple[Tuple[int, str], ...]
    # Boards by name that are in from the first wave's moment on, whatever their share.
    canary: Tuple[str, ...]
    # Local times in which an image is switched; empty: always.
    window: str
    paused: bool
    # Images that boards must leave for their previous one.
    leave: Tuple[str, ...]
    # Moves boards to other places in the waves.
    seed: str
    # Where boards report to.
    collector: channel_report.Collector


def parse(raw: bytes) -> Policy:
    """Return a policy. Raises IntegrityError."""
    try:
        return _parsed(strict.loads(raw.decode("utf-8")))
    except ValueError as error:
        raise IntegrityError(f"{FILE} of the channel is damaged: {error}") from error


def _parsed(body: Dict[str, Any]) -> Policy:
    if body.get("schema") != SCHEMA:
        raise ValueError("it is of schema {}".format(body.get("schema")))
    rows = strict.mappings(body, "waves", MOST_WAVES)
    result = Policy(
        strict.string(body, "release"),
        tuple((strict.number(row, "share", 0, PERCENT), trust.moment(row, "from"))
              for row in rows),
        tuple(strict.strings(body, "canary", BUCKETS)),
        strict.string(body, "window"),
        # Anything else than a clear "no" holds boards.
        body.get("paused") is not False,
        tuple(strict.strings(body, "leave", BUCKETS)),
        strict.string(body, "seed"),
        channel_report.collector(body),
    )  # fmt: skip
    if result.release and not PLACE.fullmatch(result.release):
        raise ValueError("its release has no place")
    if result.window and not WINDOW.fullmatch(result.window):
        raise ValueError("its window is none")
    return result


def bucket(board: str, seed: str) -> int:
    """Return the place of a board in the waves, from 0 to 9999; it never changes."""
    raw = hashlib.sha256(f"{seed}\n{board}".encode()).digest()
    return int.from_bytes(raw[:8], "big") % BUCKETS


def turn(policy: Policy, board: str, now: str) -> str:
    """Return why a board's turn has not come, "" if it has."""
    begun = [share for share, start in policy.waves if now >= start]
    if not begun:
        return "no wave has begun"
    place = bucket(board, policy.seed)
    if board in policy.canary or place < max(begun) * (BUCKETS // PERCENT):
        return ""
    return f"its wave has not begun: {place / BUCKETS:.2%} is beyond {max(begun)} %"


def shut(policy: Policy, clock: time.struct_time) -> str:
    """Return why nothing is switched now, "" within the window."""
    result = WINDOW.fullmatch(policy.window)
    if not result:
        return ""
    numbers: List[int] = [int(item) for item in result.groups()]
    first, last = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    minute = clock.tm_hour * 60 + clock.tm_min
    within = first <= minute < last if first < last else minute >= first or minute < last
    return "" if within else f"it is outside {policy.window}"
