"""The parts of verify that observe: the shim's file, /proc, the GPU's own counters."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from mediapipe_jetson.verify import counters, cycles, facts, hardware, process, results, runner

from jetson_kit.wheels import shim
from tests.support.here import needs_parts, skip_without
from tests.unit.device_wheel_trees import SOURCE
from tests.unit.verify.samples import BEGAN_S, REST_FROM_S, TURNS, samples

CC = shutil.which("cc")
LAG_S = 0.25
needs_compiler = needs_parts("cc", "libc-dev")

FAKE_GL = """
#include <stdint.h>
int called, x_seen;
void glDispatchCompute(unsigned x, unsigned y, unsigned z) { called++; x_seen = x + y + z; }
void glLinkProgram(unsigned program) { called++; }
const unsigned char *glGetString(unsigned name)
{
    return (const unsigned char *)(name == 0x1F01 ? "Renderer of a test" : "GL");
}
"""
FAKE_EGL = """
typedef void (*function)(void);
extern void glDispatchCompute(unsigned, unsigned, unsigned);
unsigned eglMakeCurrent(void *d, void *a, void *b, void *c) { return 1; }
const char *eglQueryString(void *d, int name) { return "EGL of a test"; }
function eglGetProcAddress(const char *name)
{
    return name[2] == 'D' ? (function)glDispatchCompute : 0;
}
"""
# Calls through the global scope, as a library with an undefined symbol does, and by address.
CALLS = """
import ctypes, json, sys
gl = ctypes.CDLL("libGLESv2.so.2")
egl = ctypes.CDLL("libEGL.so.1")
here = ctypes.CDLL(None)
here.eglMakeCurrent(None, None, None, ctypes.c_void_p(1))
for _ in range(3):
    here.glDispatchCompute(4, 2, 1)
here.glLinkProgram(1)
here.eglGetProcAddress.restype = ctypes.c_void_p
by_name = here.eglGetProcAddress(b"glDispatchCompute")
ctypes.CFUNCTYPE(None, *[ctypes.c_uint] * 3)(by_name)(1, 1, 1)
real = ctypes.c_int.in_dll(gl, "called").value, ctypes.c_int.in_dll(gl, "x_seen").value
if sys.argv[1:]:
    here.glDrawArrays(0, 0, 0)
print(json.dumps(real))
"""


def compiled(code: Path, library: Path, *more: str | Path) -> Path:
    assert CC
    subprocess.run([CC, "-shared", "-fPIC", "-o", library, code, *more], check=True)
    return library


def native_shim(folder: Path) -> Path:
    """Return the shim as this machine's own compiler makes it."""
    sources = [shim.NATIVE / name for name in shim.SOURCES]
    flags = [flag for flag in shim.COMPILE if flag != "-c"]
    return compiled(sources[0], folder / "libmpjshim.so", *sources[1:], *flags, "-ldl")


@needs_compiler
def test_the_shim_counts_and_passes_on(tmp_path: Path) -> None:
    (tmp_path / "gl.c").write_text(FAKE_GL)
    (tmp_path / "egl.c").write_text(FAKE_EGL)
    gl = compiled(tmp_path / "gl.c", tmp_path / "libGLESv2.so.2", "-Wl,-soname,libGLESv2.so.2")
    compiled(tmp_path / "egl.c", tmp_path / "libEGL.so.1", gl, "-Wl,-soname,libEGL.so.1")
    page = tmp_path / "counters"
    counters.create(page)
    assert counters.Counters(page).pid() is None
    environ = {
        **os.environ,
        "LD_PRELOAD": str(native_shim(tmp_path)),
        "LD_LIBRARY_PATH": str(tmp_path),
        counters.FILE_VARIABLE: str(page),
    }
    command = [sys.executable, "-c", CALLS]
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    output, _ = child.communicate()
    assert child.returncode == 0
    # Four dispatches and one link arrived, the last of them with 1 + 1 + 1.
    assert json.loads(output) == [5, 3]
    seen = counters.Counters(page)
    assert seen.pid() == child.pid
    counted = {name: value for name, value in seen.counts().items() if value}
    assert counted == {"gl_dispatch": 4, "gl_link_program": 1, "egl_make_current": 1}
    assert seen.context()["gl_renderer"] == "Renderer of a test"
    assert seen.context()["egl_vendor"] == "EGL of a test"

    lost = subprocess.run([*command, "draw"], env=environ, capture_output=True, check=False)
    assert lost.returncode == 0
    assert counters.Counters(page).counts()["unresolved"] == 1


