"""Frames of a live stream: one is worked on, the newest one waits, older ones are dropped.

As MediaPipe's FlowLimiterCalculator does with one frame in flight and one in the queue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Optional

LOG = logging.getLogger(__name__)


class LiveStream:
    """A thread that works on frames and hands on what comes out."""

    def __init__(self, work: Callable[..., Any], deliver: Callable[..., None]) -> None:
        """Take `work(*frame)` and `deliver(result, *frame)`; the thread starts with a frame."""
        self.work = work
        self.deliver = deliver
        self.changed = threading.Condition()
        self.waiting: Optional[tuple[Any, ...]] = None
        self.ending = False
        self.thread: Optional[threading.Thread] = None

    def send(self, *frame: Any) -> None:  # noqa: ANN401 # whatever `work` takes
        """Let a frame wait for its turn, in place of one that waits already."""
        with self.changed:
            self.waiting = frame
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="landmarker", daemon=True)
                self.thread.start()
            self.changed.notify()

    def close(self) -> None:
        """Finish the frames that were taken, then end; not waited for from its own thread."""
        with self.changed:
            self.ending = True
            self.changed.notify()
            thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self.changed:
                while self.waiting is None and not self.ending:
                    self.changed.wait()
                frame, self.waiting = self.waiting, None
            if frame is None:
                return
            try:
                result = self.work(*frame)
            except Exception:
                LOG.exception("a frame of the live stream failed")
                continue
            try:
                self.deliver(result, *frame)
            except Exception:
                LOG.exception("the result callback failed")
