"""Work for a site over the mesh: a request goes there, JSON lines come back as they are written.

A request is a line of JSON and whatever bytes belong to it. Receptor keeps both and the answer on
disk at both ends, so a link that is cut in between only delays them.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import (
    DiskFullError,
    IntegrityError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.files import disk_guard
from jetson_kit.core.text import plain
from jetson_kit.fleet.sites import control

# As `work list` has them: succeeded, failed, canceled.
SUCCEEDED, ENDED = 2, (2, 3, 4)
LONGEST_LINE = 1 << 24
# As Go says ENOSPC.
NO_SPACE = "no space left"
# How Receptor tells of a command that a signal ended, as Go says it.
SIGNAL = "signal: "
HINT = "look at the site itself"
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """What a site may take for one answer: seconds, and bytes.

    A line is a sign of life; it lengthens `silent_s` and never `deadline_s`.
    """

    silent_s: float
    deadline_s: float
    line: int = LONGEST_LINE
    total: int = LONGEST_LINE


class SilentError(NetworkError):
    """A site gave no sign of life for its limit."""


class KilledError(StepFailedError):
    """A site's command was killed before it had answered; asked again it does the rest."""


class NodeDownError(ToolMissingError):
    """The controller's own node takes no requests."""


class OwnDiskFullError(DiskFullError):
    """The central controller's own disk is full: no site has failed by it."""


@contextlib.contextmanager
def own_disk() -> Iterator[None]:
    """Turn "no space left" here into an error that is none of a site's."""
    try:
        with disk_guard():
            yield
    except DiskFullError as error:
        raise OwnDiskFullError(error.message, error.cure) from error


@dataclass(frozen=True)
class Mesh:
    """The controller's node, by its socket."""

    socket: Path
    units: dict[str, str] = field(default_factory=dict)
    """The units that are on their way, and whose they are."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def check(self, sites: Path) -> None:
        """Refuse to begin while the controller's node is down. Raises NodeDownError."""
        if not self._answers():
            raise NodeDownError(
                "the controller's node is not running", f"start it: ./inv sites.up -i {sites}"
            )

    def ask(
        self,
        node: str,
        request: Mapping[str, Any],
        payload: bytes = b"",
        *,
        limits: Limits,
    ) -> Iterator[Line]:
        """Yield what a site answers, line by line.

        Raises SilentError for a site that is silent for too long or not done in time, and for the
        controller's own node likewise; StepFailedError where the site's Receptor refuses the work
        or its command could not run, KilledError where that was killed; IntegrityError for a line
        or an answer of too many bytes.
        """
        raw = json.dumps(request, sort_keys=True).encode() + b"\n" + payload
        end = time.monotonic() + limits.deadline_s
        unit = self._submit(node, raw, min(limits.silent_s, limits.deadline_s))
        with self.guard:
            self.units[unit] = node
        try:
            _judge((yield from self._lines(unit, node, limits, end)), node)
        finally:
            with contextlib.suppress(KitError):
                control.command(self.socket, "work", "force-release", unit)
            with self.guard:
                self.units.pop(unit, None)

    def _submit(self, node: str, raw: bytes, silent_s: float) -> str:
        """Hand work to the controller's node, which may be away for as long as a site may."""
        limit = time.monotonic() + silent_s
        request = {
            "node": node, "worktype": control.WORK, "tlsclient": control.CLIENT, "signwork": "true",
            "ttl": f"{max(1, round(silent_s))}s",
        }  # fmt: skip
        while True:
            before = self._identity()
            try:
                return control.submit(self.socket, request, raw)
            except KitError as error:
                if NO_SPACE in error.message.lower():
                    raise OwnDiskFullError(error.message, "free some space here") from error
                if self._answers() and self._identity() == before:
                    raise
            if time.monotonic() > limit:
                raise SilentError(f"the controller's node was not running for {silent_s:.0f} s")
            time.sleep(0.5)

    def _answers(self) -> bool:
        """Tell whether a process takes connections at the node's socket."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(control.LIMIT_S)
            client.connect(str(self.socket))
            return True
        return False

    def _identity(self) -> tuple[int, int]:
        """Return what differs once Receptor has started again: it makes its socket anew."""
        with contextlib.suppress(OSError):
            status = self.socket.stat()
            return status.st_ino, status.st_ctime_ns
        return 0, 0

    def _lines(
        self, unit: str, node: str, limits: Limits, until: float
    ) -> Generator[Line, None, Line]:
        """Yield the lines of a unit; return how Receptor saw it end.

        A connection that ended before all was printed is made again, and goes on at the line where
        that one was.
        """
        at, printed, last = 0, 0, time.monotonic()

        def limit() -> float:
            return min(last + limits.silent_s, until)

        while True:
            for line in self._printed(unit, at, limit, limits.line):
                printed = at + len(line)
                if not line.endswith(b"\n"):
                    break
                at, last = printed, time.monotonic()
                if at > limits.total:
                    raise IntegrityError(
                        f"{node} answers with more than {limits.total} bytes", HINT
                    )
                if last > until:
                    break
                yield _parsed(line, node)
            if time.monotonic() > until:
                raise SilentError(
                    f"{node} was not done within {limits.deadline_s:.0f} s", "a longer --deadline"
                )
            if (end := self._end(unit)) is not None and printed >= _size(end):
                return end
            if time.monotonic() - last > limits.silent_s:
                raise SilentError(f"{node} gave no sign of life for {limits.silent_s:.0f} s")
            time.sleep(0.5)

    def _printed(
        self, unit: str, at: int, until: Callable[[], float], longest: int
    ) -> Iterator[bytes]:
        """Yield a unit's lines from a byte on, as long as the connection lasts; see _split."""
        with contextlib.suppress(StepFailedError), control.results(self.socket, unit, at) as stream:
            yield from _split(stream, until, longest)

    def _end(self, unit: str) -> Line | None:
        """Return the state of a unit that has ended, None while it goes on."""
        with contextlib.suppress(KitError, ValueError):
            body: Line = control.command(self.socket, "work", "list", unit).get(unit, {})
            return body if body.get("State") in ENDED else None
        return None