VULKAN = """
import ctypes
vk = ctypes.CDLL("libvulkan.so.1")
P, U = ctypes.c_void_p, ctypes.c_uint32
class Info(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("app", P), ("a", U), ("b", P),
                ("c", U), ("d", P)]
class Queue(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("family", U), ("count", U),
                ("priorities", P)]
class Device(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("count", U), ("queues", P), ("a", U),
                ("b", P), ("c", U), ("d", P), ("features", P)]
instance, number, physical = P(), U(1), P()
assert vk.vkCreateInstance(ctypes.byref(Info(type=1)), None, ctypes.byref(instance)) == 0
assert vk.vkEnumeratePhysicalDevices(instance, ctypes.byref(number), ctypes.byref(physical)) >= 0
one = ctypes.c_float(1)
wanted = Queue(type=2, count=1, priorities=ctypes.addressof(one))
info = Device(type=3, count=1, queues=ctypes.addressof(wanted))
device, queue = P(), P()
assert vk.vkCreateDevice(physical, ctypes.byref(info), None, ctypes.byref(device)) == 0
vk.vkGetDeviceProcAddr.restype = P
def of(name, *types):
    address = vk.vkGetDeviceProcAddr(device, name)
    return ctypes.CFUNCTYPE(ctypes.c_int, *types)(address)
of(b"vkGetDeviceQueue", P, U, U, P)(device, 0, 0, ctypes.byref(queue))
for _ in range(3):
    assert of(b"vkQueueSubmit", P, U, P, ctypes.c_uint64)(queue, 0, None, 0) == 0
assert vk.vkQueueSubmit(queue, 0, None, ctypes.c_uint64(0)) == 0
"""


