"""Cameras: what must be here for the source that MEDIAPIPE_JETSON_SOURCE names.

Whether a device takes a size and a rate only shows when it is opened: `run` reports that.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.camera.address import CSI, PIPELINE, RTSP, V4L2, Address, parse
from mediapipe_jetson.camera.errors import CameraError
from mediapipe_jetson.doctor.device import node_open
from mediapipe_jetson.doctor.graphics import LIBRARY_FOLDERS
from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok
from mediapipe_jetson.doctor.scene import CONTAINER, Scene
from mediapipe_jetson.observation import below
from mediapipe_jetson.observe.driver import Node

VARIABLE = "MEDIAPIPE_JETSON_SOURCE"
ARGUS = "/tmp/argus_socket"  # noqa: S108 # where NVIDIA's service has it
GSTREAMER = ("libgstreamer-1.0.so.0", "libgstapp-1.0.so.0")
CSI_PLUGINS = ("libgstnvarguscamerasrc.so", "libgstnvvidconv.so")
DECODER = "libgstnvvideo4linux2.so"
DECODER_NODES = ("/dev/v4l2-nvdec", "/dev/nvhost-nvdec")
PATH_VARIABLE = "GST_PLUGIN_PATH"


def gstreamer(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether GStreamer is here, where the source can't do without."""
    source = _source(scene)
    if source.kind not in (CSI, PIPELINE):
        return ok(f"{source.shown} can be read by OpenCV, too")
    missing = [name for name in GSTREAMER if not _library(scene, name)]
    return bad(f"{' and '.join(missing)} not found") if missing else ok("GStreamer is here")


def argus(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether NVIDIA's camera service can be reached."""
    source = _source(scene)
    if source.kind != CSI:
        return ok(f"{source.shown} is no CSI camera")
    if scene.exists(ARGUS):
        return ok(f"{ARGUS} is there")
    return bad(f"there is no {ARGUS}", cure="" if scene.place == CONTAINER else "board")


def plugins(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether NVIDIA's plugins for CSI cameras are here."""
    source = _source(scene)
    if source.kind != CSI:
        return ok(f"{source.shown} is no CSI camera")
    missing = [name for name in CSI_PLUGINS if not _plugin(scene, name)]
    if missing:
        cure = "" if scene.place == CONTAINER else "board"
        return bad(f"{' and '.join(missing)} not found", cure=cure)
    return ok("NVIDIA's plugins for CSI cameras are here")


def decoder(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether the board's video decoder can be used for a stream."""
    source = _source(scene)
    if source.kind != RTSP:
        return ok(f"{source.shown} is no stream")
    if not _plugin(scene, DECODER):
        return bad(f"{DECODER}, which has nvv4l2decoder, not found")
    node = next((item for item in DECODER_NODES if scene.exists(item)), None)
    return ok(f"{DECODER} and {node} are here") if node else bad(
        f"none of {' and '.join(DECODER_NODES)} is here", cure="node"
    )  # fmt: skip


def node(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether the camera's device is here and open to this user."""
    source = _source(scene)
    if source.kind != V4L2:
        return ok(f"{source.shown} is no V4L2 device")
    path = source.place
    result = _node(scene, path)
    if result is None:
        cure = "" if scene.place == CONTAINER else "board"
        return bad(f"there is no {path}", cure=cure, device=path)
    seen = f"{path} {result.mode} {result.uid}:{result.gid}"
    if node_open(scene, result):
        return ok(seen)
    cure = "group" if scene.place == CONTAINER else "user"
    return bad(seen, cure=cure, gid=str(result.gid), device=path)


def busy(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether another program holds the camera's device; others' programs can't be seen."""
    source = _source(scene)
    if source.kind != V4L2:
        return ok(f"{source.shown} is no V4L2 device")
    own_process, names = str(os.getpid()), _names(scene, source.place)
    for place in sorted(below(scene.root, "/proc").glob("[0-9]*/fd/*")):
        process = place.parts[-3]
        try:
            held = str(place.readlink()) in names
        except OSError:
            continue
        if held and process != own_process:
            name = scene.text(f"/proc/{process}/comm") or "a program"
            return bad(f"{name.strip()} ({process}) holds {source.place}", process=process)
    return ok(f"no program that can be seen holds {source.place}")


def _names(scene: Scene, path: str) -> set[str]:
    """Return a device's path and, of a link such as udev's, that of the node itself."""
    root, real = scene.root.resolve(), below(scene.root, path).resolve()
    return {path, f"/{real.relative_to(root)}"} if real.is_relative_to(root) else {path}


def _source(scene: Scene) -> Address:
    """Return the camera that the environment names. Raises UnseenError where it names none."""
    named = scene.environment.get(VARIABLE, "")
    if not named:
        raise UnseenError(f"no camera is named by {VARIABLE}")
    try:
        return parse(named)
    except CameraError as error:
        raise UnseenError(f"{VARIABLE}: {error}") from error


def _library(scene: Scene, name: str) -> bool:
    return any(scene.exists(f"{folder}/{name}") for folder in LIBRARY_FOLDERS)


def _plugin(scene: Scene, name: str) -> bool:
    given = [part for part in scene.environment.get(PATH_VARIABLE, "").split(":") if part]
    folders = [*given, *(f"{folder}/gstreamer-1.0" for folder in LIBRARY_FOLDERS)]
    return any(scene.exists(f"{folder}/{name}") for folder in folders)


def _node(scene: Scene, path: str) -> Optional[Node]:
    place: Path = below(scene.root, path)
    try:
        result = place.stat()
    except OSError:
        return None
    usable = os.access(place, os.R_OK | os.W_OK)
    return Node(path, stat.filemode(result.st_mode), result.st_uid, result.st_gid, usable)
