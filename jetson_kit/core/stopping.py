"""An end that somebody asked for, as all threads see it: command_line/signals.py asks.

The main thread gets the exception. Others go on until they `check`, and it waits for them.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import IO, Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_whole: set[CodeType] = set()
_requested: list[int] = []
_cleaning: list[None] = []
spared: set[int] = set()
"""Children that end themselves at the next step: neither they nor theirs are made to end sooner."""
_hooks: dict[Callable[[], None], None] = {}


class StoppedError(KeyboardInterrupt):
    """A signal asks for an end; `number` is its own."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


def check() -> None:
    """Raise StoppedError in a thread if an end was asked for; long work calls this at each step.

    The main thread had its exception, and needs commands to clean up.
    """
    if _requested and not _cleaning and threading.current_thread() is not threading.main_thread():
        raise StoppedError(_requested[0])


def requested() -> bool:
    """Tell whether an end was asked for.

    What cleans up from then on starts its programs in sessions of their own: a second Ctrl-C,
    which the terminal sends to all, or a second SIGTERM to the group, would end them half done.
    """
    return bool(_requested)


def whole(function: Function) -> Function:
    """Have an end that is asked for wait until `function` has made or removed what it does.

    Of a generator that is each part beside its yield. All of tempfile waits so.
    """
    _whole.add(function.__code__)
    return function


def must_wait(frame: FrameType | None) -> bool:
    """Tell whether the main thread, being there, is in what must be whole."""
    while frame:
        if frame.f_code in _whole or frame.f_code.co_filename == tempfile.__file__:
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def cleaning() -> Iterator[None]:
    """Let threads run commands though an end was asked for: they clean up."""
    _cleaning.append(None)
    try:
        yield
    finally:
        _cleaning.pop()


class Stream:
    """A stream that is read until an end is asked for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises StoppedError."""
        check()
        return self._stream.read(size)


def ends_by(hook: Callable[[], None]) -> None:
    """Have `hook` end what a thread may be waiting for. It must not raise."""
    _hooks[hook] = None


def ask(number: int) -> None:
    """Ask for an end."""
    _requested.append(number)
    end()


def end() -> None:
    """Call all hooks."""
    for hook in list(_hooks):
        with contextlib.suppress(Exception):
            hook()
