"""What bench/live.py measures: a pipeline at a camera's pace, served or not.

python -m bench.live_program VIDEO MODEL|- none|metrics|page SECONDS: without a model nothing
infers. It prints the ports, then the processor time that the process used, as a share of a core.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import threading
import time
from typing import Any

import cv2
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode
from mediapipe_jetson.live import serve
from mediapipe_jetson.pipeline import Frame, Pipeline

from bench.paced_video import pictures

SETTLE_S = 2.0


def nothing(frame: Frame) -> int:
    """Infer nothing: what is left is the pipeline itself and what serves it."""
    return frame.index


def cpu_s() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def landmarker(stack: contextlib.ExitStack, model: str) -> Any:  # noqa: ANN401 # it has no types
    """Return MediaPipe's landmarker."""
    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), running_mode=RunningMode.VIDEO
    )
    return stack.enter_context(FaceLandmarker.create_from_options(options))


def main(video: str, model: str, mode: str, seconds: str) -> None:
    """Run for so long; print JSON."""
    cv2.setNumThreads(1)
    with contextlib.ExitStack() as stack:
        used = nothing if model == "-" else landmarker(stack, model)
        pipeline = Pipeline(pictures(video), used, policy="latest")
        port = 0
        if mode == "page":
            port = stack.enter_context(serve(pipeline, 0)).ports[0]
        elif mode == "metrics":
            port = stack.enter_context(serve(pipeline, metrics=0)).ports[0]
        print(json.dumps({"port": port}), flush=True)
        threading.Timer(SETTLE_S + float(seconds), pipeline.stop).start()
        with pipeline:
            time.sleep(SETTLE_S)
            before, began = cpu_s(), time.monotonic()
            report = pipeline.wait()
            share = (cpu_s() - before) / (time.monotonic() - began)
    print(json.dumps({"cores": share, "frames": report.done, "dropped": report.dropped}))


if __name__ == "__main__":
    main(*sys.argv[1:])
