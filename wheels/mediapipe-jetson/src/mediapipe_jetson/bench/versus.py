"""The pipeline against MediaPipe called in a loop, on the same video, in turns.

A loop as most programs have it: read a frame, detect on MediaPipe's CPU path, draw, encode. Both
sides do the same work on each frame. In turns, so that what else the machine does hits both alike;
the speed-up is the median of the turns' ratios.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediapipe_jetson.choice.trials import REFERENCE, Points, distance
from mediapipe_jetson.pipeline import Detected, Pipeline, landmarkers
from mediapipe_jetson.pipeline.draw import draw_landmarks, landmark_lists
from mediapipe_jetson.pipeline.report import Report
from mediapipe_jetson.pipeline.sinks import Jpeg
from mediapipe_jetson.pipeline.sources import VideoFile, opencv

LOOP_STAGES = ("capture", "detect", "draw", "encode")


@dataclass(frozen=True)
class Side:
    """One way through the video; seconds of wall time, of the processor, and each frame's points.

    `stages_ms` is the mean time of each stage, per frame; `points` is empty where none were kept.
    """

    frames: int
    wall_s: float
    cpu_s: float
    stages_ms: dict[str, float]
    points: tuple[Points, ...]

    @property
    def fps(self) -> float:
        """Return frames a second."""
        return self.frames / self.wall_s


def points_of(result: Any) -> Points:  # noqa: ANN401
    """Return the landmarks of a result as fractions of the frame."""
    return [[[point.x, point.y] for point in item] for item in landmark_lists(result)]


def loop(video: Path, request: landmarkers.LandmarkerRequest, *, keep: bool = False) -> Side:
    """Run MediaPipe in a loop over the video; `keep` all results, as no program in use does."""
    mediapipe: Any = importlib.import_module("mediapipe")
    cv2 = opencv()
    source, encode = VideoFile(video), Jpeg()
    results: list[Any] = []
    frames, spent = 0, dict.fromkeys(LOOP_STAGES, 0.0)
    with landmarkers.make(request) as landmarker:
        begin, cpu = time.perf_counter(), time.process_time()
        mark = begin

        def passed(stage: str) -> None:
            nonlocal mark
            now = time.perf_counter()
            spent[stage] += now - mark
            mark = now

        for frame in source.frames():
            passed("capture")
            rgb = cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2RGB)
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
            job = Detected(frame, landmarker.detect_for_video(image, frame.timestamp_ms))
            passed("detect")
            draw_landmarks(job)
            passed("draw")
            encode(job)
            passed("encode")
            frames += 1
            if keep:
                results.append(job.result)
        wall_s, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    source.close()
    each = 1e3 / frames
    stages = {name: round(value * each, 3) for name, value in spent.items()}
    return Side(frames, wall_s, cpu_s, stages, tuple(map(points_of, results)))


def pipelined(
    video: Path, request: landmarkers.LandmarkerRequest, *, keep: bool = False
) -> tuple[Side, Report]:
    """Run the pipeline over the video; `keep` its results."""
    results: list[Any] = []
    encode = Jpeg()

    def sink(job: Detected) -> None:
        encode(job)
        if keep:
            results.append(job.result)

    with landmarkers.make(request) as landmarker:
        cpu = time.process_time()
        report = Pipeline(str(video), landmarker, sink, draw=draw_landmarks).run()
        cpu_s = time.process_time() - cpu
    stages = {stage.name: round(stage.mean_ms, 3) for stage in report.stages}
    points = tuple(map(points_of, results))
    return Side(report.done, report.wall_s, cpu_s, stages, points), report


def apart(first: Sequence[Points], other: Sequence[Points]) -> dict[str, Any]:
    """Return how far two runs over a video are apart, frame by frame.

    `worst` and `median` are of each frame's worst landmark, as a fraction of its object's size;
    `uneven` counts frames in which the two found not the same number of things.
    """
    far = [distance(mine, requested) for mine, requested in zip(first, other) if mine or requested]  # noqa: B905
    seen = sorted(value for value in far if value is not None)
    return {
        "frames": len(far),
        "uneven": len(far) - len(seen) + abs(len(first) - len(other)),
        "worst": round(seen[-1], 5) if seen else None,
        "p99": round(seen[int(0.99 * (len(seen) - 1))], 5) if seen else None,
        "median": round(statistics.median(seen), 5) if seen else None,
    }


def compare(
    video: Path,
    task: str,
    model: str,
    backend: str,
    threads: int,
    turns: int,
    *,
    rest_s: float = 0.0,
) -> dict[str, Any]:
    """Return both sides' rates over `turns` turns, their ratio, and how far results are apart.

    Each side begins after `rest_s` seconds: Linux takes 5 % of each second from programs at
    real-time priority that use all of it, which would slow the side with more threads alone.
    """
    opencv().setNumThreads(1)
    loops, pipes, reports = [], [], []
    theirs = landmarkers.LandmarkerRequest(task, model, REFERENCE)
    ours = landmarkers.LandmarkerRequest(task, model, backend, threads)
    for _ in range(turns):
        time.sleep(rest_s)
        loops.append(loop(video, theirs))
        time.sleep(rest_s)
        side, report = pipelined(video, ours)
        pipes.append(side)
        reports.append(report)
    ratios = [mine.fps / other.fps for mine, other in zip(pipes, loops)]  # noqa: B905
    best = max(range(turns), key=lambda turn: pipes[turn].fps)
    return {
        "task": task,
        "backend": backend,
        "threads": threads,
        "frames": loops[0].frames,
        "turns": turns,
        "speedup": round(statistics.median(ratios), 3),
        "speedups": [round(ratio, 3) for ratio in ratios],
        "loop": _side(loops),
        "pipeline": {
            **_side(pipes),
            "best_turn": {**reports[best].as_json(), "source": video.name},
        },
        "results": apart(
            pipelined(video, ours, keep=True)[0].points, loop(video, theirs, keep=True).points
        ),
    }


def _side(sides: Sequence[Side]) -> dict[str, Any]:
    rates = [side.fps for side in sides]
    best = sides[rates.index(max(rates))]
    return {
        "fps": round(statistics.median(rates), 2),
        "fps_samples": [round(rate, 2) for rate in rates],
        "cpu_ms": round(best.cpu_s / best.frames * 1e3, 3),
        "stages_ms": best.stages_ms,
    }
