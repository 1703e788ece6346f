"""Attacks on the verdict.

What a wrong answer would rest on is named in each group's comment.
"""

from __future__ import annotations

import math
from typing import Any

from tests.unit.verify import samples as sample
from tests.unit.verify.cases.case import Case, case
from tests.unit.verify.samples import changed, counts, curve, node, samples, window

ORIN = sample.gpu_run()["context"]
LLVMPIPE = {name: sample.MESA_CONTEXT[name] for name in ("gl_renderer", "gl_vendor", "gl_version")}
GRAPHICS = [*sample.GLVND, *sample.NVIDIA]
LOADER = [*GRAPHICS, f"{sample.ARM}/libvulkan.so.1.3.204"]
FLAT = curve(samples(busy=2.0))
NONE_WHEN_IDLE = [[at, value if value > 20 else None] for at, value in samples()]


def work(frame: dict[str, int], **create: int) -> dict[str, Any]:
    result = {"egl_make_current": 1, "gl_link_program": 248, **create}
    return {"create": counts(**result), "frames": [frame, frame, frame]}


def nodes(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"run__driver__during__devices": list(devices)}


def detector(**more: Any) -> dict[str, Any]:
    """Return a FaceDetector on WebGPU, with an OpenGL context beside it as 1.2.2 has one."""
    return {
        "run__task": "FaceDetector",
        "run__work": work(counts(vk_dispatch=60, vk_submit=2), vk_device=1, vk_layer=1),
        "run__context": {**ORIN, "vk_name": "NVIDIA Tegra Orin (nvgpu)",
                         "vk_vendor_id": 0x10DE, "vk_device_type": 1},
        "run__driver__during__libraries": LOADER, **more,
    }  # fmt: skip


def mounted(at: str, kind: str = "ext4", root: str = "/home/user/file") -> dict[str, Any]:
    return {"run__driver__during__mounts": [
        *sample.MOUNTS, {"at": at, "type": kind, "root": root}]}  # fmt: skip


def files(**needed: list[str] | None) -> dict[str, Any]:
    """Return what the mapped files of NVIDIA's driver need, by a part of their names."""
    rows = sample.gpu_run()["driver"]["during"]["files"]
    for row in rows:
        row["needed"] = next(
            (names for part, names in needed.items() if part in row["path"]), row["needed"]
        )
    return {"run__driver__during__files": rows}  # fmt: skip


def held_words(part: str) -> dict[str, Any]:
    """Return the files of the driver, the one with `part` in its name of a rasterizer's code."""
    rows = sample.gpu_run()["driver"]["during"]["files"]
    for row in rows:
        row["holds"] = ["GALLIUM_HUD"] if part and part in row["path"] else []
    return {"run__driver__during__files": rows}


def times(cpu_s: float, gpu_s: float) -> dict[str, Any]:
    return {
        "cpu__times_s__frames": [9.0, cpu_s, cpu_s],
        "run__times_s__frames": [9.0, gpu_s, gpu_s],
    }