@needs_compiler
def test_the_layer_counts_submissions(tmp_path: Path) -> None:
    """A real device through the loader: Mesa's lavapipe, or whatever this machine has."""
    skip_without("vulkan", "lavapipe")
    environ = runner.environment("none", native_shim(tmp_path), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", VULKAN], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = counters.Counters(tmp_path / "counters")
    counted = {name: value for name, value in seen.counts().items() if value}
    assert counted.pop("vk_layer") >= 1
    assert counted == {"vk_device": 1, "vk_submit": 4}
    context = seen.context()
    assert context["vk_name"]
    if "llvmpipe" in context["vk_name"]:
        assert context["vk_device_type"] == facts.VK_DEVICE_CPU


def test_the_layout_is_the_header_s() -> None:
    header = (SOURCE.parent / "native" / "shim.h").read_text()
    names = re.search(r"enum \{\s*(.*?)\s*\};", header, re.DOTALL)
    assert names and len(names.group(1).split(",")) - 1 == len(counters.NAMES)
    assert f"#define SHIM_SIZE {counters.SIZE}" in header
    assert f"#define TEXT {counters.TEXT}" in header
    end = counters.HEADER.size + len(counters.TEXTS) * counters.TEXT + counters.DEVICE.size
    assert end <= counters.SIZE


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_load_files_of_three_generations(tmp_path: Path) -> None:
    nano = tree(tmp_path / "nano", {"sys/devices/gpu.0/load": "437\n"})
    orin = tree(
        tmp_path / "orin",
        {
            "sys/class/devfreq/17000000.gpu/device/of_node/name": "gpu\0",
            "sys/class/devfreq/17000000.gpu/device/load": "998\n",
            "sys/class/devfreq/17000000.gpu/cur_freq": "612000000\n",
            "sys/class/devfreq/15340000.vic/device/of_node/name": "vic\0",
            "sys/class/devfreq/15340000.vic/device/load": "5\n",
        },
    )
    thor = tree(tmp_path / "thor", {"sys/class/devfreq/gpu-gpc-0/cur_freq": "1574000000\n"})
    assert [hardware.load_percent(path) for path in hardware.load_files(nano)] == [43.7]
    assert [hardware.load_percent(path) for path in hardware.load_files(orin)] == [99.8]
    assert hardware.load_files(thor) == []
    assert hardware.frequencies(thor) == {"gpu-gpc-0/cur_freq": "1574000000"}
    assert hardware.frequencies(orin) == {"17000000.gpu/cur_freq": "612000000"}
    assert hardware.load_files(tmp_path / "none") == []
    bad = tree(tmp_path / "bad", {"a": "no number", "b": "1001", "c": ""})
    assert [hardware.load_percent(bad / name) for name in "abcd"] == [None] * 4


@pytest.mark.parametrize(
    ("device", "more"),
    [
        # A container masks /sys/firmware, where of_node points: names and uevent are left.
        ("17000000.ga10b", {}),
        ("17000000.gv11b", {}),
        ("platform/17000000.ga10b", {}),
        ("platform/gpu.0", {}),
        ("platform/bus@0/17000000.gpu", {}),
        ("platform/bus@0/odd", {"OF_NAME": "gpu"}),
        ("57000000.gpu", {"OF_NAME": "gpu", "DRIVER": "gk20a"}),
    ],
)
def test_load_files_in_a_container(tmp_path: Path, device: str, more: dict[str, str]) -> None:
    place = f"sys/devices/{device}"
    event = "".join(f"{name}={value}\n" for name, value in more.items())
    root = tree(tmp_path, {f"{place}/load": "437\n", f"{place}/uevent": event})
    (root / place / "of_node").symlink_to("/sys/firmware/devicetree/base/masked")
    if "odd" in device:
        entry = root / "sys/class/devfreq/odd"
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(root / place)
    assert [hardware.load_percent(path) for path in hardware.load_files(root)] == [43.7]
    # A video engine's load is no GPU's.
    (root / "sys/devices/platform/15340000.vic").mkdir(parents=True)
    (root / "sys/devices/platform/15340000.vic/load").write_text("5\n")
    assert len(hardware.load_files(root)) == 1


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("EMC_FREQ 0%@1600 GR3D_FREQ 0%@76 APE 25", 0.0),
        ("EMC_FREQ 2%@204 GR3D_FREQ 0%@[114] VIC_FREQ 115", 0.0),
        ("EMC_FREQ 61%@2133 GR3D_FREQ 99%@[612] NVDEC off", 99.0),
        ("EMC_FREQ 34%@4266 GR3D_FREQ 87%@[1574,1574,1574] NVENC0_FREQ @1691", 87.0),
        ("EMC_FREQ 0% GR3D_FREQ 88% VIC off", 88.0),
        ("EMC_FREQ 3%@2133 GR3D_FREQ @[1574,1574,1574] VIC off", None),
        ("RAM 721/31927MB", None),
    ],
)
def test_tegrastats(line: str, percent: float | None) -> None:
    assert hardware.tegrastats_percent(line) == percent


def test_the_sampler_keeps_its_rate(tmp_path: Path) -> None:
    root = tree(tmp_path, {"sys/devices/gpu.0/load": "500\n"})
    sampler = hardware.Sampler(root)
    sampler.start()
    time.sleep(0.6)
    (root / "sys/devices/gpu.0/load").write_text("10\n")
    time.sleep(0.6)
    result = sampler.stop()
    values = result["samples"][f"devfreq:{root}/sys/devices/gpu.0/load"]
    assert result["present"]
    assert len(values) >= 20
    assert (values[0][1], values[-1][1]) == (50.0, 1.0)
    assert not hardware.Sampler(tmp_path / "none").stop()["present"]


