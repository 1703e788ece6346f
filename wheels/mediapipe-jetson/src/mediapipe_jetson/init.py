"""A minimal init: process 1 starts one child, passes signals on, reaps, and ends as the child did.

The kernel ignores signals that process 1 does not handle, also a SIGSEGV that QEMU's user emulation
sends to itself: it would hang for ever. A child of it dies as anywhere else.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Optional

# Sent to a process by its own faults, or not to be blocked: passing them on makes no sense.
OWN = (
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGABRT,
    signal.SIGSYS,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
TERMINAL = 0


def fork() -> None:
    """Return in the child, which has the terminal and the signals as they were.

    The parent never returns: it exits as the child does, 128 + N where signal N ended it.
    """
    watched = signal.valid_signals() - set(OWN)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    child = os.fork()
    if not child:
        _take_terminal()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    code: Optional[int] = None
    while code is None:
        number = signal.sigwait(watched)
        if number == signal.SIGCHLD:
            code = _reap(child)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
    os._exit(code)


def _take_terminal() -> None:
    """Lead a process group of its own, to which a terminal's Ctrl-C goes: once, not by two ways."""
    # Only the foreground may take it, unless this is ignored.
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
        os.tcsetpgrp(TERMINAL, os.getpid())
    signal.signal(signal.SIGTTOU, handler)


def _reap(child: int) -> Optional[int]:
    """Reap every process that has ended; return the child's exit code if it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == child:
                ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                code = 128 + ended if ended else os.WEXITSTATUS(status)
    return code
