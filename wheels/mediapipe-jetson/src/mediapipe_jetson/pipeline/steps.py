"""A landmarker's work in steps that can overlap, whosever landmarker it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mediapipe_jetson.pipeline.frame import Detected, Frame
from mediapipe_jetson.pipeline.sources import opencv

# The methods of MediaPipe Tasks' classes that follow a video.
CALLS = ("detect_for_video", "recognize_for_video", "segment_for_video")
Step = Callable[[Detected], Detected]


@dataclass(frozen=True)
class Steps:
    """Names and functions, in order; each takes what the one before returned.

    Only one of them knows the frame before, so the others may be a frame ahead or behind.
    """

    named: tuple[tuple[str, Step], ...]


def steps_of(landmarker: Any) -> Steps:  # noqa: ANN401 # MediaPipe's classes have no types
    """Return the steps of MediaPipe's landmarker, of ours, or of a function of a Frame.

    Raises TypeError for what is none of these.
    """
    call = next((getattr(landmarker, name) for name in CALLS if hasattr(landmarker, name)), None)
    if call is not None:
        # Ours take arrays as they are; MediaPipe's want them wrapped, which copies.
        begin = getattr(landmarker, "begin_for_video", None)
        return _of_task(call) if begin is None else _of_ours(begin)
    if not callable(landmarker):
        raise TypeError(
            f"{type(landmarker).__name__} is no landmarker: it has none of {', '.join(CALLS)}"
        )
    return Steps((("detect", lambda job: Detected(job.frame, landmarker(job.frame))),))


def _of_task(call: Callable[[Any, int], Any]) -> Steps:
    cv2 = opencv()
    mediapipe: Any = importlib.import_module("mediapipe")

    def prepare(job: Detected) -> Detected:
        image = cv2.cvtColor(job.frame.bgr, cv2.COLOR_BGR2RGB)
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
        return Detected(job.frame, image)

    def detect(job: Detected) -> Detected:
        return Detected(job.frame, call(job.result, job.frame.timestamp_ms))

    return Steps((("preprocess", prepare), ("detect", detect)))


def _of_ours(begin: Callable[[Any, int], Callable[[], Any]]) -> Steps:
    """Return the steps of our landmarkers: the next frame is inferred while a result is made."""
    cv2 = opencv()

    def prepare(job: Detected) -> Detected:
        return Detected(job.frame, cv2.cvtColor(job.frame.bgr, cv2.COLOR_BGR2RGB))

    def detect(job: Detected) -> Detected:
        return Detected(job.frame, begin(job.result, job.frame.timestamp_ms))

    def convert(job: Detected) -> Detected:
        return Detected(job.frame, job.result())

    return Steps((("preprocess", prepare), ("detect", detect), ("convert", convert)))


def start(frame: Frame) -> Detected:
    """Return what the first step takes."""
    return Detected(frame, None)
