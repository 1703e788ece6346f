"""Cases of cameras, streams and their plugins."""

from __future__ import annotations

from typing import Any

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import DOCKERENV, GLVND, LIB

GST = {f"{LIB}/libgstreamer-1.0.so.0": "", f"{LIB}/libgstapp-1.0.so.0": ""}
CSI_PLUGINS = {
    f"{LIB}/gstreamer-1.0/libgstnvarguscamerasrc.so": "",
    f"{LIB}/gstreamer-1.0/libgstnvvidconv.so": "",
}
NVDEC = {f"{LIB}/gstreamer-1.0/libgstnvvideo4linux2.so": ""}


def filmed(source: str, *files: dict[str, str]) -> dict[str, Any]:
    every = {path: text for file in files for path, text in file.items()}
    return {"environment": {"MEDIAPIPE_JETSON_SOURCE": source}, "files": every}


CASES: list[Case] = [
    ("camera-gstreamer-missing", "bad", filmed("csi://0", GLVND), "--camera"),
    ("camera-gstreamer-missing", "bad", filmed("videotestsrc ! appsink"), "--camera"),
    ("camera-gstreamer-missing", "ok", filmed("csi://0", GST), "is here"),
    ("camera-gstreamer-missing", "ok", filmed("rtsp://me:secret@h/x"), "rtsp://***@h/x"),
    ("camera-gstreamer-missing", "unknown", {}, "no camera is named"),
    ("camera-gstreamer-missing", "unknown", filmed("csi://x"), "number"),
    ("camera-argus-socket", "bad", filmed("csi://0", DOCKERENV), "target=/tmp/argus_socket"),
    ("camera-argus-socket", "bad", filmed("csi://0"), "restart nvargus-daemon"),
    ("camera-argus-socket", "ok", filmed("csi://0", {"tmp/argus_socket": ""}), "is there"),
    ("camera-argus-socket", "ok", filmed("/dev/video0"), "no CSI camera"),
    ("camera-argus-socket", "unknown", {}, "no camera is named"),
    ("camera-plugins-missing", "bad", filmed("csi://0", DOCKERENV, GST), "--runtime nvidia"),
    ("camera-plugins-missing", "bad", filmed("csi://0", GST), "nvidia-l4t-camera"),
    ("camera-plugins-missing", "ok", filmed("csi://0", CSI_PLUGINS), "are here"),
    ("camera-plugins-missing", "ok", filmed("0"), "/dev/video0 is no CSI camera"),
    ("camera-plugins-missing", "unknown", {}, "no camera is named"),
    ("camera-decoder-missing", "bad", filmed("rtsp://h/x"), "--runtime nvidia"),
    ("camera-decoder-missing", "bad", filmed("rtsp://h/x", NVDEC), "lsmod"),
    ("camera-decoder-missing", "ok", filmed("rtsp://h/x", NVDEC, {"dev/v4l2-nvdec": ""}), "nvdec"),
    ("camera-decoder-missing", "ok", filmed("csi://0"), "no stream"),
    ("camera-decoder-missing", "unknown", {}, "no camera is named"),
    ("camera-node", "bad", filmed("/dev/video0", DOCKERENV), "--device /dev/video0"),
    ("camera-node", "bad", filmed("/dev/video0"), "v4l2-ctl"),
    ("camera-node", "ok", {**filmed("1", {"dev/video1": ""}), "uid": 0}, "/dev/video1 -rw"),
    ("camera-node", "ok", filmed("csi://0"), "no V4L2 device"),
    ("camera-node", "bad", filmed("/dev/v4l/by-id/a-index0"), "v4l2-ctl"),
    ("camera-node", "unknown", {}, "no camera is named"),
    ("camera-busy", "ok", filmed("0"), "no program that can be seen"),
    ("camera-busy", "ok", filmed("csi://0"), "no V4L2 device"),
    ("camera-busy", "unknown", {}, "no camera is named"),
]
