"""The counts of a pipeline's frames so far, and the time and processor time that it took."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Optional

from mediapipe_jetson.pipeline.channel import Channel
from mediapipe_jetson.pipeline.frame import Detected, Frame
from mediapipe_jetson.pipeline.report import Report
from mediapipe_jetson.pipeline.sources import Source
from mediapipe_jetson.pipeline.times import MOST_SAMPLES, Clock, Histogram, percentile

REASONS_KEPT = 5


class Tally:
    """Counts frames; each number is written by one thread alone."""

    def __init__(self) -> None:
        self.latency = Histogram()
        self._given = self._done = self._refused = 0
        self._refusals: list[str] = []
        self._latencies: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._began_s = self._began_cpu_s = 0.0
        self._took: Optional[tuple[float, float]] = None

    @property
    def began(self) -> bool:
        """Return whether the run began."""
        return bool(self._began_s)

    def begin(self) -> None:
        """Count time from now on."""
        self._began_s, self._began_cpu_s = time.perf_counter(), time.process_time()

    def end(self) -> None:
        """Count no more time."""
        self._took = self._spent()

    def gave(self) -> None:
        """Count a frame of the source."""
        self._given += 1

    def refuse(self, error: Exception) -> None:
        """Count a frame that can't be used."""
        self._refused += 1
        if len(self._refusals) < REASONS_KEPT:
            self._refusals.append(str(error))

    def finish(self, frame: Frame) -> None:
        """Count a frame that went through all stages."""
        self._done += 1
        took_s = time.monotonic() - frame.taken_s
        self._latencies.append(took_s)
        self.latency.observe(took_s)

    def report(
        self,
        source: Source,
        policy: str,
        channels: Sequence[Channel[Detected]],
        clocks: Sequence[Clock],
    ) -> Report:
        """Return what was done so far, or in the whole run once it has ended."""
        wall_s, cpu_s = self._took or self._spent()
        queues = tuple(channel.depth() for channel in channels)
        latencies = list(self._latencies)
        return Report(
            source=source.name,
            policy=policy,
            wall_s=wall_s,
            given=self._given,
            done=self._done,
            dropped=sum(queue.dropped for queue in queues),
            refused=self._refused,
            refusals=tuple(self._refusals),
            expected=source.expected,
            cores=cpu_s / wall_s if wall_s else 0.0,
            reconnects=getattr(source, "reconnects", 0),
            latency_median_ms=percentile(latencies, 0.5) * 1e3,
            latency_p99_ms=percentile(latencies, 0.99) * 1e3,
            stages=tuple(clock.times() for clock in clocks),
            queues=queues,
        )

    def _spent(self) -> tuple[float, float]:
        return time.perf_counter() - self._began_s, time.process_time() - self._began_cpu_s
