"""One GStreamer pipeline that ends in an appsink, read frame by frame."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from dataclasses import dataclass
from typing import Any, Optional

from mediapipe_jetson.camera.address import redacted
from mediapipe_jetson.camera.errors import (
    CameraEndedError,
    CameraError,
    CameraMissingError,
    CameraSourceError,
    FormatRefusedError,
)
from mediapipe_jetson.camera.gst_library import BufferHead, Error, Map, library, table
from mediapipe_jetson.observation import one_line

# Caps in quotes, as they stand behind gst-launch in a shell: a syntax error to the library.
QUOTED = re.compile(r"\s!\s*[\"']")

SINK, SOURCE = "mediapipe_sink", "mediapipe_source"
NULL, READY, PAUSED, PLAYING = 1, 2, 3, 4
FAILURE, NO_PREROLL = 0, 3
ERROR = 1 << 1
TIME_FORMAT = 3
MAP_READ = 1
NS = 10**9
NEVER = (1 << 64) - 1
# How long one look for a frame lasts before errors are looked for.
SLICE_S = 0.05
# A pipeline whose driver never answers is left behind after this.
STOP_S = 5.0


@dataclass(frozen=True)
class Sample:
    """A frame: `bgr` is its own array of shape (height, width, 3), uint8.

    `taken_s` is time.monotonic() of its capture, where the source is live; `fps` 0.0 if not known.
    """

    bgr: Any
    taken_s: float
    fps: float


class Reader:
    """A running pipeline; a `read` ends once `stopped` is set.

    Raises CameraSourceError for a text that is no pipeline, CameraMissingError for a missing
    element, FormatRefusedError for caps that don't meet, CameraError for what its elements report.
    """

    def __init__(
        self,
        text: str,
        shown: str,
        settings: dict[str, str],
        *,
        latest: bool,
        live: bool,
        stopped: threading.Event,
    ) -> None:
        self._gst = library()
        self.shown = shown
        self._closed, self._stopped = threading.Event(), stopped
        self._pipeline = self._launch(text)
        self._sink = self._gst.gst_bin_get_by_name(self._pipeline, SINK.encode())
        self._bus = self._gst.gst_element_get_bus(self._pipeline)
        source = self._gst.gst_bin_get_by_name(self._pipeline, SOURCE.encode())
        if not self._sink:
            self.close()
            raise CameraSourceError(f"{shown}: the pipeline must end in an appsink")
        for name, value in settings.items() if source else ():
            self._gst.gst_util_set_object_arg(source, name.encode(), value.encode())
        if source:
            self._gst.gst_object_unref(source)
        clock = self._gst.gst_system_clock_obtain()
        self._gst.gst_pipeline_use_clock(self._pipeline, clock)  # that of time.monotonic()
        self._gst.gst_object_unref(clock)
        # Whether frames come at their own pace shows on the way to PAUSED.
        state = self._gst.gst_element_set_state(self._pipeline, PAUSED)
        self.live = live or state == NO_PREROLL
        drop = latest and self.live
        self._set("max-buffers", "1" if drop else "4")
        self._set("drop", "true" if drop else "false")
        if self.live:
            self._set("sync", "false")
        if state != FAILURE:
            state = self._gst.gst_element_set_state(self._pipeline, PLAYING)
        if state == FAILURE:
            try:
                self._check(0.5)
                raise CameraError(f"{shown} can't be started")
            finally:
                self.close()

    def read(self, timeout_s: float) -> Optional[Sample]:
        """Return the next frame; None at the end or after `stop`.

        Raises CameraError, CameraEndedError where none comes within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not self._stopped.is_set():
            sample = self._gst.gst_app_sink_try_pull_sample(self._sink, int(SLICE_S * NS))
            if sample:
                try:
                    return self._frame(sample)
                finally:
                    self._gst.gst_mini_object_unref(sample)
            self._check(0)
            if self._gst.gst_app_sink_is_eos(self._sink):
                return None
            if time.monotonic() > deadline:
                raise CameraEndedError(f"{self.shown} gave no frame for {timeout_s:g} s")
        return None

    def newest(self) -> Optional[Sample]:
        """Return a frame that waits; None where there is none."""
        sample = self._gst.gst_app_sink_try_pull_sample(self._sink, 0)
        if not sample:
            return None
        try:
            return self._frame(sample)
        finally:
            self._gst.gst_mini_object_unref(sample)

    def close(self) -> None:
        """Stop it, in bounded time: a driver that never answers is left to its thread."""
        if self._closed.is_set():
            return
        self._closed.set()
        ended = threading.Thread(target=self._end, name="camera-stop", daemon=True)
        ended.start()
        ended.join(STOP_S)

    def _end(self) -> None:
        self._gst.gst_element_set_state(self._pipeline, NULL)
        for thing in (self._sink, self._bus, self._pipeline):
            if thing:
                self._gst.gst_object_unref(thing)

    def _set(self, name: str, value: str) -> None:
        self._gst.gst_util_set_object_arg(self._sink, name.encode(), value.encode())

    def _launch(self, text: str) -> Any:  # noqa: ANN401
        problem = ctypes.c_void_p()
        pipeline = self._gst.gst_parse_launch(text.encode(), ctypes.byref(problem))
        if not problem.value:
            return pipeline
        error = ctypes.cast(problem, ctypes.POINTER(Error)).contents
        message = redacted(one_line((error.message or b"").decode(errors="replace")))
        missing = error.code == 1  # GST_PARSE_ERROR_NO_SUCH_ELEMENT
        self._gst.g_error_free(problem)
        if pipeline:  # what could be made of it
            self._gst.gst_object_unref(pipeline)
        if missing:
            raise CameraMissingError(f"{self.shown}: {message}")
        if QUOTED.search(text):
            message += (
                "; leave out the quotes around what stands between two !, they are for a shell"
            )
        raise CameraSourceError(f"{self.shown} is no pipeline that GStreamer takes: {message}")

    def _check(self, wait_s: float) -> None:
        """Raise what an element reported."""
        message = self._gst.gst_bus_timed_pop_filtered(self._bus, int(wait_s * NS), ERROR)
        if not message:
            return
        problem, debug = ctypes.c_void_p(), ctypes.c_void_p()
        self._gst.gst_message_parse_error(message, ctypes.byref(problem), ctypes.byref(debug))
        error = ctypes.cast(problem, ctypes.POINTER(Error)).contents
        domain = (self._gst.g_quark_to_string(error.domain) or b"").decode()
        code, text = error.code, (error.message or b"").decode(errors="replace")
        details = (ctypes.string_at(debug.value) if debug.value else b"").decode(errors="replace")
        self._gst.g_error_free(problem)
        self._gst.g_free(debug)
        self._gst.gst_mini_object_unref(message)
        raise _typed(self.shown, domain, code, text, details)

    def _frame(self, sample: Any) -> Sample:  # noqa: ANN401
        gst = self._gst
        structure = gst.gst_caps_get_structure(gst.gst_sample_get_caps(sample), 0)
        width, height, above, below = (ctypes.c_int() for _ in range(4))
        gst.gst_structure_get_int(structure, b"width", ctypes.byref(width))
        gst.gst_structure_get_int(structure, b"height", ctypes.byref(height))
        gst.gst_structure_get_fraction(
            structure, b"framerate", ctypes.byref(above), ctypes.byref(below)
        )
        form = (gst.gst_structure_get_string(structure, b"format") or b"").decode()
        buffer = gst.gst_sample_get_buffer(sample)
        mapped = Map()
        if not gst.gst_buffer_map(buffer, ctypes.byref(mapped), MAP_READ):
            raise CameraError(f"{self.shown}: a frame can't be read")
        try:
            bgr = _bgr(mapped, form, width.value, height.value)
        finally:
            gst.gst_buffer_unmap(buffer, ctypes.byref(mapped))
        rate = above.value / below.value if below.value else 0.0
        return Sample(bgr, self._taken(sample, buffer), rate)

    def _taken(self, sample: Any, buffer: Any) -> float:  # noqa: ANN401
        now = time.monotonic()
        pts = BufferHead.from_address(buffer).pts
        if not self.live or pts == NEVER:
            return now
        segment = self._gst.gst_sample_get_segment(sample)
        running = self._gst.gst_segment_to_running_time(segment, TIME_FORMAT, pts)
        if running == NEVER:
            return now
        taken: float = (self._gst.gst_element_get_base_time(self._pipeline) + running) / NS
        # What no clock of this machine can have given is no time of capture.
        return taken if now - 60 < taken < now else now


