"""Run a program; on failure raise one line with its last words."""

import os
import select
import subprocess
import time
from typing import Any, Dict, List, NamedTuple, Optional

from mediapipe_image.errors import FullError, StepFailedError, ToolMissingError

MOST_READ, BLOCK = 4 << 20, 1 << 16
# What the client says where the engine is gone, or went meanwhile.
AWAY = ("daemon running", "Cannot connect", "error during connect")


class Done(NamedTuple):
    """What a program answered."""

    code: int
    out: str
    err: str


def ask(words: List[str], timeout_s: float = 60.0, stdin: Optional[bytes] = None) -> Done:
    """Run a program and return its answer. Raises ToolMissingError or StepFailedError."""
    # Python 3.6 takes one of these names alone, whatever their values.
    given: Dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    try:
        done = subprocess.run(
            words,
            **given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolMissingError(f"the program {words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise _late(words, timeout_s) from error
    return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def silent(command: List[str], timeout_s: float) -> int:
    """Run a program whose words are nobody's, and may have no end; return its exit code.

    Raises ToolMissingError or StepFailedError.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        ).returncode
    except FileNotFoundError as error:
        raise ToolMissingError(f"the program {command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise _late(command, timeout_s) from error


def tail(command: List[str], limit: int, timeout_s: float) -> bytes:
    """Return the last `limit` bytes of what a program prints, however much that is.

    What comes after MOST_READ bytes or `timeout_s` seconds is not waited for. Raises
    ToolMissingError.
    """
    content, read = b"", 0
    deadline = time.monotonic() + timeout_s
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FileNotFoundError as error:
        raise ToolMissingError(f"the program {command[0]} is not installed") from error
    with process:
        assert process.stdout is not None  # noqa: S101 # as it is piped
        handle = process.stdout.fileno()
        # What it started may hold its end of the pipe open, whatever becomes of it.
        while (
            read < MOST_READ
            and select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
        ):
            block = os.read(handle, BLOCK)
            if not block:
                break
            read += len(block)
            content = (content + block)[-limit:]
        process.kill()
    return content


def run(words: List[str], timeout_s: float = 60.0, stdin: Optional[bytes] = None) -> str:
    """Run a program that must succeed; return what it printed."""
    done = ask(words, timeout_s, stdin)
    if done.code:
        raise failure(words, done)
    return done.out


def failure(words: List[str], done: Done) -> Exception:
    """Return the error for a program that failed."""
    last = ([line for line in done.err.splitlines() if line.strip()] or ["no words"])[-1]
    if "no space left" in done.err.lower():
        return FullError("{}: {}".format(" ".join(words[:2]), last), "free some space")
    if words[0] == "docker" and any(output in done.err for output in AWAY):
        return ToolMissingError(
            "the Docker Engine does not answer", "start it: systemctl start docker"
        )
    return StepFailedError("{} failed ({}): {}".format(" ".join(words[:2]), done.code, last))


def _late(words: List[str], timeout_s: float) -> StepFailedError:
    return StepFailedError(
        "{} gave no answer within {:.0f} s".format(" ".join(words[:2]), timeout_s)
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
