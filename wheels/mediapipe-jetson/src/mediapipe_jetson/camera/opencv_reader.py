"""OpenCV's own readers: files, and streams that GStreamer can't decode here.

A live stream is read by a thread that holds the newest frame alone.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote

from mediapipe_jetson.camera.address import FILE, RTSP, V4L2, Address
from mediapipe_jetson.camera.errors import (
    CameraEndedError,
    CameraMissingError,
    CameraSourceError,
)
from mediapipe_jetson.camera.gstreamer import Sample
from mediapipe_jetson.observation import one_line

# What FFmpeg buffers is delay.
FFMPEG = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
LOW_LATENCY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|max_delay;100000"
# Of a file that stands in for a camera and names no rate.
USUAL_RATE = 30.0
_environment = threading.Lock()


def opencv() -> Any:  # noqa: ANN401 # a module without types
    """Return OpenCV, which converts every frame. Raises CameraMissingError."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise CameraMissingError(f"OpenCV can't be imported: {one_line(error)}") from error


class OpenCvReader:
    """A capture of OpenCV's. Raises CameraSourceError, CameraMissingError."""

    def __init__(self, address: Address, timeout_s: float, *, latest: bool) -> None:
        cv2 = opencv()
        self.shown, self.live = address.shown, address.live
        self._capture = _open(cv2, address, timeout_s)
        if not self._capture.isOpened():
            self._capture.release()
            raise CameraSourceError(_why_not(address))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 0 < rate <= 1000 else 0.0
        self._address, self._timeout_s = address, timeout_s
        self._loops = "loop" in address.options
        self._due_s = time.monotonic()
        self._newest: Optional[Sample] = None
        self._ended = self._stop = False
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None
        if self.live and latest:
            self._thread = threading.Thread(target=self._follow, name="camera-read", daemon=True)
            self._thread.start()

    def read(self, timeout_s: float) -> Optional[Sample]:
        """Return the next frame, of a live stream the newest; None at the end.

        Raises CameraEndedError where a stream gives none in time.
        """
        if self._thread is None:
            sample = self._next()
            if sample is None and self.live:
                raise CameraEndedError(f"{self.shown} gives no more frames")
            return sample
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended or self._stop, timeout_s)
            sample, self._newest = self._newest, None
        if sample is None and not self._stop:
            why = "gives no more frames" if self._ended else f"gave no frame for {timeout_s:g} s"
            raise CameraEndedError(f"{self.shown} {why}")
        return sample

    def newest(self) -> Optional[Sample]:
        """Return a frame that waits; None where there is none."""
        with self._changed:
            sample, self._newest = self._newest, None
        return sample

    def stop(self) -> None:
        """End a `read` that waits for a thread, from any thread."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of it; a read that never returns is left to its thread."""
        self.stop()
        if self._thread is None:
            self._capture.release()
        else:
            self._thread.join(1.0)

    def _next(self) -> Optional[Sample]:
        if self._loops:
            time.sleep(max(0.0, self._due_s - time.monotonic()))
            self._due_s = time.monotonic() + 1 / (self.fps or USUAL_RATE)
        read, picture = self._capture.read()
        if not read and self._loops:
            self._capture.release()
            self._capture = _open(opencv(), self._address, self._timeout_s)
            read, picture = self._capture.read()
        return Sample(picture, time.monotonic(), self.fps) if read else None

    def _follow(self) -> None:
        while not self._stop:
            sample = self._next()
            with self._changed:
                self._newest, self._ended = sample or self._newest, sample is None
                self._changed.notify_all()
            if sample is None:
                break
        self._capture.release()


def _open(cv2: Any, address: Address, timeout_s: float) -> Any:  # noqa: ANN401
    limit = int(timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
    place = address.place
    if address.kind == FILE:
        path = Path(place)
        try:
            if path.is_dir() or ("%" not in path.name and not path.is_file()):
                kind = "a folder" if path.is_dir() else "not there"
                raise CameraSourceError(f"{place} is {kind}")
            sequence = "%" in path.name and not path.is_file()
        except OSError as error:
            raise CameraSourceError(f"{place}: {error.strerror}") from error
        return cv2.VideoCapture(place, cv2.CAP_IMAGES if sequence else cv2.CAP_ANY)
    if address.kind == V4L2:
        capture = cv2.VideoCapture(place, cv2.CAP_V4L2)
        for name, prop in (("width", 3), ("height", 4), ("fps", 5)):
            if name in address.options:
                capture.set(prop, address.options[name])
        return capture
    if address.kind != RTSP:
        return cv2.VideoCapture(place, cv2.CAP_FFMPEG, limits)
    if address.user:
        who = f"{quote(address.user, safe='')}:{quote(address.password, safe='')}@"
        place = place.replace("://", f"://{who}", 1)
    with _low_latency():
        return cv2.VideoCapture(place, cv2.CAP_FFMPEG, limits)


@contextlib.contextmanager
def _low_latency() -> Iterator[None]:
    """Set FFmpeg's options, which OpenCV takes from the environment alone, unless they are set."""
    with _environment:
        if FFMPEG in os.environ:
            yield
            return
        os.environ[FFMPEG] = LOW_LATENCY
        try:
            yield
        finally:
            os.environ.pop(FFMPEG, None)


def _why_not(address: Address) -> str:
    if address.kind == FILE:
        return f"{address.shown} is no video that this OpenCV can read"
    if address.kind == V4L2:
        return (
            device_problem(address.place)
            or f"{address.shown} can't be opened: in use, or no camera"
        )
    if address.kind == RTSP and address.user:
        return f"{address.shown} can't be opened: wrong user or password, or no video in it"
    return f"{address.shown} can't be opened: not there, or no video in it"


def device_problem(device: str) -> str:
    """Return why a device node can't be opened; "" where it can."""
    if not Path(device).exists():
        return f"camera {device} is not there: plugged in, and given to the container (--device)?"
    if not os.access(device, os.R_OK | os.W_OK):
        return (
            f"camera {device} is not yours to open: join its group, usually video "
            f"(--group-add $(stat -L -c %g {device}))"
        )
    return ""
