"""Tells the channel's collector how this board fares: a signed report after each poll.

No update waits for it, or fails by it. The board signs with the key of its ssh server, which the
controller knows since it provisioned the board, in a namespace of its own.
"""

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any, ContextManager, Dict, NamedTuple, Optional

from mediapipe_image import (
    channel_files,
    channel_web,
    command,
    disk,
    service,
    sshsig,
    state_files,
    strict,
    trust,
)
from mediapipe_image.errors import (
    BadInputError,
    BusyError,
    HeldError,
    ImageError,
    StepFailedError,
    UnhealthyError,
)
from mediapipe_image.settings import Settings

SCHEMA = "mediapipe-jetson/channel-report/1"
NAMESPACE = "mediapipe-jetson-report"
NOTES = channel_files.FOLDER / "collector.json"
SSH = Path(disk.ROOT + "/etc/ssh")
KEYS = ("ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key")
# All of it, whatever the server does.
LIMIT_S = 20.0
# Notes are read and written in a moment.
LOCK_S = 5.0
MOST_WORDS = 400
MOST_NUMBER = 2**53 - 1


class Collector(NamedTuple):
    """Where reports go: an HTTPS address, and whose certificates count there (PEM; empty: all)."""

    url: str
    authority: str


NOBODY = Collector("", "")


def collector(body: Dict[str, Any]) -> Collector:
    """Return the collector that a channel's policy names; NOBODY where it names none that can be.

    It is no part of an update: a wrong one holds no board back.
    """
    try:
        made = Collector(strict.string(body, "collector"), strict.string(body, "collector_ca"))
        if made.url.startswith("https://"):
            channel_web.base(made.url)
            return made
    except (ValueError, BadInputError):
        pass
    return NOBODY


def note(made: Collector) -> None:
    """Remember where reports go: a poll that gets no metadata is reported, too."""
    with contextlib.suppress(ImageError, OSError), _locked():
        known = _notes()
        if (known["url"], known["authority"]) != made:
            disk.write_json(NOTES, dict(known, url=made.url, authority=made.authority))


def send(
    board: str,
    settings: Settings,
    body: Optional[Dict[str, Any]] = None,
    error: Optional[ImageError] = None,
) -> str:
    """Report what a poll came to; return why that could not be, "" where nothing is amiss.

    It ends after LIMIT_S seconds, and raises nothing.
    """
    if isinstance(error, BusyError):
        return "another run reports"
    result = ["the collector did not answer in time"]

    def work() -> None:
        try:
            result[0] = _send(board, settings, body or {}, error)
        except ImageError as fault:
            result[0] = fault.message
        except Exception as fault:  # no poll fails by its report
            result[0] = type(fault).__name__

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    return result[0]


def _send(board: str, settings: Settings, body: Dict[str, Any], error: Optional[ImageError]) -> str:
    with _locked():
        notes = _notes()
        if not notes["url"]:
            return ""
        # It only grows, whatever the clock does; a board whose disk was replaced goes on later.
        number = min(max(notes["number"] + 1, int(time.time())), MOST_NUMBER)
        disk.write_json(NOTES, dict(notes, number=number))
    text = json.dumps(_report(board, number, settings, body, error), sort_keys=True)
    packed = json.dumps({"report": text, "signature": _signature(text)})
    channel_web.post(notes["url"], notes["authority"], packed.encode("utf-8"))
    return ""


def _locked() -> ContextManager[None]:
    """Hold the notes: whoever writes them read them under the same lock. Raises BusyError."""
    return disk.locked("report", LOCK_S)


def _notes() -> Dict[str, Any]:
    with contextlib.suppress(ImageError, ValueError):
        body = disk.read_json(NOTES)
        if body is not None:
            return {
                "url": strict.string(body, "url"),
                "authority": strict.string(body, "authority"),
                "number": strict.number(body, "number", 0, MOST_NUMBER),
            }
    return {"url": "", "authority": "", "number": 0}


def _report(
    board: str, number: int, settings: Settings, body: Dict[str, Any], error: Optional[ImageError]
) -> Dict[str, Any]:
    current = state_files.read().current
    return {
        "schema": SCHEMA,
        "board": board,
        "number": number,
        "time": trust.now(),
        "phase": _phase(body, error),
        "reason": (error.message if error else str(body.get("why", "")))[:MOST_WORDS],
        "release": current.reference if current else "",
        "image_id": current.image_id if current else "",
        "state": current.state if current else "",
        "verdict": _verdict(settings),
    }


def _phase(body: Dict[str, Any], error: Optional[ImageError]) -> str:
    if error is None:
        return "changed" if body.get("changed") else "idle"
    if isinstance(error, HeldError):
        return "held"
    return "went-back" if isinstance(error, UnhealthyError) else "failed"


def _verdict(settings: Settings) -> str:
    """Return how the image's own check found it, or its unit's state."""
    try:
        seen = service.look(settings, probe=False)
    except ImageError:
        return "unknown"
    return (seen.health or seen.unit or "unknown")[:MOST_WORDS]


def _signature(text: str) -> str:
    """Sign by the key of the board's ssh server. Raises StepFailedError."""
    raw = text.encode("utf-8")
    for name in KEYS:
        if os.access(str(SSH / name), os.R_OK):
            words = ["ssh-keygen", "-Y", "sign", "-f", str(SSH / name), "-n", NAMESPACE]
            done = command.ask(words, stdin=raw)
            if done.code == 0:
                return done.out
            if sshsig.knows_no_signatures(done.err):
                return _by_openssl(raw)
    raise StepFailedError("no key of this board's ssh server signs; see ls -l /etc/ssh")


def _by_openssl(raw: bytes) -> str:
    from mediapipe_image import libcrypto

    try:
        private = (SSH / KEYS[0]).read_text(encoding="ascii")
        return libcrypto.sign(raw, private, NAMESPACE)
    except (OSError, ValueError) as error:
        raise StepFailedError(
            f"this board's OpenSSH can't sign (8.1 can), nor its OpenSSL by {SSH / KEYS[0]}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error
