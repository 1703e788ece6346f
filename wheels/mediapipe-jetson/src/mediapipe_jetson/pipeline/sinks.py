"""Where results go. A sink is any function of a Detected; these are the ones most asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional, Union

from mediapipe_jetson.observation import counted
from mediapipe_jetson.pipeline.errors import PipelineError
from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.sources import USUAL_RATE, opencv

LOOK_EVERY = 25
LEAST_FREE = 1 << 16
CODECS = {".avi": "MJPG", ".mp4": "mp4v"}


class SinkError(PipelineError):
    """What comes out can't be written."""


class OutputError(SinkError):
    """A video can't have this name, or stand there."""

    exit_code = 2


class FullError(SinkError):
    """No space is left for what comes out."""

    exit_code = 6


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

    The file is written aside and takes its name when it is whole: one that was there stays until
    then. Raises SinkError if the file can't be written, or can't be read back when it is closed.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], rate: float = USUAL_RATE) -> None:
        self.path, self.rate, self.frames = Path(path), rate, 0
        if self.path.suffix not in CODECS:
            raise OutputError(f"{path} must end with {' or '.join(CODECS)}")
        # A link stays a link; what is no file (a device, a folder, a pipe) can't be replaced.
        self._whole = Path(os.path.realpath(self.path))
        special = self._whole.exists() and not self._whole.is_file()
        if special or not self._whole.parent.is_dir():
            raise OutputError(f"no file can be written at {path}")
        self._aside = self._whole.with_name(f".{self._whole.stem}-{os.getpid()}{self.path.suffix}")
        self._writer: Optional[Any] = None
        self._size = (0, 0)

    def __call__(self, job: Detected) -> None:
        """Write one frame; the first one decides the size."""
        cv2 = opencv()
        height, width = job.frame.bgr.shape[:2]
        if self._writer is None:
            code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix])
            self._size = (width, height)
            self._writer = cv2.VideoWriter(str(self._aside), code, self.rate, self._size)
            if not self._writer.isOpened():
                raise SinkError(f"{self.path} can't be written by this OpenCV")
        if (width, height) != self._size:
            raise SinkError(f"frame {job.frame.index} has not the size of the first one")
        # OpenCV does not tell when a frame can't be written.
        if self.frames % LOOK_EVERY == 0 and _free_bytes(self._whole.parent) < LEAST_FREE:
            raise FullError(
                f"no space is left for {self.path}, after {counted(self.frames, 'frame')}"
            )
        self._writer.write(job.frame.bgr)
        self.frames += 1

    def close(self) -> None:
        """Finish the file. Raises SinkError if it is not whole; then none is left of it."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        try:
            if self.frames:
                self._read_back()
                self._aside.replace(self._whole)
        except OSError as error:
            raise SinkError(f"{self.path} can't be written: {error.strerror}") from error
        finally:
            self._aside.unlink(missing_ok=True)

    def _read_back(self) -> None:
        """Raise SinkError unless the file has every frame."""
        cv2 = opencv()
        capture = cv2.VideoCapture(str(self._aside))
        try:
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
            capture.set(cv2.CAP_PROP_POS_FRAMES, self.frames - 1)
            if count != self.frames or not capture.read()[0]:
                raise SinkError(
                    f"{self.path} was cut short: {max(count, 0)} of "
                    f"{counted(self.frames, 'frame')} can be read back; is the disk full?"
                )
        finally:
            capture.release()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_error: object) -> None:
        try:
            self.close()
        except SinkError:
            # The first error is the one that is reported.
            if kind is None:
                raise


def _free_bytes(folder: Path) -> int:
    result = os.statvfs(folder)
    # A part is left to root alone.
    return (result.f_bavail if os.getuid() else result.f_bfree) * result.f_frsize
