"""An OpenGL ES 3 context without a window, through ctypes.

Numbers are those of the Khronos EGL and OpenGL ES registries.
"""

from __future__ import annotations

import ctypes
from typing import Any, Optional

EGL_PLATFORM_DEVICE_EXT = 0x313F
EGL_PLATFORM_SURFACELESS_MESA = 0x31DD
EGL_OPENGL_ES_API = 0x30A0
EGL_EXTENSIONS, EGL_VENDOR, EGL_VERSION = 0x3055, 0x3053, 0x3054
EGL_NONE = 0x3038
EGL_SURFACE_TYPE, EGL_PBUFFER_BIT = 0x3033, 0x0001
EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT = 0x3040, 0x0040
EGL_CONTEXT_MAJOR_VERSION = 0x3098
EGL_WIDTH, EGL_HEIGHT = 0x3057, 0x3056
GL_VENDOR, GL_RENDERER, GL_VERSION = 0x1F00, 0x1F01, 0x1F02
MOST_DEVICES = 16

EGL_ERRORS = {
    0x3000: "EGL_SUCCESS",
    0x3001: "EGL_NOT_INITIALIZED",
    0x3002: "EGL_BAD_ACCESS",
    0x3003: "EGL_BAD_ALLOC",
    0x3004: "EGL_BAD_ATTRIBUTE",
    0x3005: "EGL_BAD_CONFIG",
    0x3006: "EGL_BAD_CONTEXT",
    0x3008: "EGL_BAD_DISPLAY",
    0x3009: "EGL_BAD_MATCH",
    0x300C: "EGL_BAD_PARAMETER",
}


class EglError(Exception):
    """EGL refused a step; the text names the step and EGL's error."""


def _attributes(*values: int) -> Any:  # noqa: ANN401 # ctypes' array types have no name
    return (ctypes.c_int * (len(values) + 1))(*values, EGL_NONE)


class Egl:
    """libEGL.so.1 with the signatures that differ from ctypes' default of int."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libEGL.so.1")
        pointer = ctypes.c_void_p
        for name, result, arguments in (
            ("eglGetDisplay", pointer, [pointer]),
            ("eglGetProcAddress", pointer, [ctypes.c_char_p]),
            ("eglQueryString", ctypes.c_char_p, [pointer, ctypes.c_int]),
            ("eglInitialize", ctypes.c_uint, [pointer, pointer, pointer]),
            ("eglChooseConfig", ctypes.c_uint, [pointer, pointer, pointer, ctypes.c_int, pointer]),
            ("eglCreateContext", pointer, [pointer, pointer, pointer, pointer]),
            ("eglCreatePbufferSurface", pointer, [pointer, pointer, pointer]),
            ("eglMakeCurrent", ctypes.c_uint, [pointer, pointer, pointer, pointer]),
            ("eglTerminate", ctypes.c_uint, [pointer]),
            ("eglBindAPI", ctypes.c_uint, [ctypes.c_uint]),
        ):
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments

    def check(self, value: Any, step: str) -> Any:  # noqa: ANN401 # a ctypes result
        """Return `value` if it is not null; else raise EglError."""
        if value:
            return value
        code = self.library.eglGetError()
        raise EglError(f"{step} failed: {EGL_ERRORS.get(code, hex(code))}")

    def extension(self, name: str, result: Any, *arguments: Any) -> Any:  # noqa: ANN401 # ctypes types
        """Return an extension's function; raise EglError where there is none."""
        address = self.library.eglGetProcAddress(name.encode())
        if not address:
            raise EglError(f"{name} is not there")
        return ctypes.CFUNCTYPE(result, *arguments)(address)

    def display(self, platform: str) -> Any:  # noqa: ANN401 # a ctypes result
        """Return the display of `default`, `surfaceless` or `device:N`."""
        if platform == "default":
            return self.check(self.library.eglGetDisplay(None), "eglGetDisplay")
        extensions = (self.library.eglQueryString(None, EGL_EXTENSIONS) or b"").decode().split()
        get = self.extension(
            "eglGetPlatformDisplayEXT",
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        if platform == "surfaceless":
            if "EGL_MESA_platform_surfaceless" not in extensions:
                raise EglError("no vendor offers EGL_MESA_platform_surfaceless")
            return self.check(get(EGL_PLATFORM_SURFACELESS_MESA, None, None), "surfaceless display")
        device = self.device(int(platform.partition(":")[2]), extensions)
        return self.check(get(EGL_PLATFORM_DEVICE_EXT, device, None), "device display")

    def device(self, number: int, extensions: list[str]) -> Optional[int]:
        """Return one of EGL's devices; raise EglError where there are fewer."""
        if not {"EGL_EXT_device_base", "EGL_EXT_device_enumeration"} & set(extensions):
            raise EglError("no vendor offers EGL_EXT_device_enumeration")
        query = self.extension(
            "eglQueryDevicesEXT", ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p
        )
        result, devices = ctypes.c_int(), (ctypes.c_void_p * MOST_DEVICES)()
        self.check(query(MOST_DEVICES, devices, ctypes.byref(result)), "eglQueryDevicesEXT")
        if number >= result.value:
            raise EglError(f"no such device: EGL has {result.value}")
        return devices[number]

    def config(self, display: Any) -> Any:  # noqa: ANN401 # ctypes results
        """Return a config for OpenGL ES 3, with pbuffers if the display has any, and if it has."""
        for surface in (EGL_PBUFFER_BIT, 0):
            requested = _attributes(
                EGL_SURFACE_TYPE, surface, EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT
            )
            config, count = ctypes.c_void_p(), ctypes.c_int()
            self.library.eglChooseConfig(
                display, requested, ctypes.byref(config), 1, ctypes.byref(count)
            )
            if count.value:
                return config, bool(surface)
        raise EglError("no config for OpenGL ES 3")


def strings(platform: str) -> dict[str, Any]:
    """Return vendor, renderer and version of an OpenGL ES 3 context on one platform.

    Raises OSError where libEGL or libGLESv2 is missing, EglError where EGL refuses.
    """
    egl = Egl()
    display = egl.display(platform)
    egl.check(egl.library.eglInitialize(display, None, None), "eglInitialize")
    try:
        egl.check(egl.library.eglBindAPI(EGL_OPENGL_ES_API), "eglBindAPI")
        config, pbuffer = egl.config(display)
        context = egl.check(
            egl.library.eglCreateContext(
                display, config, None, _attributes(EGL_CONTEXT_MAJOR_VERSION, 3)
            ),
            "eglCreateContext (OpenGL ES 3)",
        )
        surface = None
        if pbuffer:
            size = _attributes(EGL_WIDTH, 1, EGL_HEIGHT, 1)
            surface = egl.library.eglCreatePbufferSurface(display, config, size)
        current = egl.library.eglMakeCurrent(display, surface, surface, context)
        egl.check(current, "eglMakeCurrent")
        get_string = ctypes.CDLL("libGLESv2.so.2").glGetString
        get_string.restype, get_string.argtypes = ctypes.c_char_p, [ctypes.c_uint]
        answer = {
            "gl_vendor": get_string(GL_VENDOR),
            "gl_renderer": get_string(GL_RENDERER),
            "gl_version": get_string(GL_VERSION),
            "egl_vendor": egl.library.eglQueryString(display, EGL_VENDOR),
            "egl_version": egl.library.eglQueryString(display, EGL_VERSION),
        }
        if not answer["gl_renderer"]:
            raise EglError("a context was made, but glGetString gave nothing")
        return {key: (value or b"").decode("utf-8", "replace") for key, value in answer.items()}
    finally:
        egl.library.eglTerminate(display)
