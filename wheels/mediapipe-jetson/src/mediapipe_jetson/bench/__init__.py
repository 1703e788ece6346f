"""`bench`: every backend that is here, by task, size and threads; the pipeline against a loop."""

from __future__ import annotations

from mediapipe_jetson.bench.command import main

__all__ = ["main"]
