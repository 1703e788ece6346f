"""A stage's process: with an end, and time to put away what it made."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jetson_kit.core import stopping
from jetson_kit.core.paths import ROOT

STOPPED = 124
"""The exit code of what was stopped at its limit, as of timeout(1)."""
GRACE_S = 120.0
_running: set[subprocess.Popen[bytes]] = set()


def run(
    command: Sequence[str],
    output: int,
    until: float,
    more: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run a command until a monotonic time at most; return its exit code, or STOPPED."""
    here = Path(sys.executable).parent
    # Other environments' tests find uv, which is installed in this one.
    env = {**os.environ, **more, "PYTHONPATH": str(ROOT), "PATH": f"{here}:{os.environ['PATH']}"}
    # In a group of its own: what it needs to put things away is more than signals.py gives.
    with subprocess.Popen(
        command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=env, process_group=0
    ) as child:
        _running.add(child)
        # Threads wait for no longer than this.
        longest = min(threading.TIMEOUT_MAX, max(0.0, until - time.monotonic()))
        try:
            return child.wait(longest)
        except subprocess.TimeoutExpired:
            return STOPPED
        finally:
            _interrupt(child)
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(GRACE_S)
            finally:
                _kill(child)


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a process once, as Ctrl-C does: pytest says where it was, and puts things away."""
    if child in _running:
        _running.discard(child)
        child.send_signal(signal.SIGINT)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a process with what it left in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _insist(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        _kill(child)


def _interrupt_all() -> None:
    """Interrupt all, and kill those that take no notice: a thread waits for each."""
    for child in list(_running):
        _interrupt(child)
        late = threading.Timer(GRACE_S, _insist, (child,))
        late.daemon = True
        late.start()


stopping.ends_by(_interrupt_all)
