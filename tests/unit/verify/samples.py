"""Observations for the rules of verify: as recorded on Mesa, and as a Jetson's documents have it.

The board's are derived: library names, device nodes and strings are those of L4T 36.4 on an Orin.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mediapipe_jetson.verify import report, session

Document = dict[str, Any]
ZERO = dict.fromkeys(
    "gl_link_program gl_dispatch gl_draw egl_create_context egl_make_current "
    "vk_submit vk_dispatch vk_device unresolved other_renderer vk_layer".split(),
    0,
)
ARM = "/usr/lib/aarch64-linux-gnu"
GLVND = [f"{ARM}/libEGL.so.1.1.0", f"{ARM}/libGLESv2.so.2.1.0"]
NVIDIA = [
    f"{ARM}/tegra-egl/libEGL_nvidia.so.0",
    f"{ARM}/nvidia/libnvidia-eglcore.so.540.4.0",
    f"{ARM}/nvidia/libnvidia-glsi.so.540.4.0",
    f"{ARM}/nvidia/libnvrm_gpu.so",
]


def node(path: str, kernel: str | None, number: tuple[int, int] = (0, 0), table: Any = None) -> Any:
    """Return an open device node; without a number it has one of its kind."""
    fixed = re.search(r"nvidia(\d+)$", path)
    major, minor = number if any(number) else (195, int(fixed[1])) if fixed else (505, 1)
    return {"path": path, "driver": None, "kernel": kernel, "major": major, "minor": minor,
            "table": table}  # fmt: skip


NODES = [
    node("/dev/nvgpu/igpu0/ctrl", "nvgpu/igpu0/ctrl", (505, 1), "17000000.gpu"),
    node("/dev/nvmap", "nvmap", (10, 118), "misc"),
]
# As a container of Docker has them.
MOUNTS = [
    {"at": "/proc", "type": "proc", "root": "/"},
    {"at": "/sys", "type": "sysfs", "root": "/"},
    {"at": "/sys/firmware", "type": "tmpfs", "root": "/"},
]
# What the device is made of, as observe/emulation.py sees it.
BOARD: Document = {
    "marker": None,
    "variable": False,
    "claims": ["/proc/device-tree: NVIDIA Jetson Orin Nano Developer Kit", "/dev/nvmap"],
    "soc": "tegra234",
    "machine": "aarch64",
    "cores": ["0x41:0xd42"],
    "user_emulation": None,
    "virtual": [],
    "buses_seen": True,
}
VM = {
    **BOARD,
    "marker": '{"emulated": true}',
    "variable": True,
    "cores": ["0x41:0xd0b"],
    "virtual": ["PCI vendor 0x1af4 (virtio)"],
}
ORIN = {
    "model": "NVIDIA Jetson Orin Nano Developer Kit",
    "soc": "tegra234",
    "emulation": BOARD,
}
PC = {
    "model": None,
    "soc": None,
    "emulation": {**BOARD, "claims": [], "soc": None, "machine": "x86_64", "cores": []},
}
MESA_LIBRARIES = [
    "/usr/lib/x86_64-linux-gnu/libEGL.so.1.1.0",
    "/usr/lib/x86_64-linux-gnu/libEGL_mesa.so.0.0.0",
    "/usr/lib/x86_64-linux-gnu/dri/swrast_dri.so",
]
GALLIUM = [
    "/usr/lib/x86_64-linux-gnu/libEGL.so.1.1.0",
    "/usr/lib/x86_64-linux-gnu/libEGL_mesa.so.0.0.0",
    "/usr/lib/x86_64-linux-gnu/libgallium-25.0.7-2+deb13u1.so",
]
MESA_CONTEXT = {
    "gl_vendor": "Mesa/X.org",
    "gl_renderer": "llvmpipe (LLVM 15.0.6, 256 bits)",
    "gl_version": "OpenGL ES 3.2 Mesa 22.3.6",
    "egl_vendor": "Mesa Project",
    "egl_version": "1.5",
}
CPU_POINTS = [[0.4362208, 0.274591], [0.4363053, 0.2563971], [0.4361849, 0.2607384]]
GPU_POINTS = [[0.436964, 0.2745875], [0.437328, 0.2556607], [0.4370894, 0.260106]]
BEGAN_S, REST_FROM_S = 9.2, 9.4
MOMENTS = ("start", "before", "during")
TURNS = [[10.0, 10.6], [11.3, 12.4], [13.6, 14.3], [14.9, 15.8]]


def held(libraries: Sequence[str], devices: Sequence[Any], **more: Any) -> Document:
    """Return what a process has mapped and open; NVIDIA's files need no one else's."""
    named = [library for library in libraries if re.search(r"/lib(?:nvidia-|EGL_nvidia)", library)]
    return {
        "libraries": list(libraries),
        "devices": list(devices),
        "mounts": MOUNTS,
        "files": [{"path": item, "needed": ["libc.so.6"]} for item in named],
        "threads": ["python3", "mediapipe/0"],
        **more,
    }


def counts(**some: int) -> dict[str, int]:
    return {**ZERO, **some}


def samples(busy: float = 92.0, idle: float = 1.0, turns: Any = None) -> list[list[float]]:
    """Return a devfreq curve at 25 Hz that follows the turns."""
    result = []
    for step in range(int(7.5 * 25)):
        at = 9.0 + step / 25
        works = any(begin + 0.04 <= at <= end + 0.04 for begin, end in (turns or TURNS))
        result.append([at, (busy if works else idle) + math.sin(step)])
    return result


def curve(values: Sequence[Sequence[float | None]]) -> Document:
    return {
        "present": True,
        "hertz": 25.0,
        "samples": {"devfreq:/sys/devices/platform/17000000.gpu/load": values},
        "clocks_before": {},
        "clocks_after": {},
        "power_mode": "pmode:0002",
    }


def cpu_run() -> Document:
    """Return the control on the CPU of a Jetson."""
    frame = counts()
    driver = {moment: held(GLVND, []) for moment in MOMENTS}
    return copy.deepcopy(
        {
            "task": "FaceLandmarker",
            "delegate": "CPU",
            "control": "cpu",
            "mediapipe": "1.2.2",
            "outcome": {"stage": "done", "error": None, "exit_code": 0, "signal": None,
                        "timed_out": False},
            "context": {},
            "log": {"present": True, "problem": None, "lines": []},
            "stderr": "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
            "work": {"create": frame, "frames": [frame, frame, frame]},
            "driver": driver,
            "result": {"count": 1, "points": CPU_POINTS, "scores": [0.1]},
            "times_s": {"import": 2.0, "create": 0.1, "frames": [0.03, 0.02, 0.02]},
            "warmup": 1,
            "bursts": TURNS,
            "began_s": BEGAN_S,
            "rest_from_s": REST_FROM_S,
            "soak": None,
            "hardware": curve(samples(busy=2.0)),
        }
    )  # fmt: skip


def gpu_run() -> Document:
    """Return the run of an Orin on which all is as it should be."""
    run = cpu_run()
    line = (
        "GL version: 3.2 (OpenGL ES 3.2 NVIDIA 540.4.0), "
        "renderer: NVIDIA Tegra Orin (nvgpu)/integrated"
    )
    run.update(
        delegate="GPU",
        control="none",
        context={
            "gl_vendor": "NVIDIA Corporation",
            "gl_renderer": "NVIDIA Tegra Orin (nvgpu)/integrated",
            "gl_version": "OpenGL ES 3.2 NVIDIA 540.4.0",
            "egl_vendor": "NVIDIA",
            "egl_version": "1.5",
        },
        log={"present": True, "problem": None, "lines": [[0, line]]},
        work={
            "create": counts(gl_link_program=248, egl_create_context=1, egl_make_current=1),
            "frames": [counts(gl_dispatch=245, gl_link_program=4)] + [counts(gl_dispatch=245)] * 2,
        },
        result={"count": 1, "points": GPU_POINTS, "scores": [0.1]},
        times_s={"import": 2.0, "create": 3.0, "frames": [2.0, 0.008, 0.008]},
        hardware=curve(samples()),
    )
    run["driver"]["during"] = held([*GLVND, *NVIDIA], NODES)
    return copy.deepcopy(run)


def window(**more: Any) -> dict[str, Any]:
    run = gpu_run()
    return {
        "at_s": 1.0, "frames": 10, "median_s": 0.008, "memory_kb": 300000,
        "work": counts(gl_dispatch=2450), "driver": run["driver"]["during"],
        "result": run["result"], **more,
    }  # fmt: skip


def withheld_run() -> Document:
    """Return the same with the driver withheld."""
    run = gpu_run()
    text = "RET_CHECK failure (mediapipe/gpu/gl_context_egl.cc) Unable to initialize EGL"
    run.update(control="withheld", context=None, result=None, hardware=None, bursts=None)
    run["log"]["lines"] = []
    run["outcome"].update(stage="create", error={"type": "RuntimeError", "text": text})
    run["work"] = {"create": None, "frames": None}
    run["driver"]["during"] = None
    return run


def orin() -> Document:
    """Return one task's observations on the Orin."""
    return {"run": gpu_run(), "cpu": cpu_run(), "withheld": withheld_run()}


