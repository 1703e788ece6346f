"""The latest picture as JPEG, made only while somebody looks.

The pipeline's thread copies a frame when the encoder waits for one, and never waits itself. There
is one frame and one JPEG at any time, however many look and however slowly they read.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from mediapipe_jetson.observation import one_line
from mediapipe_jetson.pipeline.draw import draw_landmarks
from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.sources import opencv

QUALITY = 80
LONGEST_SIDE = 1280
MOST_RATE = 30.0


@dataclass(frozen=True)
class Shown:
    """A JPEG and what it was made of; `taken_s` is time.monotonic() of the frame's capture.

    `bgr` is a NumPy array (height, width, 3) of uint8; whoever reads it leaves it as it is.
    """

    jpeg: bytes
    index: int
    taken_s: float
    bgr: Any = field(repr=False, compare=False)


class Picture:
    """Call `offer` with each result; `shown` gives pictures to any number of threads."""

    def __init__(self, *, landmarks: bool = True, most_rate: float = MOST_RATE) -> None:
        self._cv2 = opencv()
        self._landmarks, self._interval_s = landmarks, 1 / most_rate
        self._changed = threading.Condition()
        self._viewers = 0
        self._waiting = self._closed = False
        self._job: Optional[Detected] = None
        self._shown: Optional[Shown] = None
        self.problem = ""
        """Why the last frame could not be shown."""
        self._thread = threading.Thread(target=self._encode, name="live-encoder", daemon=True)
        self._thread.start()

    @property
    def viewers(self) -> int:
        """Return how many look at it."""
        return self._viewers

    def offer(self, job: Detected) -> None:
        """Take a frame if the encoder waits for one; the array stays the pipeline's."""
        if not self._waiting:
            return
        copy = replace(job, frame=replace(job.frame, bgr=job.frame.bgr.copy()))
        with self._changed:
            self._waiting, self._job = False, copy
            self._changed.notify_all()

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Count as a viewer meanwhile."""
        with self._changed:
            self._viewers += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._viewers -= 1

    def shown(self, before: Optional[Shown], timeout_s: float) -> Optional[Shown]:
        """Return the latest picture: a new one, or `before` after `timeout_s`; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._shown is not before, timeout_s)
            return None if self._closed else self._shown

    @property
    def last(self) -> Optional[Shown]:
        """Return the picture that was made last, which may be old."""
        return self._shown

    @property
    def closed(self) -> bool:
        """Return whether no picture comes any more."""
        return self._closed

    def close(self) -> None:
        """End the encoder and whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _encode(self) -> None:
        due = time.monotonic()
        while True:
            with self._changed:
                while not (self._closed or self._job):
                    self._waiting = self._viewers > 0
                    self._changed.wait()
                job, self._job, self._waiting = self._job, None, False
                if self._closed or job is None:
                    return
            result = self._render(job)
            with self._changed:
                self._shown = result or self._shown
                self._changed.notify_all()
                due = max(due + self._interval_s, time.monotonic())
                self._changed.wait_for(lambda: self._closed, due - time.monotonic())

    def _render(self, job: Detected) -> Optional[Shown]:
        """Return the picture of a frame; None, and a problem, for a result of an unknown kind."""
        try:
            if self._landmarks:
                draw_landmarks(job)
            bgr = self._scaled(job.frame.bgr)
            _, jpeg = self._cv2.imencode(".jpg", bgr, [self._cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        except Exception as error:  # whatever an application's results raise
            self.problem = one_line(error)
            return None
        self.problem = ""
        return Shown(bytes(jpeg), job.frame.index, job.frame.taken_s, bgr)

    def _scaled(self, bgr: Any) -> Any:  # noqa: ANN401 # NumPy arrays
        height, width = bgr.shape[:2]
        scale = LONGEST_SIDE / max(height, width)
        if scale >= 1:
            return bgr
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return self._cv2.resize(bgr, size, interpolation=self._cv2.INTER_AREA)
