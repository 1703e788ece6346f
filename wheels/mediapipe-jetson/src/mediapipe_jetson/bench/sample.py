"""A video for boards that have none: the shipped photograph of a face, swaying."""

from __future__ import annotations

from pathlib import Path

from mediapipe_jetson.choice.trial import moving
from mediapipe_jetson.pipeline import Detected, Frame, landmarkers
from mediapipe_jetson.pipeline.sinks import VideoWriter
from mediapipe_jetson.pipeline.sources import opencv

NAME = "photograph-swaying.avi"
FRAMES = 270


def make(folder: Path, size: tuple[int, int], frames: int = FRAMES) -> Path:
    """Write the video (Motion JPEG) of frames (width, height) into a folder; return its path.

    Raises SinkError if this OpenCV can't.
    """
    picture = opencv().imread(str(landmarkers.tasks()["face"].picture))
    path = folder / NAME
    with VideoWriter(path) as writer:
        for index, bgr in enumerate(moving(picture, *size)):
            if index == frames:
                break
            writer(Detected(Frame(index, index, bgr, 0.0), None))
    return path
