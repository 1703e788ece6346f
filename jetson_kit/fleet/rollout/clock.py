"""The time of a rollout, and the user's wish to end it between two steps."""

from __future__ import annotations

import contextlib
import datetime
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from jetson_kit.fleet.rollout import live
from jetson_kit.fleet.rollout.steps import InterruptedRolloutError, TerminatedRolloutError


class RealClock:
    """The machine's time; the first Ctrl-C asks for an end, the second one is KeyboardInterrupt."""

    def __init__(self, say: live.View) -> None:
        self._stop = threading.Event()
        self._terminated = False
        self._say = say

    @property
    def stopping(self) -> bool:
        """Tell whether to stop after the current step."""
        return self._stop.is_set()

    def now(self) -> datetime.datetime:
        """Return the local time."""
        return datetime.datetime.now().astimezone()

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; less if the user wants an end."""
        self._stop.wait(seconds)

    @contextlib.contextmanager
    def interrupts(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM as the wish to stop between two steps."""

        def asked(number: int, frame: FrameType | None) -> None:
            del frame
            if self.stopping:
                raise KeyboardInterrupt
            self._terminated = number == signal.SIGTERM
            self._stop.set()
            self._say.say("stopping after this step; once more stops at once")

        kinds = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(kind, asked) for kind in kinds]
        try:
            yield
        except InterruptedRolloutError as error:
            if self._terminated:
                raise TerminatedRolloutError(error.message, error.cure) from error
            raise
        finally:
            for kind, old in zip(kinds, before, strict=True):
                signal.signal(kind, old)
