"""Speaks to a Receptor node by its control socket: a command is a line, so is its answer.

What receptorctl does, without a program for each command (a quarter of a second of the controller's
processor, six times for each site of a rollout) and with an end for each wait.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.reasons import why

WORK = "kit"
"""The only work type that a site has."""
CLIENT = "client"
"""How the node dials others: a name in its own settings."""
LIMIT_S = 60.0
LONGEST = 1 << 20
BLOCK = 1 << 14
GREETING = b"Receptor Control, node "
STREAMING = b"Streaming results for work unit "
CREATED = re.compile(rb"Work unit created with ID (\w+)\. Send stdin data and EOF\.")


def command(place: Path, *arguments: str) -> Mapping[str, Any]:
    """Return a command's answer. Raises StepFailedError."""
    with _connected(place) as client:
        client.sendall(" ".join(arguments).encode() + b"\n")
        return _document(_line(client))


def submit(place: Path, request: Mapping[str, str], payload: bytes) -> str:
    """Hand work to the node; return its unit. Raises StepFailedError."""
    with _connected(place) as client:
        body = {"command": "work", "subcommand": "submit", **request}
        client.sendall(json.dumps(body).encode() + b"\n")
        text = _line(client)
        match = CREATED.fullmatch(text)
        if not match:
            raise _refused(text)
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        _document(_line(client))
        return match[1].decode()


@contextlib.contextmanager
def results(place: Path, unit: str, at: int) -> Iterator[socket.socket]:
    """Return a connection with a unit's output from a byte on. Raises StepFailedError."""
    with _connected(place) as client:
        client.sendall(f"work results {unit} {at}\n".encode())
        text = _line(client)
        if not text.startswith(STREAMING):
            raise _refused(text)
        client.shutdown(socket.SHUT_WR)
        yield client


@contextlib.contextmanager
def _connected(place: Path) -> Iterator[socket.socket]:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT_S)
            client.connect(str(place))
            text = _line(client)
            if not text.startswith(GREETING):
                raise StepFailedError(f"receptor: {place} answers with {text[:80]!r}")
            yield client
    except OSError as error:
        raise StepFailedError(f"receptor: {place}: {why(error)}") from error


def _line(client: socket.socket) -> bytes:
    """Return a line without its end; what follows it stays for who reads on."""
    line = bytearray()
    while not line.endswith(b"\n"):
        seen = client.recv(BLOCK, socket.MSG_PEEK)
        if not seen or len(line) > LONGEST:
            raise StepFailedError(f"receptor ended in the middle of an answer: {line[:80]!r}")
        line += client.recv(seen.find(b"\n") + 1 or len(seen))
    return bytes(line).strip()


def _document(text: bytes) -> Mapping[str, Any]:
    if text.startswith(b"ERROR"):
        raise _refused(text)
    try:
        body: Mapping[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise StepFailedError(f"receptor answers with {text[:80]!r}") from None
    return body


def _refused(text: bytes) -> StepFailedError:
    message = text.decode(errors="replace").removeprefix("ERROR:").strip()
    return StepFailedError(f"receptor: {message[-300:]}")
