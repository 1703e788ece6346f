"""Who uses the cache: every command a share of it, and one that prunes it alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from jetson_kit.core.errors import BadInputError, BusyError
from jetson_kit.core.paths import cache_home

NAME = "in-use.lock"
# The lock of this process: a file of its own would contradict it.
_held: list[int] = []


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Use the cache beside others; nothing is held where there is none yet or it can't be used."""
    handle = None
    with contextlib.suppress(OSError, BadInputError):
        if cache_home().is_dir():
            folder = cache_home() / "locks"
            folder.mkdir(exist_ok=True)
            handle = os.open(folder / NAME, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(handle, fcntl.LOCK_SH)
            _held.append(handle)
    try:
        yield
    finally:
        if handle is not None:
            with contextlib.suppress(ValueError):
                _held.remove(handle)
            os.close(handle)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Use the cache alone, within shared(). Raises BusyError where another command uses it."""
    for handle in _held:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            # What failed to grow may be gone: https://man7.org/linux/man-pages/man2/flock.2.html
            fcntl.flock(handle, fcntl.LOCK_SH)
            raise BusyError(
                "another command of the kit uses the cache", "run it again when that has ended"
            ) from error
    yield
