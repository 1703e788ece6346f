"""Cases of EGL, GLVND, Vulkan and the display."""

from __future__ import annotations

from mediapipe_jetson.observe.vulkan_devices import Device

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import (
    GLVND,
    ICD,
    ICD_PATH,
    LIB,
    MESA,
    MESA_PATH,
    VENDOR,
    VENDOR_PATH,
)

X0 = {"tmp/.X11-unix/X0": ""}
LAVAPIPE = Device("llvmpipe (LLVM 19.1.7)", "cpu", (1, 4, 305), 1, 0x10005, ())
TAKEN_GPU = Device("NVIDIA Tegra Orin (nvgpu)", "integrated", (1, 3, 212), 1, 0x10DE, ())
OLD_GPU = Device("NVIDIA Tegra X1 (nvgpu)", "integrated", (1, 0, 1), 1, 0x10DE, ())


CASES: list[Case] = [
    (
        "glvnd-missing",
        "bad",
        {"files": {f"{LIB}/libEGL.so.1": "", f"{LIB}/libz.so.1": ""}},
        "libgles2",
    ),
    ("glvnd-missing", "ok", {"files": GLVND}, "libEGL.so.1 and libGLESv2.so.2"),
    ("glvnd-missing", "unknown", {}, "no folder"),
    (
        "egl-vendor-missing",
        "bad",
        {"device": "orin"},
        "__EGL_VENDOR_LIBRARY_FILENAMES=/usr/lib/aarch64-linux-gnu/tegra-egl/nvidia.json",
    ),
    (
        "egl-vendor-missing",
        "bad",
        {"device": "nano", "files": {MESA_PATH: MESA}},
        "--runtime nvidia",
    ),
    ("egl-vendor-missing", "ok", {"device": "nano", "files": {VENDOR_PATH: VENDOR}}, "10_nvidia"),
    ("egl-vendor-missing", "unknown", {"files": {VENDOR_PATH: VENDOR}}, "no NVIDIA driver"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": "localhost:10.0"}}, "unset DISPLAY"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": ":0"}}, "unset DISPLAY"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": "0"}}, "unset DISPLAY"),
    ("display-over-ssh", "ok", {}, "unset"),
    ("display-over-ssh", "ok", {"environment": {"DISPLAY": ":0.0"}, "files": X0}, "X0 is there"),
    (
        "display-over-ssh",
        "unknown",
        {"environment": {"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"}, "files": X0},
        "over ssh",
    ),
    (
        "egl-platform-ignored",
        "bad",
        {"environment": {"EGL_PLATFORM": "surfaceless"}},
        "EGL_PLATFORM=0x31DD",
    ),
    ("egl-platform-ignored", "ok", {"environment": {"EGL_PLATFORM": "0x31DD"}}, "0x31DD"),
    ("egl-platform-ignored", "ok", {"environment": {"EGL_PLATFORM": "device"}}, "device"),
    ("egl-platform-ignored", "ok", {}, "unset"),
    ("vulkan-icd-missing", "bad", {"device": "orin"}, "libvulkan1"),
    ("vulkan-icd-missing", "ok", {"device": "orin", "files": {ICD_PATH: ICD}}, "nvidia_icd"),
    ("vulkan-icd-missing", "ok", {"device": "orin", "mediapipe": "1.0.1"}, "does not use"),
    ("vulkan-icd-missing", "unknown", {"files": {ICD_PATH: ICD}}, "no NVIDIA driver"),
    ("vulkan-icd-missing", "unknown", {"device": "orin", "mediapipe": None}, "not installed"),
    ("vulkan-device-refused", "bad", {"device": "orin", "gpus": (LAVAPIPE,)}, "--runtime nvidia"),
    ("vulkan-device-refused", "bad", {"device": "orin", "gpus": (OLD_GPU,)}, "a newer driver"),
    (
        "vulkan-device-refused",
        "ok",
        {"device": "orin", "gpus": (LAVAPIPE, TAKEN_GPU)},
        "NVIDIA Tegra",
    ),
    ("vulkan-device-refused", "unknown", {"device": "orin", "gpus": ()}, "lists no device"),
    ("vulkan-device-refused", "unknown", {"device": "orin"}, "another machine's tree"),
    ("vulkan-device-refused", "unknown", {"gpus": (TAKEN_GPU,)}, "no NVIDIA driver"),
]