def test_a_curve_that_lags_still_follows() -> None:
    late = [(at + 0.15, value) for at, value in samples()]
    assert cycles.follows(late, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "rises"
    assert cycles.follows([], TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "unreadable"
    began = [item for item in late if item[0] > BEGAN_S]
    unseen = cycles.follows(began, TURNS, BEGAN_S, REST_FROM_S, LAG_S)
    assert unseen["hardware"] == "unreadable"
    # What the process does before it rests, such as compiling shaders, is no idle base.
    prepared = [(at, 99.0 if BEGAN_S <= at < REST_FROM_S else value) for at, value in late]
    assert cycles.follows(prepared, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "rises"
    constant = [(at, 50.0) for at, _ in samples()]
    assert cycles.follows(constant, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "busy-before"


def test_maps_and_open_devices(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/7/maps": (
                "7f00-7f01 r-xp 00000000 08:01 11 /usr/lib/libnvidia-eglcore.so.540.4.0\n"
                "7f01-7f02 r--p 00000000 08:01 11 /usr/lib/libnvidia-eglcore.so.540.4.0\n"
                "7f02-7f03 r-xp 00000000 08:01 12 /opt/x/site-packages/numpy/core.so\n"
                "7f03-7f04 r-xp 00000000 08:01 13 /opt/my app/lib a.so.1 (deleted)\n"
                "7f04-7f05 rw-p 00000000 00:00 0 [heap]\n"
                "7f05-7f06 rw-p 00000000 00:00 0 \n"
            ),
        },
    )
    assert process.mapped(root, "7") == [
        "/opt/my app/lib a.so.1 (deleted)",
        "/usr/lib/libnvidia-eglcore.so.540.4.0",
    ]
    opened = root / "proc/7/fd"
    opened.mkdir()
    for number, target in enumerate(["/dev/null", "/dev/nvmap", "/dev/dri/renderD128", "pipe:[1]"]):
        (opened / str(number)).symlink_to(target)
    (root / "sys/class/drm/renderD128/device").mkdir(parents=True)
    (root / "sys/class/drm/renderD128/device/driver").symlink_to("../../../bus/pci/drivers/amdgpu")
    nothing = dict.fromkeys(("kernel", "major", "minor", "table"))
    assert process.devices(root, "7") == [
        {"path": "/dev/dri/renderD128", "driver": "amdgpu", **nothing},
        {"path": "/dev/nvmap", "driver": None, **nothing},
    ]
    assert process.mapped(root, "8") is None
    assert process.devices(root, "8") is None
    mine = process.observe()
    assert any("libc.so" in path or "libc-" in path for path in mine["libraries"])


def test_versions_are_ordered_by_numbers() -> None:
    detector = {
        v: facts.interface("FaceDetector", v) for v in ("1.0.1", "1.2.2+jetson.1", "1.10.0")
    }
    assert [row and row["api"] for row in detector.values()] == ["gl", "webgpu", "webgpu"]
    assert facts.interface("FaceDetector", "0.9.3") is None
    assert facts.interface("FaceDetector", "") is None


def test_no_nan_reaches_the_report() -> None:
    point = SimpleNamespace(x=float("nan"), y=0.25)
    namespace = SimpleNamespace(pose_landmarks=[[point]])
    assert results.digest("pose", namespace) == {"count": 1, "points": [[None, 0.25]]}


def test_ctypes_signature_of_the_callback() -> None:
    """The callback takes severity, text and the user's pointer, as the library calls it."""
    from mediapipe_jetson.verify import child

    log = child.Log(Path("/nonexistent"))
    assert log.problem
    log.callback(2, b"GL version: 3.2", None)
    log.callback(1, None, ctypes.c_void_p(5))
    assert log.lines == [[2, "GL version: 3.2"], [1, ""]]
