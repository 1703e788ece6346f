"""EGL and Vulkan: the loaders, NVIDIA's files for them, and settings that lead them astray."""

from __future__ import annotations

import re
from typing import Any, Optional

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.container import rendering_libraries
from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok, unknown
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.software import installed
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import vulkan_devices
from mediapipe_jetson.observe.egl import LOADERS, Egl
from mediapipe_jetson.observe.manifests import Manifest
from mediapipe_jetson.observe.vulkan import Vulkan

LIBRARY_FOLDERS: tuple[str, ...] = (
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
)
LIBRARY_FOLDERS += ("/usr/lib", "/lib/aarch64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/local/lib")
VENDOR_FILE = "/usr/lib/aarch64-linux-gnu/tegra-egl/nvidia.json"
NO_DRIVER = "no NVIDIA driver is here to be found"


def glvnd(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether the libraries that MediaPipe links to are here."""
    if str(scene.root) == "/":
        if isinstance(scene.egl, Egl):
            missing = [name for name, problem in scene.egl.loaders.items() if problem]
        elif isinstance(scene.egl, Absent) and LOADERS[0] in scene.egl.reason:
            missing = [LOADERS[0]]
        else:
            return unknown(scene.egl.reason if isinstance(scene.egl, Absent) else "not observed")
    else:
        if not any(scene.exists(folder) for folder in LIBRARY_FOLDERS):
            return unknown("no folder of system libraries is here")
        missing = [
            name
            for name in LOADERS
            if not any(scene.exists(f"{folder}/{name}") for folder in LIBRARY_FOLDERS)
        ]
    if missing:
        return bad(f"{' and '.join(missing)} can't be loaded")
    return ok(f"{' and '.join(LOADERS)} are here")


def _nvidia(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return [item for item in manifests if "nvidia" in f"{item.path} {item.library or ''}".lower()]


def _works(manifests: list[Manifest]) -> Optional[Manifest]:
    return next((item for item in manifests if item.library and item.loads is not False), None)


def vendor(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether EGL finds NVIDIA's vendor file."""
    if not rendering_libraries(scene):
        return unknown(NO_DRIVER)
    vendors = scene.egl.vendors if isinstance(scene.egl, Egl) else ()
    manifests = _nvidia(vendors)
    works = _works(manifests)
    if works:
        return ok(works.line())
    if manifests:
        seen = manifests[0].line()
    else:
        seen = scene.egl.reason if isinstance(scene.egl, Absent) else "only other vendors' files"
    if scene.text(VENDOR_FILE) is not None:
        return bad(seen, cure="file", file=VENDOR_FILE)
    return bad(seen)


def vulkan(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether Vulkan finds NVIDIA's driver, where MediaPipe needs it."""
    version = installed(scene)
    if not versions.at_least(version, pins.table()["webgpu_from"]):
        return ok(f"mediapipe {version} does not use Vulkan")
    if not rendering_libraries(scene):
        raise UnseenError(NO_DRIVER)
    manifests = _nvidia(scene.vulkan.drivers) if isinstance(scene.vulkan, Vulkan) else []
    works = _works(manifests)
    problem = scene.vulkan.loader_problem if isinstance(scene.vulkan, Vulkan) else None
    if works and not problem:
        return ok(works.line())
    if not problem and not manifests:
        problem = scene.vulkan.reason if isinstance(scene.vulkan, Absent) else "only other drivers"
    return bad(problem or manifests[0].line())


def vulkan_device(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether one of Vulkan's devices is a GPU that LiteRT's accelerator can use."""
    if not rendering_libraries(scene):
        raise UnseenError(NO_DRIVER)
    if scene.gpus is None and str(scene.root) != "/":
        raise UnseenError("the drivers of another machine's tree can't be asked")
    result = vulkan_devices.read() if scene.gpus is None else scene.gpus
    if isinstance(result, Absent) or not result:
        return unknown(result.reason if isinstance(result, Absent) else "Vulkan lists no device")
    works = [device for device in result if not (device.why_not or device.software)]
    if works:
        return ok(works[0].line())
    return bad("; ".join(device.line() for device in result))


def display(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge DISPLAY."""
    value = scene.environment.get("DISPLAY", "")
    if not value:
        return ok("DISPLAY is unset")
    match = re.match(r"(?P<host>[^:]*):(?P<number>\d+)(\.\d+)?$", value)
    if not match:
        return bad(f"DISPLAY={value} names no X server")
    if match.group("host") not in ("", "unix"):
        return bad(f"DISPLAY={value} is another machine's, or forwarded by ssh")
    socket = f"/tmp/.X11-unix/X{match.group('number')}"  # noqa: S108 # where X has it
    if not scene.exists(socket):
        return bad(f"DISPLAY={value}, but there is no {socket}")
    if scene.environment.get("SSH_CONNECTION"):
        return unknown(f"DISPLAY={value} over ssh; whether {socket} lets you in was not tried")
    return ok(f"DISPLAY={value}, and {socket} is there")


def platform(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge EGL_PLATFORM."""
    value = scene.environment.get("EGL_PLATFORM", "")
    if not value:
        return ok("EGL_PLATFORM is unset")
    if value in facts["egl_platforms"] or re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", value):
        return ok(f"EGL_PLATFORM={value}")
    return bad(f"EGL_PLATFORM={value}")
