"""One run at a time changes a channel's folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.errors import BadInputError, BusyError, StepFailedError

WAIT_S = 30.0
STEP_S = 0.1


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a channel's folder from reading it to the end of writing it; an end frees it.

    The lock is on the folder itself, so that it holds for all users and no web server has a file
    of it. Raises BadInputError, BusyError, or StepFailedError where folders have no locks.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BadInputError(
            f"{folder} is no channel: {error.strerror}", "begin one: --begin --owner KEY"
        ) from error
    try:
        end = time.monotonic() + WAIT_S
        while not _taken(handle, folder):
            if time.monotonic() >= end:
                raise BusyError(
                    f"another run has been changing {folder} for {WAIT_S:g} s",
                    "run this again when that has ended",
                )
            time.sleep(STEP_S)
        yield
    finally:
        os.close(handle)


def _taken(handle: int, folder: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StepFailedError(
            f"{folder} can't be locked: {error.strerror}",
            "publish in a folder on a local disk, and copy that to the server",
        ) from error
    return True
