"""What a pipeline did: rates, times, depths, and what bounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from mediapipe_jetson.observation import counted
from mediapipe_jetson.pipeline.channel import Depth
from mediapipe_jetson.pipeline.times import StageTimes


@dataclass(frozen=True)
class Report:
    """The whole run; seconds of wall time, milliseconds for latency from capture to the end.

    `given` frames came from the source: `done` went through all stages, `dropped` gave way to newer
    ones, `refused` could not be used (`refusals`: the first ones' reasons). `cores` is how many
    processor cores the whole process kept busy, `reconnects` how often a camera came back.
    """

    source: str
    policy: str
    wall_s: float
    given: int
    done: int
    dropped: int
    refused: int
    refusals: tuple[str, ...]
    expected: Optional[int]
    cores: float
    reconnects: int
    latency_median_ms: float
    latency_p99_ms: float
    stages: tuple[StageTimes, ...]
    queues: tuple[Depth, ...]

    @property
    def fps(self) -> float:
        """Return finished frames a second."""
        return self.done / self.wall_s if self.wall_s else 0.0

    @property
    def bound(self) -> str:
        """Return the stage that worked the longest: no other can make the whole faster."""
        if not self.done:
            return ""
        return max(self.stages, key=lambda stage: stage.mean_ms * stage.frames).name

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON's types."""
        return {
            "source": self.source,
            "policy": self.policy,
            "wall_s": round(self.wall_s, 3),
            "fps": round(self.fps, 2),
            "given": self.given,
            "done": self.done,
            "dropped": self.dropped,
            "refused": self.refused,
            "refusals": list(self.refusals),
            "expected": self.expected,
            "cores": round(self.cores, 2),
            "reconnects": self.reconnects,
            "latency_median_ms": round(self.latency_median_ms, 2),
            "latency_p99_ms": round(self.latency_p99_ms, 2),
            "bound": self.bound,
            "stages": [stage.as_json() for stage in self.stages],
            "queues": [queue.as_json() for queue in self.queues],
        }

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        left = [f"{self.dropped} dropped"] if self.dropped else []
        left += [f"{self.refused} refused"] if self.refused else []
        lost = f" ({', '.join(left)})" if left else ""
        result = [
            f"{self.done} of {counted(self.given, 'frame')} in {self.wall_s:.2f} s: "
            f"{self.fps:.1f} a second{lost}, {self.cores:.1f} cores busy",
            f"capture to result {self.latency_median_ms:.1f} ms, "
            f"{self.latency_p99_ms:.1f} ms at most for 99 of 100 frames",
            f"{'stage':<12}{'mean':>8}{'median':>8}{'p99':>8}{'cpu':>8}{'starved':>9}"
            f"{'blocked':>9}  ms a frame",
        ]
        result += [
            f"{stage.name:<12}{stage.mean_ms:>8.2f}{stage.median_ms:>8.2f}{stage.p99_ms:>8.2f}"
            f"{stage.cpu_ms:>8.2f}{stage.starved_ms:>9.2f}{stage.blocked_ms:>9.2f}"
            f"{'  <- bounds' if stage.name == self.bound else ''}"
            for stage in self.stages
        ]
        if self.reconnects:
            result.append(f"lost and opened again {counted(self.reconnects, 'time')}")
        result += [f"refused: {why}" for why in self.refusals]
        if self.expected is not None and self.given < self.expected:
            result.append(
                f"{self.source} says that it has {counted(self.expected, 'frame')}: cut short, "
                "or stopped"
            )
        return tuple(result)
