"""An application that shows its pipeline: a video over and over, through MediaPipe's landmarker.

python live_application.py VIDEO MODEL [PASSWORD_FILE [VERIFY_REPORT]]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode
from mediapipe_jetson.live import serve
from mediapipe_jetson.pipeline import Detected, Pipeline

PER_SECOND = 24
FRAMES = 96


def pictures(frames: list[Any]) -> Iterator[Any]:
    """Give frames for ever, at a camera's pace."""
    while True:
        for frame in frames:
            yield frame.copy()
            time.sleep(1 / PER_SECOND)


def main(video: str, model: str, secret: str = "", report: str = "/proc/none") -> None:
    """Run until a signal."""
    capture = cv2.VideoCapture(video)
    frames = [capture.read()[1] for _ in range(FRAMES)]

    def untouched(job: Detected) -> None:
        # What is drawn for those who look is drawn into a copy.
        assert (job.frame.bgr == frames[job.frame.index % FRAMES]).all()

    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), running_mode=RunningMode.VIDEO
    )
    with FaceLandmarker.create_from_options(options) as landmarker:
        pipeline = Pipeline(pictures(frames), landmarker, untouched, policy="latest")
        with serve(pipeline, 0, password_file=secret or None, verify_report=report) as live:
            print(live.ports[0], flush=True)
            pipeline.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
