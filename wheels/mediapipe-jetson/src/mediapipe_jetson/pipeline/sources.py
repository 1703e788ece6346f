"""Where frames come from: video files, cameras, streams, or any iterable of pictures."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional, Protocol, Union

from mediapipe_jetson.camera.address import FILE, parse
from mediapipe_jetson.camera.capture import Capture
from mediapipe_jetson.camera.errors import CameraEndedError, CameraError
from mediapipe_jetson.pipeline.errors import (
    FrameError,
    OpenCvMissingError,
    SourceEndedError,
    SourceError,
)
from mediapipe_jetson.pipeline.frame import Frame

# What a file without a believable rate, or pictures without times, count as.
USUAL_RATE = 30.0
MOST_RATE = 1000.0
# What OpenCV takes for the number in the name of an image sequence.
NUMBERED = r"%0?\d*[du]"


class Source(Protocol):
    """Gives frames, once."""

    @property
    def name(self) -> str:
        """Return what a person calls it."""
        ...

    @property
    def expected(self) -> Optional[int]:
        """Return how many frames it says that it has; None if it has no end or doesn't say."""
        ...

    @property
    def size(self) -> Optional[tuple[int, int]]:
        """Return width and height of its frames; None if it doesn't say."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Give its frames. Raises SourceError."""
        ...

    def close(self) -> None:
        """Let go of file or device; a second call does nothing."""
        ...


def opencv() -> Any:  # noqa: ANN401 # a module without types
    """Return OpenCV. Raises SourceError where it is not installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise OpenCvMissingError(f"OpenCV can't be imported: {error}") from error


class VideoFile:
    """A video file, or pictures that are numbered as in `frame%03d.jpg`.

    `paced` gives frames no faster than the file's own rate, as a camera would. Raises SourceError
    if it is not there or no video that OpenCV can read.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], *, paced: bool = False) -> None:
        self.name = str(path)
        cv2 = opencv()
        place = Path(path)
        try:
            sequence = is_sequence(self.name) and not place.exists()
            if not place.is_file() and not sequence:
                there = "no regular file" if place.exists() else "not there"
                kind = "a folder" if place.is_dir() else there
                raise SourceError(f"video {self.name} is {kind}")
        except OSError as error:
            raise SourceError(f"video {self.name}: {error.strerror}") from error
        self._capture = cv2.VideoCapture(str(place), cv2.CAP_IMAGES if sequence else cv2.CAP_ANY)
        if sequence and not self._capture.isOpened():
            raise SourceError(f"{self.name}: there is no picture with the number 0 or 1")
        if not self._capture.isOpened():
            raise SourceError(f"{self.name} is no video that this OpenCV can read")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= MOST_RATE else USUAL_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.expected = int(count) if math.isfinite(count) and 0 < count < 1 << 40 else None
        self.size = _size(cv2, self._capture)
        self.paced = paced

    def frames(self) -> Iterator[Frame]:
        """Give the file's frames; times follow from the file's rate.

        Raises SourceError if not one can be decoded.
        """
        begin = time.monotonic()
        index = 0
        while True:
            read, picture = self._capture.read()
            if not read:
                break
            if self.paced:
                time.sleep(max(0.0, begin + index / self.rate - time.monotonic()))
            stamp = int(index * 1000 / self.rate)
            yield Frame(index, stamp, picture, time.monotonic())
            index += 1
        if not index:
            raise SourceError(f"{self.name} has no frame that can be decoded")

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class Camera:
    """A live source, or a GStreamer pipeline: what `mediapipe_jetson.camera.open` takes.

    Its frames have the time of their capture, where the device tells it. Raises SourceError if it
    can't be opened.
    """

    expected: Optional[int] = None

    def __init__(self, device: Union[int, str]) -> None:
        opencv()
        try:
            self._capture = Capture(device)
        except CameraError as error:
            raise _source_error(error) from error
        self.name, self.size = self._capture.name, self._capture.size
        self.live = self._capture.live

    @property
    def reconnects(self) -> int:
        """Return how often it was lost and came back."""
        return self._capture.reconnects

    def frames(self) -> Iterator[Frame]:
        """Give frames to the end, which live sources don't have. Raises SourceError."""
        index, last, begin = 0, -1, None
        while True:
            try:
                picture = self._capture.next()
            except CameraError as error:
                raise _source_error(error) from error
            if picture is None:
                return
            begin = picture.taken_s if begin is None else begin
            last = max(int((picture.taken_s - begin) * 1000), last + 1)
            yield Frame(index, last, picture.bgr, picture.taken_s)
            index += 1

    def stop(self) -> None:
        """End the wait for a frame, from any thread."""
        self._capture.stop()

    def close(self) -> None:
        """Let go of the device."""
        self._capture.release()


