"""Runs command lines of ./inv, each in a fork of this process, which has the kit loaded already.

Reads one JSON request a line from standard input and answers each with one line: see `Request`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import jetson_kit
import tasks
from jetson_kit.command_line import program

OUTPUT_MOST = 200_000
POLL_S = 0.01


@dataclass(frozen=True)
class Request:
    """A command line without `./inv`, where it runs, and how long it may, in seconds."""

    argv: list[str]
    folder: str
    environment: dict[str, str]
    limit_s: float
    signals: list[tuple[float, int]]


@dataclass(frozen=True)
class Answer:
    """How it ended: `code` is None at the limit; `left` are the processes that stayed behind."""

    code: int | None
    stdout: str
    stderr: str
    took_s: float
    left: list[str]


def load() -> None:
    """Import what the kit has, so that no fork has to; what can't be imported here is left out."""
    for package in pkgutil.walk_packages(jetson_kit.__path__, "jetson_kit."):
        if "worker" not in package.name and not package.name.endswith("__main__"):
            with contextlib.suppress(Exception):
                importlib.import_module(package.name)


def run(request: Request) -> Answer:
    """Run one command line in a fork and a session of its own."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            _become(request, out.fileno(), err.fileno())
        code = _wait(child, began, request)
        left = _session(child)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        return Answer(code, _text(out), _text(err), time.monotonic() - began, left)


def _become(request: Request, out: int, err: int) -> NoReturn:
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((nothing, out, err)):
            os.dup2(descriptor, number)
        os.chdir(request.folder)
        os.environ.clear()
        os.environ.update(request.environment)
        tempfile.tempdir = None
        sys.argv = ["inv", *request.argv]
        program.main(tasks.ns, sys.argv)
    except SystemExit as stop:
        sys.stdout.flush()
        os._exit(stop.code if isinstance(stop.code, int) else 1)
    except BaseException as error:
        print(f"Traceback: {error!r}", file=sys.stderr, flush=True)
    os._exit(99)


def _wait(child: int, began: float, request: Request) -> int | None:
    signals = list(request.signals)
    while (passed := time.monotonic() - began) < request.limit_s:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if signals and passed >= signals[0][0]:
            os.kill(child, signals.pop(0)[1])
        time.sleep(POLL_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _session(session: int) -> list[str]:
    """Return the names of the processes of a session that live on."""
    result = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            head, _, rest = entry.read_text(errors="replace").rpartition(")")
            fields = rest.split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                result.append(head.partition("(")[2])
    return result


def _text(stream: Any) -> str:  # a file
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    text: str = stream.read(OUTPUT_MOST).decode("utf-8", "backslashreplace")
    return text + (f"\n... {size} bytes" if size > OUTPUT_MOST else "")


def main() -> None:
    """Answer requests until standard input ends."""
    # From its first moment a fork ends at a signal, as a process does that just begins.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    load()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(run(Request(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
