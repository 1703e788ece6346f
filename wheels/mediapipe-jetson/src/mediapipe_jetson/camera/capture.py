"""A camera that reads as cv2.VideoCapture does, and comes back by itself within bounds."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from mediapipe_jetson.camera import gst_library, gstreamer, pipelines, rtsp_check
from mediapipe_jetson.camera.address import (
    ALLOWED,
    CSI,
    PIPELINE,
    RTSP,
    V4L2,
    Address,
    option,
    parse,
)
from mediapipe_jetson.camera.errors import (
    CameraEndedError,
    CameraError,
    CameraMissingError,
    CameraSourceError,
    FormatRefusedError,
)
from mediapipe_jetson.camera.gstreamer import Sample
from mediapipe_jetson.camera.opencv_reader import OpenCvReader, device_problem, opencv

# cv2.CAP_PROP_*, which are numbers there, too.
POS_MSEC, FRAME_WIDTH, FRAME_HEIGHT, FPS = 0, 3, 4, 5
TIMEOUT_S, RETRY_S = 5.0, 30.0
# How long a server may take to say what it has; a stop waits for that.
CHECK_S = 2.0
# A reader that could not be opened is tried again after so many seconds, then after twice as many.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0
Reader = Union[gstreamer.Reader, OpenCvReader]


@dataclass(frozen=True)
class Picture:
    """A frame: `bgr` of shape (height, width, 3), uint8; `taken_s` time.monotonic() of capture."""

    bgr: Any
    taken_s: float


class Capture:
    """An open source.

    `latest` gives the newest frame of a live source and drops older ones; without it up to 4 wait.
    A live source that stops is opened again for up to `retry_s` seconds; `timeout_s` bounds the
    wait for each frame. `error` is why no more frames came, None where the source just ended.
    Raises CameraError where the source can't be opened; its text has no credentials.
    """

    def __init__(
        self,
        source: Union[int, str, os.PathLike[str], Address],
        *,
        latest: bool = True,
        timeout_s: float = TIMEOUT_S,
        retry_s: float = RETRY_S,
        **options: Union[int, str],
    ) -> None:
        self.address = source if isinstance(source, Address) else parse(source)
        self.address = _with(self.address, options)
        self.name = self.address.shown
        self.latest, self.timeout_s, self.retry_s = latest, timeout_s, retry_s
        self.reconnects = 0
        self.error: Optional[CameraError] = None
        self._began_s = time.monotonic()
        self._stopped = threading.Event()
        self._lock = threading.RLock()  # `release` waits for a `next` in another thread
        opencv()
        reader, first = self._connect()
        self._reader: Optional[Reader] = reader
        self._held: Optional[Sample] = first
        self.live = reader.live
        height, width = first.bgr.shape[:2]
        self.size: tuple[int, int] = (width, height)
        self.fps = first.fps
        self._last_s = first.taken_s

    def isOpened(self) -> bool:  # noqa: N802 # as in OpenCV
        """Return whether frames may come."""
        return self._reader is not None or self._held is not None

    def read(self) -> tuple[bool, Optional[Any]]:
        """Return (True, frame), or (False, None) at the end; then `error` says whether it broke."""
        try:
            picture = self.next()
        except CameraError:
            return False, None
        return (True, picture.bgr) if picture else (False, None)

    def next(self) -> Optional[Picture]:
        """Return the next frame with its time; None at the end. Raises CameraError if it broke."""
        with self._lock:
            if self.error:
                raise self.error
            sample = self._sample()
            if sample is None:
                self._end()
                return None
            height, width = sample.bgr.shape[:2]
            self.size, self._last_s = (width, height), sample.taken_s
            return Picture(sample.bgr, sample.taken_s)

    def get(self, prop: int) -> float:
        """Return CAP_PROP_FRAME_WIDTH, _HEIGHT, _FPS (0 if unknown) or _POS_MSEC; else 0.0."""
        result = {
            FRAME_WIDTH: self.size[0],
            FRAME_HEIGHT: self.size[1],
            FPS: self.fps,
            POS_MSEC: (self._last_s - self._began_s) * 1000,
        }
        return float(result.get(prop, 0.0))

    def release(self) -> None:
        """Let go of the source, in bounded time; a second call does nothing."""
        self.stop()
        with self._lock:
            self._end()

    def stop(self) -> None:
        """End the wait for a frame, from any thread; the source stays open until `release`."""
        self._stopped.set()
        if isinstance(self._reader, OpenCvReader):
            self._reader.stop()

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __iter__(self) -> Iterator[Any]:
        """Give frames to the end. Raises CameraError where the source broke."""
        while (picture := self.next()) is not None:
            yield picture.bgr

    def _end(self) -> None:
        reader, self._reader, self._held = self._reader, None, None
        if reader is not None:
            reader.close()

    def _sample(self) -> Optional[Sample]:
        held, self._held = self._held, None
        if self._reader is None:
            return held
        if held is not None:
            if not self.live:
                return replace(held, taken_s=time.monotonic())  # it waited for its reader
            return (self._reader.newest() if self.latest else None) or held
        try:
            sample = self._reader.read(self.timeout_s)
            if sample is not None or self._stopped.is_set() or not self.address.live:
                return sample
            broke: CameraError = CameraEndedError(f"{self.name} gives no more frames")
        except CameraError as error:
            broke = error
        return None if self._stopped.is_set() else self._reconnect(broke)

    def _reconnect(self, broke: CameraError) -> Optional[Sample]:
        """Open it again, None after `stop`; raises the last reason after `retry_s` seconds."""
        self._end()
        deadline = time.monotonic() + (self.retry_s if self.address.live else 0)
        pause, tries = FIRST_PAUSE_S, 0
        last: CameraError = broke
        while time.monotonic() + pause < deadline:
            if self._stopped.wait(pause):
                return None
            pause, tries = min(pause * 2, LONGEST_PAUSE_S), tries + 1
            try:
                self._reader, sample = self._connect()
            except CameraMissingError as error:
                last = error
                break
            except CameraError as error:
                last = error
                continue
            self.reconnects += 1
            return sample
        second = f" (opened again {tries} times in {self.retry_s:g} s: {last})" if tries else ""
        self.error = CameraEndedError(f"{broke}{second}")
        raise self.error from last

    def _connect(self) -> tuple[Reader, Sample]:
        """Return a reader and its first frame, which proves that it works. Raises CameraError."""
        refused: Optional[CameraError] = None
        for make in self._readers():
            reader: Optional[Reader] = None
            try:
                reader = make()
                sample = reader.read(self.timeout_s)
            except FormatRefusedError as error:
                refused = error
                if reader:
                    reader.close()
                continue
            except BaseException:
                if reader:
                    reader.close()
                raise
            if sample is None:
                reader.close()
                raise CameraSourceError(f"{self.name} has no frame that can be decoded")
            return reader, sample
        raise refused or CameraMissingError(f"{self.name}: nothing here can decode it")

    def _readers(self) -> Iterator[Callable[[], Reader]]:
        """Yield functions that make readers, the best first."""
        address = self.address
        if address.kind == V4L2 and (problem := device_problem(address.place)):
            raise CameraSourceError(problem)
        if address.kind == RTSP:
            with rtsp_check.probe_codec(address, min(self.timeout_s, CHECK_S)) as codec:
                yield from self._by(codec)
        else:
            yield from self._by("")

    def _by(self, codec: str) -> Iterator[Callable[[], Reader]]:
        address = self.address
        if address.kind in (CSI, PIPELINE) or (self._streamer(codec) and gst_library.available()):
            gst_library.library()
            for launch in pipelines.candidates(address, gst_library.has):
                yield functools.partial(self._stream, launch)
        else:
            yield lambda: OpenCvReader(address, self.timeout_s, latest=self.latest)

    def _stream(self, launch: pipelines.Launch) -> Reader:
        address, settings = self.address, launch.settings
        return gstreamer.Reader(
            launch.text,
            address.shown,
            settings,
            latest=self.latest,
            live=address.live,
            stopped=self._stopped,
        )

    def _streamer(self, codec: str) -> bool:
        """Return whether GStreamer is the way: for devices, and for streams that it decodes."""
        if self.address.kind == V4L2:
            return True
        if self.address.kind != RTSP or not gst_library.available():
            return False
        if self.address.place.startswith("rtsps:"):
            return False  # GStreamer's TLS (glib-networking) is not in the kit's images
        # A server that tells its codec to known users alone: most cameras send H.264.
        return gst_library.has("rtspsrc") and pipelines.decodes(codec or "H264", gst_library.has)


def _with(address: Address, options: dict[str, Union[int, str]]) -> Address:
    """Return the address with options beside those that it has. Raises CameraSourceError."""
    allowed = ALLOWED.get(address.kind, ())
    for name in options:
        if name not in allowed:
            raise CameraSourceError(f"{address.shown} has no option {name!r}")
    more = {name: option(name, value) for name, value in options.items()}
    return Address(
        address.kind, address.place, address.shown, address.user, address.password,
        {**address.options, **more},
    )  # fmt: skip


def open_camera(
    source: Union[int, str, os.PathLike[str]],
    *,
    latest: bool = True,
    timeout_s: float = TIMEOUT_S,
    retry_s: float = RETRY_S,
    **options: Union[int, str],
) -> Capture:
    """Return an open source; options are `width`, `height`, `fps`, `flip` and `format`.

    Raises CameraError where it can't be opened, TypeError for what is no source.
    """
    return Capture(source, latest=latest, timeout_s=timeout_s, retry_s=retry_s, **options)
