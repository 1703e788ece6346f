"""Capture, inference and output that overlap: `Pipeline(source, landmarker, sink).run()`."""

from __future__ import annotations

from mediapipe_jetson.pipeline.errors import (
    FrameError,
    PipelineError,
    SourceError,
    StageError,
    StuckError,
)
from mediapipe_jetson.pipeline.frame import Detected, Frame
from mediapipe_jetson.pipeline.pipeline import Pipeline
from mediapipe_jetson.pipeline.report import Report

__all__ = [
    "Detected",
    "Frame",
    "FrameError",
    "Pipeline",
    "PipelineError",
    "Report",
    "SourceError",
    "StageError",
    "StuckError",
]
