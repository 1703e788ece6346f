"""Where results go. A sink is any function of a Detected; these are the ones most asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional, Union

from mediapipe_jetson.pipeline.errors import PipelineError
from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.sources import USUAL_RATE, opencv

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}


class SinkError(PipelineError):
    """What comes out can't be written."""


class Jpeg:
    """Encodes each frame as JPEG and keeps the last one: what a web page's stream would send."""

    def __init__(self, quality: int = 90) -> None:
        self.last: Optional[Any] = None
        self.quality = quality

    def __call__(self, job: Detected) -> None:
        """Encode one frame."""
        cv2 = opencv()
        done, self.last = cv2.imencode(
            ".jpg", job.frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        )
        if not done:
            raise SinkError(f"frame {job.frame.index} can't be encoded")


class VideoWriter:
    """Writes frames into a video file, .avi or .mp4; use it as a context, or close it.

    Raises SinkError if the file can't be written.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], rate: float = USUAL_RATE) -> None:
        self.path, self.rate = Path(path), rate
        if self.path.suffix not in CODECS:
            raise SinkError(f"{path} must end with {' or '.join(CODECS)}")
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise SinkError(f"no file can be written at {path}")
        self._writer: Optional[Any] = None
        self._size = (0, 0)

    def __call__(self, job: Detected) -> None:
        """Write one frame; the first one decides the size."""
        cv2 = opencv()
        height, width = job.frame.bgr.shape[:2]
        if self._writer is None:
            code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix])
            self._size = (width, height)
            self._writer = cv2.VideoWriter(str(self.path), code, self.rate, self._size)
            if not self._writer.isOpened():
                raise SinkError(f"{self.path} can't be written by this OpenCV")
        if (width, height) != self._size:
            raise SinkError(f"frame {job.frame.index} has not the size of the first one")
        self._writer.write(job.frame.bgr)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