def mesa() -> Document:
    """Return one task's observations as recorded with Mesa 22.3.6 on x86_64."""
    result = orin()
    run = result["run"]
    run["context"] = dict(MESA_CONTEXT)
    line = "GL version: 3.2 (OpenGL ES 3.2 Mesa 22.3.6), renderer: llvmpipe (LLVM 15.0.6, 256 bits)"
    run["log"]["lines"] = [[0, line]]
    run["driver"]["during"] = held(MESA_LIBRARIES, [])
    for item in (run, result["cpu"]):
        item["hardware"] = {**curve([]), "present": False, "samples": {}}
        item["bursts"] = None
    return result


def changed(document: Mapping[str, Any], **patches: Any) -> Document:
    """Return a copy with values put at paths: `run__work__create=None`."""
    result = copy.deepcopy(dict(document))
    for path, value in patches.items():
        *parents, last = path.split("__")
        at = result
        for name in parents:
            at = at[name]
        at[last] = copy.deepcopy(value)
    return result


def report_on(expected: str = "gpu", **observed: Document) -> Document:
    """Return the report on observations by task."""
    tasks = {
        name: session.judge_task(observation, session.tasks()[name], "full", ORIN)
        for name, observation in observed.items()
    }
    observations = {"device": ORIN, "tasks": observed}
    settings = session.Settings(level="full")
    return report.document(tasks, observations, settings, expected)
