"""How long each stage worked and waited."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Any

# Percentiles are of the last so many frames: a camera runs for months.
MOST_SAMPLES = 4096
# Upper bounds of a histogram's buckets in seconds: about a frame at 100 a second, up to a stall.
BOUNDS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)


def percentile(samples: list[float], share: float) -> float:
    """Return the sample that `share` (0 to 1) of them don't exceed; 0.0 for none."""
    if not samples:
        return 0.0
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Histogram:
    """Counts durations by `bounds`: upper, inclusive, in seconds; the last count has no bound."""

    def __init__(self, bounds: tuple[float, ...] = BOUNDS_S) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_s += seconds


@dataclass(frozen=True)
class StageTimes:
    """One stage; times in milliseconds a frame.

    `cpu_ms` is the processor time of the stage's own thread, without what its library's threads
    used. `starved_ms` is the wait for the stage before, `blocked_ms` that for the stage after.
    """

    name: str
    frames: int
    mean_ms: float
    median_ms: float
    p99_ms: float
    cpu_ms: float
    starved_ms: float
    blocked_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in self.__dict__.items()
        }


class Clock:
    """Measures one stage from within its thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames = 0
        self.busy_s = self.cpu_s = self.starved_s = self.blocked_s = 0.0
        self.samples: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._mark = time.perf_counter()
        self._cpu = 0.0

    def restart(self) -> None:
        """Begin to count; the stage's thread calls it when it starts."""
        self._mark = time.perf_counter()

    def begin(self) -> None:
        """End the wait for an item: work on it begins."""
        now = time.perf_counter()
        self.starved_s += now - self._mark
        self._mark, self._cpu = now, time.thread_time()

    def end(self) -> None:
        """End the work on an item: it is handed on."""
        now = time.perf_counter()
        took = now - self._mark
        self.busy_s += took
        self.cpu_s += time.thread_time() - self._cpu
        self.samples.append(took)
        self.frames += 1
        self._mark = now

    def handed(self) -> None:
        """End the wait for the next stage, which took the item."""
        now = time.perf_counter()
        self.blocked_s += now - self._mark
        self._mark = now

    def times(self) -> StageTimes:
        """Return what was measured so far."""
        each = 1e3 / self.frames if self.frames else 0.0
        samples = list(self.samples)
        return StageTimes(
            self.name,
            self.frames,
            self.busy_s * each,
            percentile(samples, 0.5) * 1e3,
            percentile(samples, 0.99) * 1e3,
            self.cpu_s * each,
            self.starved_s * each,
            self.blocked_s * each,
        )
