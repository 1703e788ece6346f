"""The command line: picks the command; each command is a module of its own."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Optional

from mediapipe_jetson import __version__, exit_codes
from mediapipe_jetson.usage import line, program

USAGE = """\
usage: {program} COMMAND [options]

commands:
  info         say what is here: packages, CPU, L4T, module, driver, EGL, Vulkan, GL renderer
  selftest     find a face on the CPU and compare its 478 landmarks with those expected
  doctor       say why the GPU is not used, and what to do
  verify       say where inference runs: gpu, software, cpu, broken or unknown
  run          run a video or camera through a landmarker; say how fast, and what bounds it
  bench        measure every backend that is here, and the pipeline against MediaPipe in a loop
  engines      TensorRT engines: which fit here, and building them
  migrate      rewrite mp.solutions code to MediaPipe Tasks
  healthcheck  the container's health, in one line

Every command explains its options: {program} COMMAND --help
Exit codes: 0 all is well, 1 the verdict is negative, 2 wrong command line or file, 11 broken
"""
COMMANDS = (
    "info",
    "selftest",
    "doctor",
    "verify",
    "run",
    "bench",
    "engines",
    "migrate",
    "healthcheck",
)


class StoppedError(KeyboardInterrupt):
    """A signal asks for an end; what cleans up after Ctrl-C does so after it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit code; a failure is one line, never a traceback."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE.format(program=program()), end="")
        return 0
    if argv and argv[0] in ("-V", "--version"):
        print(f"mediapipe-jetson {__version__}")
        return 0
    if not argv or argv[0] not in COMMANDS:
        if argv:
            text = f"error: no command {argv[0]!r}; see {program()} --help"
            print(line(text), file=sys.stderr)
        else:
            print(USAGE.format(program=program()), end="", file=sys.stderr)
        return exit_codes.BAD_INPUT
    return run(argv[0], argv[1:])


def run(name: str, arguments: Sequence[str]) -> int:
    """Run one command; what goes wrong in it becomes one line and an exit code."""
    _stoppable()
    try:
        code = int(importlib.import_module(f"mediapipe_jetson.{name}").main(arguments))
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _unread()
    except BrokenPipeError:
        # What was not done is no success.
        code = exit_codes.SIGNAL + signal.SIGPIPE
        _unread()
    except KeyboardInterrupt as error:
        _error("stopped")
        code = exit_codes.of(error)
    except Exception as error:
        if os.environ.get("MEDIAPIPE_JETSON_DEBUG"):
            raise
        code = exit_codes.of(error)
        if code == exit_codes.BAD_INPUT and isinstance(error, OSError) and error.filename:
            _error(f"{os.fsdecode(str(error.filename))}: {error.strerror}; correct the path")
        else:
            _error(
                f"{name} failed: {type(error).__name__}: {error}; "
                "set MEDIAPIPE_JETSON_DEBUG=1 to see where"
            )
    return code


def _unread() -> None:
    """Write to nothing: Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _error(text: str) -> None:
    logs: Any = importlib.import_module("mediapipe_jetson.logs")
    logs.error(text)


def _stoppable() -> None:
    """Have SIGTERM and SIGHUP, where nobody ignores them, do what Ctrl-C does."""

    def stop(number: int, _frame: Optional[FrameType]) -> None:
        raise StoppedError(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
