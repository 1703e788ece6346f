"""What is known of a running pipeline: one document for the page."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Optional

from mediapipe_jetson.camera.address import redacted
from mediapipe_jetson.live.board import Board
from mediapipe_jetson.live.picture import Picture
from mediapipe_jetson.live.verdict import Verdicts
from mediapipe_jetson.pipeline.draw import landmark_lists
from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.pipeline import Pipeline

SCHEMA = "mediapipe-jetson/live/1"


@dataclass(frozen=True)
class Backend:
    """What infers; `threads` is 0 where the backend chooses."""

    task: str
    backend: str
    threads: int = 0


def backend_of(landmarker: Any) -> Backend:  # noqa: ANN401 # any landmarker
    """Return what an application's landmarker runs on, as far as it tells."""
    kind = type(landmarker)
    name = getattr(landmarker, "__name__", kind.__name__)
    official = kind.__module__.startswith("mediapipe.")
    backend = getattr(landmarker, "backend", None) or ("mediapipe" if official else "application")
    threads = getattr(landmarker, "threads", 0)
    return Backend(str(name), str(backend), threads if isinstance(threads, int) else 0)


class State:
    """A pipeline once it is attached, the last verdict, and the board; read from any thread."""

    def __init__(self, verdicts: Verdicts, board: Board, picture: Optional[Picture]) -> None:
        self.verdicts, self.board, self.picture = verdicts, board, picture
        self.pipeline: Optional[Pipeline] = None
        self.backend = Backend("", "")
        self.with_results = 0
        self.last_frame_s = 0.0

    def attach(self, pipeline: Pipeline, backend: Backend) -> None:
        """Watch a pipeline that has not started."""
        self.backend, self.pipeline = backend, pipeline
        pipeline.observe(self._finished)

    def _finished(self, job: Detected) -> None:
        self.with_results += bool(landmark_lists(job.result))
        self.last_frame_s = time.time()
        if self.picture is not None:
            self.picture.offer(job)

    def document(self) -> dict[str, Any]:
        """Return the state as JSON's types; `time_s` is a clock that never goes back."""
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "state": "starting",
            "time_s": round(time.monotonic(), 3),
            **asdict(self.backend),
            "viewers": self.picture.viewers if self.picture else 0,
            "picture_problem": self.picture.problem if self.picture else "",
            "verdict": self.verdicts.read().as_json(),
            "board": self.board.document(),
        }
        if self.pipeline is not None:
            result |= self.pipeline.report().as_json()
            result["source"] = redacted(str(result["source"]))
            result["with_results"] = self.with_results
            result["state"] = "ended" if self.pipeline.ended else "running"
        return result
