"""Ties a child to its parent: it is killed as soon as the parent has ended, however that ended.

It stands in a site's archive beside join_program.py and needs Python's standard library alone (3.8
or later).
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Callable  # noqa: UP035 # for Python 3.8

# prctl(2)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def tie() -> "Callable[[], None]":  # noqa: UP037 # for Python 3.8
    """Return what a child of this process runs before its program (preexec_fn)."""
    parent = os.getpid()

    def tied() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            # It ended before that.
            os._exit(128 + signal.SIGKILL)

    return tied
