"""How fast an application goes over its last frames, and whether that is within its limits.

The application writes it into the file of its health, once a second; the health check reads it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

FPS_VARIABLE = "MEDIAPIPE_JETSON_MIN_FPS"
LATENCY_VARIABLE = "MEDIAPIPE_JETSON_MAX_LATENCY_MS"
WINDOW_S = 10.0
SHARE = 0.95
# A file of numbers; what is longer is none of ours.
LARGEST = 4096
# What is written over another pace has its length: whoever reads meanwhile finds no rest of that.
WIDTH = 128


@dataclass(frozen=True)
class Pace:
    """Frames a second and the latency that 95 of 100 don't exceed, over so many seconds."""

    seconds: float
    fps: float
    latency_p95_ms: float

    def text(self) -> str:
        """Return it in words; the board's program reads them back."""
        return f"{self.fps:.1f} frames/s, p95 {self.latency_p95_ms:.1f} ms"


@dataclass(frozen=True)
class Limits:
    """What an application must keep; None is no limit."""

    min_fps: Optional[float] = None
    max_latency_ms: Optional[float] = None

    def __bool__(self) -> bool:
        return self != Limits()

    def problem(self, pace: Optional[Pace]) -> str:
        """Return which limit is not kept, or that it is not known yet; "" if all are."""
        if not self:
            return ""
        if pace is None:
            return "no frame was measured yet: its limits are not shown to be kept"
        if pace.seconds < WINDOW_S:
            return f"measured for {pace.seconds:.0f} s of {WINDOW_S:.0f}: {pace.text()}"
        if self.max_latency_ms is not None and pace.latency_p95_ms > self.max_latency_ms:
            return f"slower than its limit of {self.max_latency_ms:g} ms: {pace.text()}"
        if self.min_fps is not None and pace.fps < self.min_fps:
            return f"slower than its limit of {self.min_fps:g} frames/s: {pace.text()}"
        return ""


def limits(environment: Mapping[str, str]) -> Limits:
    """Return the limits that variables name. Raises ValueError for what is no positive number."""
    return Limits(*(_positive(environment, name) for name in (FPS_VARIABLE, LATENCY_VARIABLE)))


def _positive(environment: Mapping[str, str], name: str) -> Optional[float]:
    text = environment.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is no number above 0")
    return value


class Meter:
    """Counts one pipeline's frames over the last `window_s` seconds."""

    def __init__(
        self, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s, self._clock = window_s, clock
        self._began: Optional[float] = None
        self._frames: deque[tuple[float, float]] = deque()

    def frame(self, taken_s: float) -> None:
        """Count a frame that is finished now and was taken at `taken_s` of the clock."""
        now = self._clock()
        self._began = now if self._began is None else self._began
        self._frames.append((now, now - taken_s))
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._frames and self._frames[0][0] <= now - self._window_s:
            self._frames.popleft()

    def pace(self) -> Optional[Pace]:
        """Return how fast it goes; None before the first frame."""
        if self._began is None:
            return None
        now = self._clock()
        self._forget(now)
        seconds = min(now - self._began, self._window_s)
        fps = len(self._frames) / seconds if seconds else 0.0
        latencies = sorted(latency for _, latency in self._frames) or [0.0]
        worst = latencies[min(len(latencies) - 1, int(SHARE * len(latencies)))]
        return Pace(seconds, fps, worst * 1e3)


def slowest(paces: list[Pace]) -> Pace:
    """Return what an application of several pipelines keeps at least."""
    return Pace(
        min(pace.seconds for pace in paces),
        min(pace.fps for pace in paces),
        max(pace.latency_p95_ms for pace in paces),
    )


def write(path: Path, pace: Pace) -> None:
    """Replace the file by one that has the pace; readers never see half of it.

    Where it can't be replaced, as on a full disk or where it is a mount, it is written over. Raises
    OSError where that fails, too.
    """
    text = json.dumps(pace.__dict__)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink()
        _write_over(path, text.ljust(WIDTH).encode())


def _write_over(path: Path, content: bytes) -> None:
    """Write into a file as it lies, which needs no more space where it had as much content."""
    # A FIFO that nobody reads fails here, instead of stopping the application.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o644)
    try:
        os.write(handle, content)
        os.ftruncate(handle, len(content))
    finally:
        os.close(handle)


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def read(path: Path) -> Optional[Pace]:
    """Return what a file has; None where it has none, as one that a program only touches."""
    try:
        # A FIFO, which a program may have put there meanwhile, must not be waited for.
        with open(path, "rb", opener=_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None
            body = json.loads(stream.read(LARGEST))
        values = [float(body[name]) for name in Pace.__dataclass_fields__]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # whatever a program wrote
    return Pace(*values) if all(map(math.isfinite, values)) else None
