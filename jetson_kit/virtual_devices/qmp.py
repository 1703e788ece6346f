"""A client of QEMU's machine protocol (QMP), as far as a virtual device needs it.

Source of the form: QEMU's docs/interop/qmp-spec; each message is a line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.reasons import why

TIMEOUT_S = 20.0


class Monitor:
    """An open connection to a machine; QEMU serves one at a time."""

    def __init__(self, stream: socket.socket) -> None:
        self._lines = stream.makefile("rw", encoding="utf-8", newline="\n")
        self._read()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:  # noqa: ANN401
        """Run a command and return its answer. Raises StepFailedError."""
        try:
            self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._lines.flush()
            while "event" in (reply := self._read()):
                pass
        except (OSError, ValueError) as error:
            raise StepFailedError(f"the machine does not answer {command}: {why(error)}") from error
        if "error" in reply:
            raise StepFailedError(f"the machine refused {command}: {reply['error'].get('desc')}")
        return reply.get("return")

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("it closed the connection")
        reply: dict[str, Any] = json.loads(line)
        return reply


@contextlib.contextmanager
def connected(path: Path, timeout_s: float = TIMEOUT_S) -> Iterator[Monitor]:
    """Yield a connection to the machine whose socket is `path`. Raises StepFailedError."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(timeout_s)
        try:
            _connect(stream, path)
            monitor = Monitor(stream)
        except (OSError, ValueError) as error:
            raise StepFailedError(f"the machine of {path.parent.name} does not answer") from error
        yield monitor


def _connect(stream: socket.socket, path: Path) -> None:
    """Connect by a short name: a socket's address has room for some 100 bytes."""
    if not Path("/proc/self/fd").is_dir():
        stream.connect(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        stream.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
