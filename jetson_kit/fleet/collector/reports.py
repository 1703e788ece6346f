"""Reports of boards: held against what may be believed, the last one of each kept."""

from __future__ import annotations

import datetime
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from jetson_kit.core.errors import BadInputError, BusyError, IntegrityError, StepFailedError
from jetson_kit.core.files import disk_guard, open_regular, write_text
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.core.reasons import why
from jetson_kit.core.text import plain
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.signing import Role

SCHEMA_FILE = SCHEMAS / "channel-report.schema.json"
ROLE = Role("mediapipe-jetson-board", "mediapipe-jetson-report", "")
LARGEST = 16 * 1024
# A board polls once in a minute at most.
EACH_S = 20.0
# Each signature is a process.
AT_A_TIME = 4
WAIT_S = 5.0
MOST_NAMED = 3
CURE = (
    "on the copied board: rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh; "
    "here: ssh-keygen -R its address, and provision it"
)
Keys = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Report:
    """What a board said last; `received` is our time, `time` the board's own, both in UTC."""

    board: str
    key: str
    number: int
    received: str
    time: str
    phase: str
    reason: str
    release: str
    image_id: str
    state: str
    verdict: str


class RefusedError(IntegrityError):
    """A report that is not believed."""


class Reports:
    """The reports of the boards whose keys are known, one file for each."""

    def __init__(
        self, folder: Path, keys: Keys, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._keys, self._clock = folder, own_keys(keys), clock
        self._guard = threading.Lock()
        self._slots = threading.BoundedSemaphore(AT_A_TIME)
        self._taken: dict[str, float] = {}

    def take(self, raw: bytes) -> Report:
        """Keep a report. Raises RefusedError for what is not believed, BusyError, StepFailedError.

        What costs nothing to see is looked at before any signature.
        """
        text, block, body = _read(raw)
        board, number = str(body["board"]), int(body["number"])
        if board not in self._keys:
            raise RefusedError(f"there is no board {plain(board, 60)}")
        self._check(board, number)
        key = self._signer(board, text, block)
        with self._guard:
            # Again: another thread may have taken the same one meanwhile.
            self._check(board, number)
            report = Report(
                board, key, number,
                datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                *(plain(body[name], 400) for name in (
                    "time", "phase", "reason", "release", "image_id", "state", "verdict")),
            )  # fmt: skip
            try:
                with disk_guard(self._folder):
                    self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                    write_text(self._folder / f"{board}.json", json.dumps(asdict(report)) + "\n")
            except OSError as error:
                raise StepFailedError(f"a report of {board} can't be kept: {why(error)}") from error
            self._taken[board] = self._clock()
        return report

    def _check(self, board: str, number: int) -> None:
        """Refuse what was taken before, and what comes too soon; a new key begins anew."""
        since = self._clock() - self._taken.get(board, -EACH_S)
        if since < EACH_S:
            raise BusyError(f"{board} reports more than once in {EACH_S:.0f} s")
        known = load(self._folder, board)
        same = known is not None and known.key in map(_fingerprint, self._keys[board])
        if known and same and number <= known.number:
            raise RefusedError(f"{board}: report {number} is none after {known.number}")

    def _signer(self, board: str, text: bytes, block: str) -> str:
        """Return the fingerprint of the board's key that signed. Raises RefusedError, BusyError."""
        if not self._slots.acquire(timeout=WAIT_S):
            raise BusyError("too many reports at once")
        try:
            for key in self._keys[board]:
                if signing.signed_by(text, block, key, ROLE):
                    return _fingerprint(key)
        finally:
            self._slots.release()
        raise RefusedError(f"a report in the name of {board} is not signed by its key")


def load(folder: Path, board: str) -> Report | None:
    """Return a board's last report, None without one, or with a damaged one."""
    try:
        with open_regular(folder / f"{board}.json", "remove it") as stream:
            body = json.loads(stream.read(LARGEST).decode())
        report = Report(**body)
        # As it was written: each of its kind, its time one with a zone.
        kinds = [isinstance(value, str) for name, value in body.items() if name != "number"]
        at = datetime.datetime.fromisoformat(report.received)
        good = all(kinds) and type(report.number) is int and at.tzinfo is not None
    except (BadInputError, OSError, ValueError, TypeError, RecursionError):
        return None
    return report if good else None


def _read(raw: bytes) -> tuple[bytes, str, dict[str, Any]]:
    """Return a report as it was signed, its signature, and what it says. Raises RefusedError."""
    try:
        outer = json.loads(raw)
        text, block = outer["report"], outer["signature"]
        if not isinstance(text, str) or not isinstance(block, str):
            raise TypeError("it has other than texts")  # noqa: TRY301 # told with the others
        # JSON can escape half a character, which nothing that is signed has.
        signed, _ = text.encode(), block.encode()
        body = json.loads(signed)
        _validator().validate(body)
        blocks = signing.blocks(block)
        if len(blocks) != 1:
            raise ValueError("it has no signature")  # noqa: TRY301
    except (
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
        jsonschema.ValidationError,
    ) as error:
        message = plain(getattr(error, "message", error), 100)
        raise RefusedError(f"this is no report: {message}") from None
    return signed, blocks[0], body


def _fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def own_keys(keys: Keys) -> dict[str, tuple[str, ...]]:
    """Return the keys of each board that no other one has: any other key could sign for both."""
    times = Counter(key for known in keys.values() for key in set(known))
    return {name: tuple(key for key in known if times[key] == 1) for name, known in keys.items()}


def shared_keys(keys: Keys) -> dict[str, list[str]]:
    """Return, for each board that has a key of others, those others."""
    holders: dict[str, set[str]] = {}
    for name, known in keys.items():
        for key in known:
            holders.setdefault(key, set()).add(name)
    rows = {
        name: set[str]().union(*(holders[key] for key in known)) - {name}
        for name, known in keys.items()
    }
    return {name: sorted(others) for name, others in rows.items() if others}


def shares(others: Sequence[str]) -> str:
    """Return what is wrong with a board whose ssh host key others have, too."""
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return f"has the ssh host key of {', '.join(others[:MOST_NAMED])}{more}, which signs nothing"


def check_keys(keys: Keys) -> None:
    """Raise BadInputError where no board could report."""
    if not any(keys.values()):
        raise BadInputError(
            "no key of any board is known here",
            "provision them from here first, or bring known_hosts of the machine that did",
        )
    if not any(own_keys(keys).values()):
        name, others = next(iter(shared_keys(keys).items()))
        raise BadInputError(f"no board has a key of its own: {name} {shares(others)}", CURE)


def keep_boards(folder: Path, keys: Keys) -> None:
    """Note whose reports are awaited, for the view of who is silent.

    Raises BadInputError where no board could report.
    """
    check_keys(keys)
    without = sorted(name for name, known in keys.items() if not known)
    shared = shared_keys(keys)
    with disk_guard(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        body = {"boards": sorted(keys), "without": without, "shared": shared}
        write_text(folder / "boards.json", json.dumps(body) + "\n")