ELSEWHERE: dict[str, Any] = {"claims": [], "soc": None}
ON_CPU = {"run__result": sample.cpu_run()["result"], "run__hardware": FLAT}
CASES: tuple[Case, ...] = (
    # Device nodes: names are cheap, the kernel's own are not.
    case("node-is-dev-null", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvgpu/igpu0/ctrl", "null"))),
    case("node-is-a-plain-file", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "no device"))),
    case("one-of-two-nodes-is-false", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia-frontend"), node("/dev/nvhost-gpu", "zero"))),
    case("node-unknown-to-the-kernel", "unknown", "node-untold",
         **nodes(node("/dev/nvhost-gpu", None))),
    case("memory-node-alone", "unknown", "driver-without-device",
         **nodes(node("/dev/nvmap", "nvmap"))),
    case("control-nodes-alone", "unknown", "driver-without-device",
         **nodes(node("/dev/nvidiactl", "nvidia-frontend"), node("/dev/nvhost-ctrl", "nvhost"))),
    # The node's number, and the name of its major.
    case("null-that-sysfs-calls-nvidia0", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia0", (1, 3), "mem"))),
    case("null-by-its-number-alone", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia0", (1, 3)))),
    case("nvidia0-of-another-major", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia0", (506, 0), "nvidia"))),
    case("nvidia0-of-a-control-s-minor", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia", (195, 255), "nvidia"))),
    case("nvgpu-that-is-a-misc-device", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvgpu/igpu0/ctrl", "nvgpu/igpu0/ctrl", (10, 200), "misc"))),
    case("nvgpu-of-a-terminal-s-major", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvgpu/igpu0/ctrl", "nvgpu/igpu0/ctrl", (204, 64)))),
    case("node-without-a-number", "unknown", "node-untold",
         **nodes({**node("/dev/nvhost-gpu", "nvhost-gpu"), "major": None})),
    case("another-engine-s-node", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvhost-gpu", "nvhost-vic", (505, 3), "nvhost"))),
    case("sysfs-against-the-table", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvhost-gpu", "nvhost-gpu", (240, 0), "hidraw"))),
    case("modeset-as-nvidia0", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia-modeset", (195, 254), "nvidia-modeset"))),
    case("uvm-as-nvidia0", "unknown", "node-of-another-driver",
         **nodes(node("/dev/nvidia0", "nvidia-uvm", (508, 0), "nvidia-uvm"))),
    # What is mounted over the kernel's own words, and over the counters.
    case("tegrastats-of-shared-memory", "unknown", "foreign-mount",
         **mounted("/usr/bin/tegrastats", "tmpfs", "/usr/bin/tegrastats")),
    case("folder-over-usr-bin", "unknown", "foreign-mount", **mounted("/usr/bin")),
    case("folder-over-usr", "unknown", "foreign-mount", **mounted("/usr")),
    case("memory-for-usr", "unknown", "foreign-mount", **mounted("/usr", "tmpfs", "/")),
    case("nvml-from-home", "unknown", "foreign-mount",
         **mounted(f"{sample.ARM}/nvidia/libnvidia-ml.so.1")),
    case("nvml-of-a-version-from-home", "unknown", "foreign-mount",
         **mounted("/usr/lib64/libnvidia-ml.so.550.54.15")),
    case("folder-over-the-driver-s", "unknown", "foreign-mount",
         **mounted(f"{sample.ARM}/nvidia")),
    case("nvml-of-a-user-s-file-system", "unknown", "foreign-mount",
         **mounted("/usr/local/nvidia/lib64/libnvidia-ml.so.1", "fuse.sshfs", "/usr/lib/x.so")),
    case("file-over-uevent", "unknown", "foreign-mount",
         **mounted("/sys/devices/virtual/mem/null/uevent")),
    case("another-device-s-sysfs", "unknown", "foreign-mount",
         **mounted("/sys/devices/virtual/mem/null", "sysfs", "/devices/platform/17000000.gpu")),
    case("file-over-proc-devices", "unknown", "foreign-mount", **mounted("/proc/devices")),
    case("file-over-the-load", "unknown", "foreign-mount",
         **mounted("/sys/devices/platform/bus@0/17000000.gpu/load")),
    case("folder-over-devfreq", "unknown", "foreign-mount",
         **mounted("/sys/class/devfreq", "tmpfs", "/")),
    case("tmpfs-for-sys", "unknown", "foreign-mount", **mounted("/sys", "tmpfs", "/")),
    case("null-bound-to-nvidia0", "unknown", "foreign-mount",
         **mounted("/dev/nvidia0", "devtmpfs", "/null")),
    case("own-tegrastats-bound", "unknown", "foreign-mount", **mounted("/usr/bin/tegrastats")),
    case("own-nvml-below-opt-nvidia", "unknown", "foreign-mount",
         **mounted("/opt/nvidia/l4t-gpu-libs/openrm/libnvidia-ml.so.1")),
    case("own-folder-over-opt-nvidia", "unknown", "foreign-mount", **mounted("/opt/nvidia")),
    case("own-nvml-in-root-s-home", "unknown", "foreign-mount",
         **mounted("/usr/lib64/libnvidia-ml.so.1", "ext4", "/root/usr/lib64/libnvidia-ml.so.1")),
    case("own-nvml-beside-the-driver", "unknown", "foreign-mount",
         **mounted("/usr/lib64/libnvidia-ml.so.1", "ext4", "/run/nvidia/user/usr/lib/x.so")),
    case("own-folder-over-usr", "unknown", "foreign-mount",
         **mounted("/usr", "ext4", "/home/user/usr")),
    case("file-system-named-sysfs", "unknown", "foreign-mount",
         **mounted("/sys/dev/char", "fuse.sysfs", "/dev/char")),
    case("hugepages-and-cgroups", "gpu", "gpu", "gpu",
         **mounted("/sys/fs/cgroup", "cgroup2", "/")),
    case("sys-from-the-host", "gpu", "gpu", "gpu",
         **mounted("/sys/class/devfreq", "sysfs", "/class/devfreq")),
    case("mounts-unseen", "unknown", "mounts-unseen", run__driver__during__mounts=None),
    # Whose the files are that bear NVIDIA's names.
    case("swrast-as-eglcore", "unknown", "driver-file-of-mesa",
         **files(eglcore=["libdrm.so.2", "libLLVM-15.so.1", "libglapi.so.0"])),
    case("gallium-as-eglcore", "unknown", "driver-file-of-mesa",
         **files(eglcore=["libdrm_amdgpu.so.1", "libc.so.6"])),
    case("mesa-as-the-vendor", "unknown", "driver-file-of-mesa",
         **files(libEGL_nvidia=["libEGL_mesa.so.0"])),
    case("gallium-without-a-compiler", "unknown", "driver-file-of-mesa",
         **files(eglcore=["libdrm.so.2", "libexpat.so.1", "libz.so.1", "libc.so.6"])),
    case("lavapipe-without-a-compiler", "unknown", "driver-file-of-mesa",
         **files(eglcore=["libzstd.so.1", "libxcb-dri3.so.0", "libxshmfence.so.1", "libc.so.6"])),
    # What shows pictures on X needs these, whoever made it.
    case("driver-that-shows-on-x", "gpu", "gpu", "gpu",
         **files(libEGL_nvidia=["libxcb-dri3.so.0", "libxcb-present.so.0", "libxshmfence.so.1"],
                 eglcore=["libxcb-dri2.so.0", "libX11.so.6", "libc.so.6"])),
    case("rasterizer-s-code-as-eglcore", "unknown", "driver-file-of-mesa", **held_words("eglcore")),
    case("rasterizer-s-code-as-the-vendor", "unknown", "driver-file-of-mesa",
         **held_words("libEGL_nvidia")),
    case("rasterizer-s-code-in-another-file", "unknown", "two-drivers", run__driver__during__files=[
        *held_words("")["run__driver__during__files"],
        {"path": "/opt/app/plugin.bin", "needed": ["libc.so.6"], "holds": ["LP_NUM_THREADS"]}]),
    case("driver-file-deleted", "unknown", "driver-file-unread", **files(eglcore=None)),
    case("driver-file-left-out", "unknown", "driver-file-unread",
         run__driver__during__files=[]),
    # Parts of rasterizers, also of those to come.
    case("llvm-beside", "unknown", "compiler-beside-nvidia",
         run__driver__during__libraries=[*GRAPHICS, f"{sample.ARM}/libLLVM-15.so.1"]),
    case("llvm-of-another-year", "unknown", "compiler-beside-nvidia",
         run__driver__during__libraries=[*GRAPHICS, f"{sample.ARM}/libLLVM.so.23.1"]),
    case("gallium-of-another-year", "unknown", "compiler-beside-nvidia",
         run__driver__during__libraries=[*GRAPHICS, f"{sample.ARM}/libgallium-27.1.so"]),
    case("llvmlite-is-no-rasterizer", "gpu", "gpu", "gpu",
         run__driver__during__libraries=[
             *GRAPHICS, "/usr/lib/python3/dist-packages/llvmlite/libllvmlite.so"]),
    case("rasterizer-s-threads", "unknown", "two-drivers",
         run__driver__during__threads=["python3", "llvmpipe-0", "llvmpipe-1"]),
    case("rasterizer-s-threads-renamed-driver", "software", "software-library",
         run__driver__during__libraries=sample.GLVND,
         run__driver__during__threads=["python3", "llvmpipe-0"]),
    # A Tegra's name on what is none, or another one.
    case("tegra-on-x86", "unknown", "gpu", "renderer-of-another-machine",
         made_of={**ELSEWHERE, "machine": "x86_64", "cores": []}),
    case("tegra-on-an-arm-server", "unknown", "gpu", "renderer-of-another-machine",
         made_of={**ELSEWHERE, "cores": ["0x41:0xd0c"]}),
    case("thor-on-x86", "unknown", "gpu", "renderer-of-another-machine",
         made_of={**ELSEWHERE, "machine": "x86_64", "cores": []}, run__log__lines=[],
         run__context={**ORIN, "gl_renderer": "NVIDIA Thor/PCIe"}),
    case("nano-s-name-on-orin", "unknown", "gpu", "renderer-of-another-machine",
         run__log__lines=[],
         run__context={**ORIN, "gl_renderer": "NVIDIA Tegra X1 (nvgpu)/integrated"}),
    case("thor-s-name-on-cores-of-orin", "unknown", "gpu", "renderer-of-another-machine",
         made_of=ELSEWHERE, run__log__lines=[],
         run__context={**ORIN, "gl_renderer": "NVIDIA Thor/PCIe"}),
    case("tegra-without-a-name-and-cores", "unknown", "gpu", "renderer-of-another-machine",
         made_of={**ELSEWHERE, "cores": []}),
    case("orin-s-name-on-xavier", "unknown", "gpu", "renderer-of-another-machine",
         made_of={"soc": "tegra194", "cores": ["0x4e:0x004"]}),
    # Time.
    case("seven-times-slower", "unknown", "gpu", "slow-as-software", **times(0.02, 0.14)),
    case("ninety-times-slower", "unknown", "gpu", "slow-as-software", **times(0.003, 0.27)),
    case("slow-and-wrong", "broken", "gpu", "wrong-result", **times(0.02, 0.5),
         run__result__points=[[0.9, 0.9]] * 3),
    case("frames-before-their-begin", "unknown", "gpu", "no-rule",
         run__times_s__frames=[2.0, -0.008, -0.008]),
    case("frames-of-no-time", "unknown", "gpu", "no-rule",
         run__times_s__frames=[2.0, math.nan, math.nan]),
    case("cpu-that-never-ends", "unknown", "gpu", "no-rule",
         cpu__times_s__frames=[0.03, math.inf, math.inf]),
    case("no-faster", "gpu", "gpu", "gpu", **times(0.02, 0.03)),
    case("low-clocks", "gpu", "gpu", "gpu", **times(0.02, 0.08)),
    case("small-model-on-a-fast-cpu", "gpu", "gpu", "gpu", **times(0.001, 0.009)),
    # Contexts: more than one, of more than one driver, by more than one interface.
    case("second-renderer", "unknown", "contexts-mixed",
         run__work=work(counts(gl_dispatch=245), other_renderer=1)),
    case("llvmpipe-by-vulkan-too", "unknown", "other-driver",
         run__context={**ORIN, "vk_name": "llvmpipe (LLVM 15.0.6)", "vk_device_type": 4}),
    case("webgpu-on-lavapipe-beside-nvidia-gl", "software", "software-named",
         **detector(run__context={**ORIN, "vk_name": "llvmpipe", "vk_device_type": 4})),
    case("webgpu-on-nvidia-beside-llvmpipe", "unknown", "other-driver",
         **detector(run__context={**LLVMPIPE, "vk_name": "NVIDIA Tegra Orin (nvgpu)",
                                  "vk_vendor_id": 0x10DE, "vk_device_type": 1},
                    run__log__lines=[])),
    case("angle-on-swiftshader", "software", "software-named",
         run__context={"gl_renderer": "ANGLE (NVIDIA, Vulkan 1.3.0 (Subzero)), driver"},
         run__log__lines=[]),
    case("zink-on-nvidia", "unknown", "other-driver", run__log__lines=[],
         run__context={"gl_renderer": "zink Vulkan 1.3(NVIDIA Tegra Orin)"}),
    case("virgl-says-nvidia", "unknown", "other-driver", run__log__lines=[],
         run__context={"gl_renderer": "virgl (NVIDIA Tegra Orin (nvgpu))"}),
    case("long-name-cut-by-the-counter", "gpu", "gpu", "gpu",
         run__context={**ORIN, "gl_renderer": ("NVIDIA " + "x" * 200)[:159]},
         run__log__lines=[[0, "GL version: 3.2 (X), renderer: NVIDIA " + "x" * 200]]),
    # Work: a part of the model is not the model; what is not counted is not nothing.
    case("landmarks-without-detector", "unknown", "too-little-work",
         run__work=work(counts(gl_dispatch=177))),
    case("pose-landmarks-alone", "unknown", "too-little-work", run__task="PoseLandmarker",
         run__work=work(counts(gl_dispatch=135))),
    case("palms-alone", "unknown", "too-little-work", run__task="HandLandmarker",
         run__work=work(counts(gl_dispatch=112))),
    case("webgpu", "gpu", "gpu", "gpu", **detector()),
    case("webgpu-layer-switched-off", "unknown", "work-unseen", **detector(
        run__work=work(counts()), **ON_CPU)),
    case("webgpu-idle-on-gl-context", "cpu", "no-work", **detector(
        run__work=work(counts()), run__context=ORIN, run__driver__during__libraries=GRAPHICS,
        **ON_CPU)),
    case("uncounted-yet-busy", "unknown", "no-work", "uncounted-yet-busy",
         run__work=work(counts()), run__result=sample.cpu_run()["result"]),
    case("uncounted-yet-other-digits", "unknown", "no-work", "uncounted-yet-other-digits",
         run__work=work(counts()), run__hardware=FLAT),
    case("negative-counts", "unknown", "work-unseen",
         run__work=work(counts(gl_dispatch=245, unresolved=-1))),
    case("counts-are-words", "unknown", "work-unseen",
         run__work={"create": None, "frames": [{"gl_dispatch": "245"}] * 3}),
    case("left-with-a-code", "broken", "ended-early", run__outcome__exit_code=1),
    # Results.
    case("almost-the-cpu-s-digits", "unknown", "gpu", "same-bits",
         run__result__points=[[x + 1e-7, y] for x, y in sample.CPU_POINTS]),
    case("one-point-far-off", "broken", "gpu", "wrong-result",
         cpu__result__points=sample.CPU_POINTS * 100,
         run__result__points=[*sample.CPU_POINTS * 99, *sample.GPU_POINTS[:2], [0.9, 0.9]]),
    case("scores-are-none", "broken", "gpu", "wrong-result", run__result__scores=[None]),
    case("scores-are-wild", "broken", "gpu", "wrong-result", run__result__scores=[-7.0]),
    # The GPU's own counter.
    case("suspended-when-idle", "gpu", "gpu", "gpu", run__hardware=curve(NONE_WHEN_IDLE)),
    case("impossible-percentages", "unknown", "gpu", "counter-unreadable",
         run__hardware=curve([[at, value * 1e6 + 200] for at, value in samples()])),
    case("light-model", "gpu", "gpu", "gpu",
         run__hardware=curve([[at, value / 15] for at, value in samples(idle=2.0)])),
    # Controls and windows of another run.
    case("cpu-control-of-another-task", "unknown", "gpu", "controls-of-another-run",
         cpu__task="HandLandmarker"),
    case("cpu-control-of-another-version", "unknown", "gpu", "controls-of-another-run",
         cpu__mediapipe="1.0.0"),
    case("cpu-control-by-default", "unknown", "gpu", "controls-of-another-run",
         cpu__delegate="DEFAULT"),
    case("withheld-was-not", "unknown", "gpu", "controls-of-another-run",
         withheld__control="none"),
    case("run-of-another-task", "unknown", "gpu", "controls-of-another-run",
         run=changed(sample.gpu_run(), task="GestureRecognizer")),
    case("soak-that-was-not-run", "unknown", "gpu", "soak-missing", level="soak"),
    case("soak-that-was-cut-out", "unknown", "gpu", "soak-missing", level="soak", run__soak=[]),
    case("soak", "gpu", "gpu", "gpu", level="soak", run__soak=[window(), window()]),
    case("soak-lost-the-gpu-in-between", "unknown", "gpu", "soak-changed",
         run__soak=[window(), window(work=counts()), window()]),
)  # fmt: skip
