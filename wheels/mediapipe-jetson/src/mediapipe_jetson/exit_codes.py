"""The exit codes of this package's programs; docs/exit-codes.md has those of all programs."""

from __future__ import annotations

import errno

DONE = 0
NEGATIVE = 1
BAD_INPUT = 2
MISSING = 3
INTEGRITY = 5
DISK_FULL = 6
FAILED = 7
BROKEN = 11
INTERNAL = 70
NOT_EXECUTABLE = 126
NOT_FOUND = 127
SIGNAL = 128
"""And the signal's number."""


def of(error: BaseException) -> int:
    """Return the code of an exception: its own `exit_code`, else by its kind."""
    own = getattr(error, "exit_code", None)
    if isinstance(own, int):
        return own
    if isinstance(error, KeyboardInterrupt):
        return SIGNAL + int(getattr(error, "number", 2))
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        # A path that leads nowhere, or that no file can have.
        no_path = (errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
        missing = isinstance(error, FileNotFoundError) or error.errno in no_path
        return DISK_FULL if full else BAD_INPUT if missing else FAILED
    if isinstance(error, ImportError):
        return MISSING
    return FAILED if isinstance(error, MemoryError) else INTERNAL
