"""The image's entry point: a command of this package, or any program with its arguments.

`docker run IMAGE selftest` runs our command, `docker run IMAGE python3 app.py` the user's program.
As process 1 it stays behind as an init, so that a fatal signal ends the container and signals and
orphans are dealt with also without `docker run --init`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Optional

from mediapipe_jetson import init
from mediapipe_jetson.__main__ import COMMANDS, main
from mediapipe_jetson.exit_codes import NOT_EXECUTABLE, NOT_FOUND
from mediapipe_jetson.usage import line

# Set by the service of boards: an engine reads two pipes in no order, so a traceback may come
# before what was printed before it.
ONE_OUTPUT = "MEDIAPIPE_JETSON_ONE_OUTPUT"


def start(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run what the arguments name; never returns."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if os.getpid() == 1:
        init.fork()
    if not argv or argv[0] in COMMANDS or argv[0].startswith("-"):
        sys.exit(main(argv))
    if os.environ.pop(ONE_OUTPUT, "") == "1":
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    try:
        os.execvp(argv[0], argv)  # noqa: S606
    except FileNotFoundError:
        known = ", ".join(COMMANDS)
        print(
            line(f"error: no program {argv[0]!r} in this image, and no command of it: {known}"),
            file=sys.stderr,
        )
        sys.exit(NOT_FOUND)
    except OSError as error:
        print(line(f"error: {argv[0]} can't be started: {error.strerror}"), file=sys.stderr)
        sys.exit(NOT_EXECUTABLE)


if __name__ == "__main__":
    start()
