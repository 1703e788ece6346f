"""The command line: picks the command; each command is a module of its own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Optional

from mediapipe_jetson import __version__

USAGE = """\
usage: python -m mediapipe_jetson COMMAND [options]

commands:
  info         say what is here: packages, CPU, L4T, module, driver, EGL, Vulkan, GL renderer
  selftest     find a face on the CPU and compare its 478 landmarks with those expected
  doctor       say why the GPU is not used, and what to do
  verify       say where inference runs: gpu, software, cpu, broken or unknown
  engines      TensorRT engines: which fit here, and building them
  run          run a video or camera through a landmarker; say how fast, and what bounds it
  bench        measure every backend that is here, and the pipeline against MediaPipe in a loop
  healthcheck  the container's health, in one line

Every command explains its options: python -m mediapipe_jetson COMMAND --help
Exit codes: 0 all is well, 1 the verdict is negative, 2 broken, 3 wrong command line
"""
COMMANDS = ("info", "selftest", "doctor", "verify", "engines", "run", "bench", "healthcheck")
BROKEN = 2
WRONG_USAGE = 3


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit code; a failure is one line, never a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if words and words[0] in ("-V", "--version"):
        print(f"mediapipe-jetson {__version__}")
        return 0
    if not words or words[0] not in COMMANDS:
        wrong = f"error: no command {words[0]!r}\n\n" if words else ""
        print(f"{wrong}{USAGE}", end="", file=sys.stderr)
        return WRONG_USAGE
    return run(words[0], words[1:])


def run(name: str, words: Sequence[str]) -> int:
    """Run one command; what goes wrong in it becomes one line and an exit code."""
    code = BROKEN
    try:
        code = int(importlib.import_module(f"mediapipe_jetson.{name}").main(words))
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        code = 130
    except Exception as error:
        if os.environ.get("MEDIAPIPE_JETSON_DEBUG"):
            raise
        text = " ".join(str(error).split())
        print(
            f"error: {name} failed: {type(error).__name__}: {text}; "
            "set MEDIAPIPE_JETSON_DEBUG=1 to see where",
            file=sys.stderr,
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