def _size(end: Line) -> int:
    """Return how many bytes a unit printed, by Receptor's count of them."""
    size = end.get("StdoutSize")
    return size if isinstance(size, int) else 0


def _judge(end: Line, node: str) -> None:
    """Raise StepFailedError where Receptor itself refused the work, or it was cancelled."""
    detail = plain(end.get("Detail"))
    if end["State"] != SUCCEEDED and detail.startswith(SIGNAL):
        raise KilledError(f"{node}: its command ended by a {detail}"[:400], HINT)
    if end["State"] != SUCCEEDED and not detail.startswith("exit status"):
        raise StepFailedError(f"{node}: receptor: {_plain(detail)}"[:400])


def _split(stream: socket.socket, until: Callable[[], float], longest: int) -> Iterator[bytes]:
    """Yield lines of a connection with their ends, until it ends or the clock is past `until()`.

    The last one is without it where the connection ends in its middle. Raises IntegrityError for
    a line of more than `longest` bytes.
    """
    pending = b""
    while True:
        ready, _, _ = select.select([stream], [], [], max(0.0, until() - time.monotonic()))
        if not ready:
            return
        block = stream.recv(1 << 16)
        if not block:
            if pending:
                yield pending
            return
        *lines, pending = (pending + block).split(b"\n")
        for line in (*lines, pending):
            if len(line) > longest:
                raise IntegrityError(f"an answer has a line of more than {longest} bytes", HINT)
        for line in lines:
            yield line + b"\n"


def _parsed(line: bytes, node: str) -> Line:
    try:
        body = json.loads(line)
        if isinstance(body, dict) and isinstance(body.get("kind"), str):
            return body
    except (ValueError, RecursionError):
        pass
    raise StepFailedError(f"{node} answered with what is no answer: {line[:80]!r}")


def _plain(detail: str) -> str:
    """Return Receptor's reason, with what it most likely means where its words do not say."""
    if "token is expired" in detail:
        return f"{detail}; the site's clock is ahead by more than the signature of work is good"
    if "used before issued" in detail or "not valid yet" in detail:
        return f"{detail}; the site's clock is behind"
    return detail
