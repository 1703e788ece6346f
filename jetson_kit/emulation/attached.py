"""A container that is started with our streams and seen to its end: signals, the time limit."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from docker.errors import DockerException
from docker.models.containers import Container

from jetson_kit.core.errors import StepFailedError

TIMED_OUT = 124
# As long as `docker stop` gives a program to end after SIGTERM, before SIGKILL.
GRACE_S = 10
POLL_S = 1.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# si_code of a signal that a terminal's Ctrl-C made.
SI_KERNEL = 0x80


@dataclass(frozen=True)
class Ended:
    """How a command ended; `signal` is the last one that asked us for an end, 0 for none."""

    code: int
    signal: int = 0
    timed_out: bool = False


@dataclass
class _End:
    """What ended the command before it ended itself."""

    timed_out: bool = False
    signals: list[int] = field(default_factory=list)


def until_it_ends(container: Container, limit_s: float, output: int | None) -> Ended:
    """Start the container by the Docker client, which joins our streams to it; see it end."""
    client = subprocess.Popen(
        ["docker", "start", "--attach", "--interactive", str(container.id)],
        # Out of reach of Ctrl-C, after which it may leave before the command's last words. Reading
        # from a terminal it has to stay.
        process_group=None if sys.stdin.isatty() else 0,
        stdout=output,
        stderr=output,
    )
    try:
        end = _wait(client, container, limit_s)
    finally:
        if client.poll() is None:
            client.kill()
        client.wait()
    if end.timed_out:
        return Ended(TIMED_OUT, timed_out=True)
    container.reload()
    state = container.attrs["State"]
    if state.get("Error"):
        raise StepFailedError(f"the container did not start: {state['Error']}")
    last = (end.signals or [0])[-1]
    if state["Running"]:
        # Somebody detached from it, or it does not answer a signal.
        return Ended(128 + (last or signal.SIGHUP), last)
    return Ended(int(state["ExitCode"]), last)


def _wait(client: subprocess.Popen[bytes], container: Container, limit_s: float) -> _End:
    """Wait until client and container end; hand signals on, and stop the container at the limit."""
    watched = {*ENDING, signal.SIGCHLD}
    end = _End()
    until = time.monotonic() + limit_s if limit_s else float("inf")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        while client.poll() is None or (end.signals and _running(container)):
            left = until - time.monotonic()
            if left <= 0:
                end.timed_out = not end.signals
                with contextlib.suppress(DockerException):
                    container.stop(timeout=0 if end.signals else GRACE_S)
                return end
            seen = signal.sigtimedwait(watched, min(left, POLL_S))
            if seen is None or seen.si_signo == signal.SIGCHLD:
                continue
            # A terminal's Ctrl-C reaches a client in our process group too, which hands it on.
            if seen.si_code != SI_KERNEL or not sys.stdin.isatty():
                with contextlib.suppress(DockerException):
                    container.kill(signal=seen.si_signo)
            end.signals.append(seen.si_signo)
            until = min(until, time.monotonic() + GRACE_S)
        return end
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _running(container: Container) -> bool:
    with contextlib.suppress(DockerException):
        container.reload()
        return bool(container.attrs["State"]["Running"])
    return False