def _bgr(mapped: Map, form: str, width: int, height: int) -> Any:  # noqa: ANN401 # an array
    """Return a mapped frame as an array of its own; that is the one copy."""
    import cv2  # noqa: PLC0415 # only where frames flow
    import numpy as np  # noqa: PLC0415

    channels = table()["formats"].get(form)
    if not channels or width < 1 or height < 1:
        raise CameraSourceError(f"frames of the format {form or 'none'}: BGR or BGRx is needed")
    stride = (width * channels + 3) // 4 * 4  # GStreamer's own for packed formats
    if mapped.size < stride * (height - 1) + width * channels:
        raise CameraError("a frame is shorter than its size")
    flat = (ctypes.c_uint8 * mapped.size).from_address(mapped.data)
    view = np.ndarray((height, width, channels), np.uint8, flat, 0, (stride, channels, 1))
    if channels == 3:
        return np.array(view, order="C")
    code = cv2.COLOR_BGRA2BGR if channels == 4 else cv2.COLOR_GRAY2BGR
    return cv2.cvtColor(view, code)


def _typed(shown: str, domain: str, code: int, message: str, details: str) -> CameraError:
    """Return what an element reported, as one of our errors."""
    reason = table()["causes"].get(domain, {}).get(str(code), "")
    message = redacted(one_line(message))
    if "not-negotiated" in details or "not-linked" in details:
        return FormatRefusedError(f"{shown} gives no frames of the requested size, rate and form")
    if domain == "gst-stream-error-quark" and code == 6:
        return CameraMissingError(f"{shown} {reason}: {message}")
    kind = (
        CameraEndedError if domain == "gst-stream-error-quark" or code == 9 else CameraSourceError
    )
    return kind(f"{shown} {reason}: {message}" if reason else f"{shown}: {message}")