def _source_error(error: CameraError) -> SourceError:
    """Return a camera's error as the pipeline's, with its exit code."""
    kind = SourceEndedError if isinstance(error, CameraEndedError) else SourceError
    result = kind(str(error))
    result.exit_code = error.exit_code
    return result


class Pictures:
    """Any iterable: of pictures as OpenCV has them (uint8, BGR), or of (picture, milliseconds).

    Pictures without times count as 30 a second.
    """

    name = "pictures"
    size: Optional[tuple[int, int]] = None

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items
        self.expected = len(items) if isinstance(items, (list, tuple)) else None

    def frames(self) -> Iterator[Frame]:
        """Give the pictures as frames."""
        for index, item in enumerate(self._items):
            if isinstance(item, Frame):
                yield item
                continue
            picture, stamp = item if isinstance(item, tuple) else (item, None)
            stamp = int(index * 1000 / USUAL_RATE) if stamp is None else stamp
            yield Frame(index, stamp, picture, time.monotonic())

    def close(self) -> None:
        """Leave the iterable alone: it is its maker's."""


def _size(cv2: Any, capture: Any) -> Optional[tuple[int, int]]:  # noqa: ANN401
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return (width, height) if width > 0 and height > 0 else None


def is_sequence(name: str) -> bool:
    """Return whether a name means numbered pictures, as OpenCV's image sequences do."""
    return bool(re.search(NUMBERED, Path(name).name))


def same_file(source: str, output: Path) -> bool:
    """Return whether writing `output` would destroy `source`, an open source's name.

    Whatever it is named, a file is known by its device and number: by a link, by `file://`, in a
    GStreamer pipeline. What this process has open counts, too.
    """
    try:
        there = output.stat()
    except OSError:
        return False
    places = [Path(source), *Path("/proc/self/fd").glob("*")]
    if is_sequence(source):
        places += Path(source).parent.glob(re.sub(NUMBERED, "*", Path(source).name))
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            if stat.S_ISREG(there.st_mode) and os.path.samestat(place.stat(), there):
                return True
    return False


def is_live(name: Union[int, str]) -> bool:
    """Return whether a source's name means a camera, stream or pipeline, or a file in its place."""
    try:
        address = parse(name)
    except CameraError:
        return True  # opening it says what is wrong with it
    return address.live or address.kind != FILE


def open_source(
    named: Union[int, str, os.PathLike[str], Source, Iterable[Any]], *, paced: bool = False
) -> Source:
    """Return the source that a number, a name, a path or an iterable means. Raises SourceError."""
    if isinstance(named, bool):
        raise TypeError("a source is a path, a camera's number, or an iterable of pictures")
    if isinstance(named, int):
        return Camera(named)
    if isinstance(named, str):
        return Camera(named) if is_live(named) else VideoFile(parse(named).place, paced=paced)
    if isinstance(named, os.PathLike):
        return VideoFile(named, paced=paced)
    if hasattr(named, "frames") and hasattr(named, "close"):
        return named  # type: ignore[return-value] # Python 3.9 can't ask for a protocol's parts
    if not hasattr(named, "__iter__"):
        raise TypeError(f"a source is a path, a camera's number or an iterable, not {type(named)}")
    return Pictures(named)


def usable(frame: Frame, last_ms: int) -> Frame:
    """Return the frame with three channels. Raises FrameError for one that can't be used.

    `last_ms` is the time of the last good one: MediaPipe takes only times that grow.
    """
    picture = frame.bgr
    shape = getattr(picture, "shape", None)
    if shape is None or getattr(picture, "dtype", None) != "uint8":
        kind = getattr(picture, "dtype", type(picture).__name__)
        raise FrameError(f"frame {frame.index} is {kind}, not an array of uint8")
    if 0 in shape:
        raise FrameError(f"frame {frame.index} is empty: its shape is {shape}")
    if not isinstance(frame.timestamp_ms, int) or frame.timestamp_ms <= last_ms:
        raise FrameError(
            f"frame {frame.index} is of {frame.timestamp_ms} ms, the one before of {last_ms} ms: "
            "times must grow"
        )
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
    if channels == 3:
        return frame
    if channels not in (1, 4):
        raise FrameError(f"frame {frame.index} has the shape {shape}, not (height, width, 3)")
    cv2 = opencv()
    code = cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR
    bgr = cv2.cvtColor(picture, code)
    return Frame(frame.index, frame.timestamp_ms, bgr, frame.taken_s)
