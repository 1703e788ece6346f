"""GStreamer's C interface: its functions and structures, by ctypes.

GStreamer 1.x keeps this interface stable since 2012. Its Python bindings would tie images to
Debian's own Python; ctypes works with every Python that an image may have, and adds no package.
"""

from __future__ import annotations

import ctypes
import functools
import json
from typing import Any

from mediapipe_jetson.camera.errors import CameraMissingError
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.observation import one_line

POINTER, TEXT = ctypes.c_void_p, ctypes.c_char_p
# name: (library's place in data/camera.json, result, arguments)
FUNCTIONS: dict[str, tuple[int, Any, list[Any]]] = {
    "gst_init_check": (0, ctypes.c_int, [POINTER, POINTER, POINTER]),
    "gst_version_string": (0, POINTER, []),
    "gst_element_factory_find": (0, POINTER, [TEXT]),
    "gst_parse_launch": (0, POINTER, [TEXT, POINTER]),
    "gst_bin_get_by_name": (0, POINTER, [POINTER, TEXT]),
    "gst_util_set_object_arg": (0, None, [POINTER, TEXT, TEXT]),
    "gst_element_set_state": (0, ctypes.c_int, [POINTER, ctypes.c_int]),
    "gst_element_get_bus": (0, POINTER, [POINTER]),
    "gst_element_get_base_time": (0, ctypes.c_uint64, [POINTER]),
    "gst_system_clock_obtain": (0, POINTER, []),
    "gst_pipeline_use_clock": (0, None, [POINTER, POINTER]),
    "gst_bus_timed_pop_filtered": (0, POINTER, [POINTER, ctypes.c_uint64, ctypes.c_int]),
    "gst_message_parse_error": (0, None, [POINTER, POINTER, POINTER]),
    "gst_sample_get_buffer": (0, POINTER, [POINTER]),
    "gst_sample_get_caps": (0, POINTER, [POINTER]),
    "gst_sample_get_segment": (0, POINTER, [POINTER]),
    "gst_segment_to_running_time": (0, ctypes.c_uint64, [POINTER, ctypes.c_int, ctypes.c_uint64]),
    "gst_caps_get_structure": (0, POINTER, [POINTER, ctypes.c_uint]),
    "gst_structure_get_string": (0, TEXT, [POINTER, TEXT]),
    "gst_structure_get_int": (0, ctypes.c_int, [POINTER, TEXT, POINTER]),
    "gst_structure_get_fraction": (0, ctypes.c_int, [POINTER, TEXT, POINTER, POINTER]),
    "gst_buffer_map": (0, ctypes.c_int, [POINTER, POINTER, ctypes.c_int]),
    "gst_buffer_unmap": (0, None, [POINTER, POINTER]),
    "gst_mini_object_unref": (0, None, [POINTER]),
    "gst_object_unref": (0, None, [POINTER]),
    "gst_app_sink_try_pull_sample": (1, POINTER, [POINTER, ctypes.c_uint64]),
    "gst_app_sink_is_eos": (1, ctypes.c_int, [POINTER]),
    "g_quark_to_string": (3, TEXT, [ctypes.c_uint32]),
    "g_error_free": (3, None, [POINTER]),
    "g_free": (3, None, [POINTER]),
}


class Error(ctypes.Structure):
    """GLib's GError."""

    _fields_ = [("domain", ctypes.c_uint32), ("code", ctypes.c_int), ("message", TEXT)]


class Map(ctypes.Structure):
    """GStreamer's GstMapInfo."""

    _fields_ = [
        ("memory", POINTER), ("flags", ctypes.c_int), ("data", POINTER),
        ("size", ctypes.c_size_t), ("maxsize", ctypes.c_size_t),
        ("user_data", POINTER * 4), ("reserved", POINTER * 4),
    ]  # fmt: skip


class BufferHead(ctypes.Structure):
    """The public head of GstBuffer: GstMiniObject, its pool, and its time stamps."""

    _fields_ = [
        ("type", ctypes.c_size_t), ("refcount", ctypes.c_int), ("lockstate", ctypes.c_int),
        ("flags", ctypes.c_uint), ("copy", POINTER), ("dispose", POINTER), ("free", POINTER),
        ("priv_uint", ctypes.c_uint), ("priv_pointer", POINTER),
        ("pool", POINTER), ("pts", ctypes.c_uint64),
    ]  # fmt: skip


@functools.lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return data/camera.json."""
    document: dict[str, Any] = json.loads((DATA / "camera.json").read_text(encoding="utf-8"))
    return document


@functools.lru_cache(maxsize=1)
def library() -> Any:  # noqa: ANN401 # its attributes are C functions
    """Return GStreamer's functions, started. Raises CameraMissingError."""
    try:
        loaded = [ctypes.CDLL(name) for name in table()["library"]]
    except OSError as error:
        raise CameraMissingError(
            f"GStreamer is not here ({one_line(error)}): build the image with --camera, or install "
            "gstreamer1.0-plugins-base and gstreamer1.0-plugins-good"
        ) from error
    functions: dict[str, Any] = {}
    for name, (place, result, arguments) in FUNCTIONS.items():
        function = getattr(loaded[place], name)
        function.restype, function.argtypes = result, arguments
        functions[name] = staticmethod(function)
    gst: Any = type("GStreamer", (), functions)
    if not gst.gst_init_check(None, None, None):
        raise CameraMissingError("GStreamer can't be started")
    return gst


def available() -> bool:
    """Return whether GStreamer is here."""
    try:
        library()
    except CameraMissingError:
        return False
    return True


def has(element: str) -> bool:
    """Return whether GStreamer has an element of this name."""
    gst = library()
    factory = gst.gst_element_factory_find(element.encode())
    if factory:
        gst.gst_object_unref(factory)
    return bool(factory)
