"""The pipeline of `run` against MediaPipe's own loop, over one video, in turns; prints JSON.

python -m bench.app.speed_program VIDEO MODEL TURNS yes|no: `yes` runs both at real-time priority,
so that what else the machine does counts for neither. Backend and threads are those that `auto`
measures.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import cv2
from mediapipe_jetson.bench import versus
from mediapipe_jetson.choice import auto

TASK = "face"
REST_S = 1.5


def size_of(video: str) -> tuple[int, int]:
    """Return width and height of a video's frames."""
    capture = cv2.VideoCapture(video)
    return (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )


def main(video: str, model: str, turns: str, real_time: str) -> None:
    """Measure; print what versus.compare returns, and the threads' trials."""
    if real_time == "yes":
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    trials = auto.measure(TASK, Path(model), size_of(video), auto.candidates())
    best = auto.best(trials)
    if best is None:
        raise RuntimeError("no backend runs face rightly here")
    result: dict[str, Any] = versus.compare(
        Path(video), TASK, model, best.backend, best.threads, int(turns), rest_s=REST_S
    )
    rows = [
        {"backend": row.backend, "threads": row.threads, "median_ms": row.median_ms}
        for row in trials
        if row.ok
    ]
    print(json.dumps({**result, "trials": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
