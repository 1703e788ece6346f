"""The cases of the doctor's checks: cause, status, scene, and words of what is said."""

from __future__ import annotations

import json
from typing import Any

from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.vulkan_devices import Device

from tests.unit.doctor_scenes import (
    CPU_ONLY,
    DOCKERENV,
    GLVND,
    GPU,
    ICD,
    ICD_PATH,
    LIB,
    MESA,
    MESA_PATH,
    UNDECIDED,
    VENDOR,
    VENDOR_PATH,
    missing,
    package,
)

KERNEL = {"proc/sys/kernel/osrelease": "5.15.148-tegra\n"}
MODULES = "lib/modules/5.15.148-tegra"
NO_RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_nat.ko:\n"}
RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_raw.ko:\n"}
DROP_IN = "etc/systemd/system/docker.service.d/raw.conf"
WAIVED = {DROP_IN: "[Service]\nEnvironment=DOCKER_INSECURE_NO_IPTABLES_RAW=1\n"}
REQUEST = '[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]'
CLONE3 = '"OCI: error adding seccomp filter rule for syscall clone3: permission denied"'
PLAN = "etc/mediapipe-jetson/plan.json"
NVPMODEL = """\
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
GPU MAX_FREQ 612000000
< POWER_MODEL ID=1 NAME=25W >
GPU MAX_FREQ 918000000
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
GPU MAX_FREQ -1
< PM_CONFIG DEFAULT=1 >
"""
TWO_MODES = "< POWER_MODEL ID=0 NAME=15W >\nGPU MAX_FREQ 624750000\n< POWER_MODEL NAME=7W ID=1 >\n"
TWO_MODES += "GPU MAX_FREQ 408000000\n"
DEVFREQ = "sys/class/devfreq/17000000.gpu"
CAPPED = {
    f"{DEVFREQ}/max_freq": "612000000\n",
    f"{DEVFREQ}/available_frequencies": "306000000 612000000 1020000000\n",
}
UNASKED = """\
from mediapipe.tasks.python import vision as v
from mediapipe.tasks.python.core.base_options import BaseOptions as B
v.FaceLandmarker.create_from_options(v.FaceLandmarkerOptions(base_options=B()))
"""
RESERVED = """\
services:
  a:
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia}]
"""
GST = {f"{LIB}/libgstreamer-1.0.so.0": "", f"{LIB}/libgstapp-1.0.so.0": ""}
CSI_PLUGINS = {
    f"{LIB}/gstreamer-1.0/libgstnvarguscamerasrc.so": "",
    f"{LIB}/gstreamer-1.0/libgstnvvidconv.so": "",
}
NVDEC = {f"{LIB}/gstreamer-1.0/libgstnvvideo4linux2.so": ""}
X0 = {"tmp/.X11-unix/X0": ""}


def plan(l4t: str) -> dict[str, str]:
    return {**DOCKERENV, PLAN: json.dumps({"target": {"l4t": l4t}})}


def code(text: str, name: str = "app/main.py") -> dict[str, Any]:
    return {"files": {name: text}, "code": "app"}


def filmed(source: str, *files: dict[str, str]) -> dict[str, Any]:
    every = {path: text for file in files for path, text in file.items()}
    return {"environment": {"MEDIAPIPE_JETSON_SOURCE": source}, "files": every}


# cause, status, the scene, words of the evidence (ok, unknown) or the cure (bad)
LAVAPIPE = Device("llvmpipe (LLVM 19.1.7)", "cpu", (1, 4, 305), 1, 0x10005, ())
TAKEN_GPU = Device("NVIDIA Tegra Orin (nvgpu)", "integrated", (1, 3, 212), 1, 0x10DE, ())
OLD_GPU = Device("NVIDIA Tegra X1 (nvgpu)", "integrated", (1, 0, 1), 1, 0x10DE, ())

CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("python-too-old", "bad", {"python": (3, 8, 10)}, "./inv build --jetson"),
    ("python-too-old", "ok", {"python": (3, 9, 0)}, "Python 3.9.0"),
    ("cpu-too-old", "bad", {"device": "nano"}, "mediapipe==0.10.18"),
    (
        "cpu-too-old",
        "bad",
        {"device": "nano", "mediapipe": "1.0.0", "library": CPU_ONLY},
        "mediapipe==0.10.18",
    ),
    ("cpu-too-old", "ok", {"device": "orin"}, "dotprod and RCpc"),
    (
        "cpu-too-old",
        "ok",
        {"device": "nano", "mediapipe": "0.10.18", "library": CPU_ONLY},
        "every 64-bit Arm",
    ),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": "0.10.18"}, "not an official wheel"),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": "1.2.2+own"}, "wheels.audit"),
    ("cpu-too-old", "unknown", {"device": "nano", "library": Absent("not read")}, "not read"),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": None}, "not installed"),
    ("cpu-too-old", "unknown", {}, "no /proc/cpuinfo"),
    ("cpu-too-old", "unknown", {"files": {"proc/cpuinfo": "processor : 0\n"}}, "does not tell"),
    ("cpu-too-old", "unknown", {"device": "orin", "mediapipe": "local"}, "no version"),
    ("wheel-without-gpu", "bad", {"library": CPU_ONLY}, "mediapipe>=1.0.1"),
    ("wheel-without-gpu", "bad", {"device": "nano", "library": CPU_ONLY}, "stays on the CPU"),
    ("wheel-without-gpu", "ok", {"library": GPU}, "libEGL"),
    ("wheel-without-gpu", "unknown", {"library": UNDECIDED}, "nothing decides"),
    ("wheel-without-gpu", "unknown", {"library": Absent("not installed")}, "not installed"),
    (
        "old-requirement",
        "bad",
        code("mediapipe==0.10.9\n", "app/requirements.txt"),
        "requirements.txt:1",
    ),
    (
        "old-requirement",
        "ok",
        {"device": "orin", **code("mediapipe>=1.0.1\n", "app/requirements.txt")},
        "right for this board",
    ),
    ("old-requirement", "unknown", code("mediapipe>=1.0.1\n", "app/requirements.txt"), "Nano"),
    ("old-requirement", "unknown", code("import mediapipe\n"), "no file of the project asks"),
    ("gpu-not-requested", "bad", code(UNASKED), "delegate=BaseOptions.Delegate.GPU"),
    (
        "gpu-not-requested",
        "ok",
        code(UNASKED.replace("()", "(delegate=B.Delegate.GPU)")),
        "one task created",
    ),
    ("gpu-not-requested", "unknown", {}, "--code DIR"),
    ("project-python", "bad", code("python-3.8.10\n", "app/runtime.txt"), "runtime.txt:1"),
    ("project-python", "ok", code("python-3.11.4\n", "app/runtime.txt"), "python-3.11.4"),
    ("project-python", "unknown", {}, "--code DIR"),
    ("module-hidden", "bad", code("", "app/queue.py"), "give queue.py another name"),
    ("module-hidden", "ok", code("", "app/pkg/queue.py"), "no file of the project has the name"),
    ("module-hidden", "unknown", {}, "--code DIR"),
    ("old-requirement", "unknown", {}, "--code DIR"),
    ("legacy-api", "bad", code("import mediapipe as mp\nmp.solutions.hands\n"), "main.py:2"),
    ("legacy-api", "ok", code("import mediapipe as mp\nmp.Image\n"), "1 file"),
    ("legacy-api", "unknown", code("import mediapipe; print 'x'\n"), "not read: main.py (line 1"),
    ("legacy-api", "unknown", code("text", "app/README"), "no Python file"),
    ("legacy-api", "unknown", code("numpy\n", "app/requirements.txt"), "no Python file"),
    ("legacy-api", "unknown", {}, "--code DIR"),
    (
        "kit-image-pip",
        "bad",
        code("FROM mediapipe-jetson:r32.7.1\nRUN pip install x\n", "app/Dockerfile"),
        "Dockerfile:2: write the package into requirements.txt",
    ),
    (
        "kit-image-pip",
        "ok",
        code("FROM mediapipe-jetson:r32.7.1-dev\nRUN pip install x\n", "app/Dockerfile"),
        "mediapipe-jetson:r32.7.1-dev",
    ),
    ("kit-image-pip", "unknown", {}, "--code DIR"),
    (
        "docker-iptable-raw",
        "bad",
        {"files": NO_RAW, "outputs": {"docker-version": "28.0.1\n"}},
        "DOCKER_INSECURE_NO_IPTABLES_RAW=1",
    ),
    (
        "docker-iptable-raw",
        "bad",
        {"files": {**NO_RAW, **package("docker-ce", "5:28.1.1-1~ubuntu.22.04~jammy")}},
        "27.5.1",
    ),
    (
        "docker-iptable-raw",
        "bad",
        {"files": {**NO_RAW, **WAIVED}, "outputs": {"docker-version": "28.0.1"}},
        "28.0.2",
    ),
    (
        "docker-iptable-raw",
        "ok",
        {"files": {**NO_RAW, **WAIVED}, "outputs": {"docker-version": "28.0.2"}},
        "DOCKER_INSECURE",
    ),
    ("docker-iptable-raw", "ok", {"outputs": {"docker-version": "27.5.1"}}, "27.5.1"),
    (
        "docker-iptable-raw",
        "ok",
        {"files": RAW, "outputs": {"docker-version": "28.3.0"}},
        "has iptable_raw",
    ),
    (
        "docker-iptable-raw",
        "ok",
        {
            "files": {**NO_RAW, "etc/docker/daemon.json": '{"iptables": false}'},
            "outputs": {"docker-version": "28.3.0"},
        },
        "without iptables",
    ),
    ("docker-iptable-raw", "unknown", {"outputs": {"docker-version": "28.0.1"}}, "not listed"),
    (
        "docker-iptable-raw",
        "unknown",
        {"outputs": {"docker-version": missing("docker")}},
        "docker is not installed",
    ),
    ("docker-iptable-raw", "unknown", {"files": DOCKERENV}, "inside a container"),
    (
        "seccomp-clone3",
        "bad",
        {
            "device": "nano",
            "outputs": {"docker-version": "20.10.7"},
            "files": package("nvidia-container-toolkit", "1.5.1-1"),
        },
        "1.7.0",
    ),
    (
        "seccomp-clone3",
        "bad",
        {"outputs": {"docker-containers": f"/a\tnvidia\tnull\t{CLONE3}\n"}},
        "upgrade",
    ),
    (
        "seccomp-clone3",
        "ok",
        {
            "device": "nano",
            "outputs": {"docker-version": "20.10.7"},
            "files": package("nvidia-container-toolkit", "1.7.0-1"),
        },
        "toolkit 1.7.0",
    ),
    ("seccomp-clone3", "ok", {"device": "nano", "outputs": {"docker-version": "19.3.6"}}, "19.3"),
    ("seccomp-clone3", "ok", {"device": "orin"}, "not JetPack 4"),
    (
        "seccomp-clone3",
        "ok",
        {
            "device": "nano",
            "outputs": {
                "docker-version": "20.10.7",
                "docker-containers": f"/old\tnvidia\tnull\t{CLONE3}\n",
            },
            "files": package("nvidia-container-toolkit", "1.7.0-1"),
        },
        "toolkit 1.7.0",
    ),
    ("seccomp-clone3", "unknown", {}, "no Jetson"),
    (
        "seccomp-clone3",
        "unknown",
        {"device": "nano", "outputs": {"docker-version": "20.10.7"}},
        "not asked",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "outputs": {"docker-runtimes": '{"runc":{"path":"runc"}}'}},
        "nvidia-ctk runtime configure",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": {"etc/docker/daemon.json": '{"runtimes": {}}'}},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": {"etc/docker/daemon.json": "{,}"}},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": package("docker.io", "24.0.5-0ubuntu1~22.04.1")},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "ok",
        {
            "device": "orin",
            "files": {"etc/docker/daemon.json": '{"runtimes": {"nvidia": {"path": "x"}}}'},
        },
        "daemon.json lists",
    ),
    (
        "runtime-not-registered",
        "ok",
        {"device": "orin", "outputs": {"docker-runtimes": '{"nvidia":{},"runc":{}}'}},
        "docker info",
    ),
    (
        "runtime-not-registered",
        "unknown",
        {"device": "orin", "outputs": {"docker-version": missing("docker")}},
        "not installed",
    ),
    ("runtime-not-registered", "unknown", {}, "no Jetson"),
    (
        "toolkit-broken",
        "bad",
        {
            "device": "orin",
            "outputs": {"toolkit-version": "NVIDIA Container Toolkit CLI version 1.17.3\n"},
        },
        "1.17.7",
    ),
    (
        "toolkit-broken",
        "bad",
        {"device": "thor", "files": package("nvidia-container-toolkit", "1.17.6-1")},
        "1.17.7",
    ),
    (
        "toolkit-broken",
        "ok",
        {"device": "orin", "files": package("nvidia-container-toolkit", "1.17.4-1")},
        "1.17.4",
    ),
    (
        "toolkit-broken",
        "ok",
        {"device": "thor", "files": package("nvidia-container-toolkit", "1.17.8-1")},
        "1.17.8",
    ),
    ("toolkit-broken", "unknown", {}, "no Jetson"),
    (
        "toolkit-broken",
        "unknown",
        {"device": "orin", "outputs": {"toolkit-version": missing("nvidia-ctk")}},
        "not installed",
    ),
    (
        "gpus-flag",
        "bad",
        {"device": "orin", "outputs": {"docker-containers": f'/cam\trunc\t{REQUEST}\t""\n'}},
        "container cam",
    ),
    (
        "gpus-flag",
        "bad",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/run.sh": "docker run --rm \\\n  --gpus all image\n"},
        },
        "run.sh:1",
    ),
    (
        "gpus-flag",
        "bad",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/compose.yaml": RESERVED},
        },
        "compose.yaml:6",
    ),
    (
        "gpus-flag",
        "ok",
        {"device": "orin", "outputs": {"docker-containers": f'/cam\tnvidia\t{REQUEST}\t""\n'}},
        "1 container",
    ),
    (
        "gpus-flag",
        "ok",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/run.sh": "docker run --runtime nvidia --gpus all image\n"},
            "outputs": {"docker-containers": ""},
        },
        "0 containers",
    ),
    (
        "gpus-flag",
        "ok",
        {
            "device": "orin",
            "files": {"etc/nvidia-container-runtime/config.toml": '  mode = "cdi"\n'},
        },
        "not csv",
    ),
    (
        "gpus-flag",
        "unknown",
        {"device": "orin", "outputs": {"docker-containers": missing("docker")}},
        "not installed",
    ),
    ("gpus-flag", "unknown", {}, "no Jetson"),
    ("no-nvidia-runtime", "bad", {"files": DOCKERENV}, "--runtime nvidia"),
    (
        "no-nvidia-runtime",
        "bad",
        {
            "files": {**DOCKERENV, "dev/nvmap": ""},
            "environment": {"NVIDIA_VISIBLE_DEVICES": "void"},
        },
        "NVIDIA_VISIBLE_DEVICES=all",
    ),
    ("no-nvidia-runtime", "ok", {"device": "orin", "files": DOCKERENV}, "eglcore"),
    ("no-nvidia-runtime", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "bad",
        {"device": "orin", "files": plan("35.6.0")},
        "--l4t 36.4.3",
    ),
    (
        "image-for-another-l4t",
        "bad",
        {"files": {**plan("36.4.4"), f"{LIB}/nvidia/libnvidia-eglcore.so.580.00": ""}},
        "--l4t r38",
    ),
    ("image-for-another-l4t", "ok", {"device": "orin", "files": plan("36.4.4")}, "36.4.4"),
    ("image-for-another-l4t", "unknown", {"files": plan("36.4.4")}, "no driver's version"),
    ("image-for-another-l4t", "unknown", {"device": "orin", "files": DOCKERENV}, "not the kit's"),
    ("image-for-another-l4t", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "unknown",
        {"files": {PLAN: '{"target": null}'}},
        "not made for a Jetson",
    ),
    ("image-for-another-l4t", "unknown", {"files": {PLAN: "[]"}}, "can't be read"),
    ("device-permissions", "unknown", {}, "no NVIDIA"),
    ("device-permissions", "ok", {"device": "orin", "uid": 0}, "open to user 0"),
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
    (
        "power-mode",
        "bad",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Power Mode: 25W\n1\n"},
        },
        "nvpmodel -m 2",
    ),
    (
        "power-mode",
        "bad",
        {"files": {"etc/nvpmodel.conf": NVPMODEL, "var/lib/nvpmodel/status": "pmode:0000\n"}},
        "nvpmodel -m 2",
    ),
    ("power-mode", "unknown", {"files": CAPPED}, "612 MHz of 1020"),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Fan Mode:quiet\nNV Power Mode: MAXN_SUPER\n2\n"},
        },
        "its highest clock",
    ),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": TWO_MODES},
            "outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"},
        },
        "625 MHz",
    ),
    ("power-mode", "ok", {"outputs": {"nvpmodel": "NV Power Mode: MAXN\n0\n"}}, "MAXN"),
    (
        "power-mode",
        "ok",
        {"files": {**CAPPED, f"{DEVFREQ}/max_freq": "1020000000"}},
        "1020 MHz of 1020",
    ),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"}}, "15W"),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": missing("nvpmodel")}}, "not installed"),
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
    ("camera-node", "unknown", {}, "no camera is named"),
    ("camera-busy", "ok", filmed("0"), "no program that can be seen"),
    ("camera-busy", "ok", filmed("csi://0"), "no V4L2 device"),
    ("camera-busy", "unknown", {}, "no camera is named"),
]
