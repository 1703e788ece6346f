"""Attacks on the verdict: name, verdict, rule of the run, rule of the task, base, changes, level.

What a wrong answer would rest on is named in each group's comment.
"""

from __future__ import annotations

from typing import Any

from tests.unit import verify_samples as sample
from tests.unit.verify_samples import changed, counts, curve, samples

Attack = tuple[str, str, str, str, str, dict[str, Any], str]
ORIN = sample.gpu_run()["context"]
LLVMPIPE = {name: sample.MESA_CONTEXT[name] for name in ("gl_renderer", "gl_vendor", "gl_version")}
GRAPHICS = [*sample.GLVND, *sample.NVIDIA]
LOADER = [*GRAPHICS, f"{sample.ARM}/libvulkan.so.1.3.204"]
FLAT = curve(samples(busy=2.0))
NONE_WHEN_IDLE = [[at, value if value > 20 else None] for at, value in samples()]


def node(path: str, kernel: str | None) -> dict[str, Any]:
    return {"path": path, "driver": None, "kernel": kernel}


def attack(name: str, verdict: str, run_rule: str, task_rule: str = "run-not-gpu",
           base: str = "orin", level: str = "full", **patches: Any) -> Attack:  # fmt: skip
    return name, verdict, run_rule, task_rule, base, patches, level


def work(frame: dict[str, int], **create: int) -> dict[str, Any]:
    made = {"egl_make_current": 1, "gl_link_program": 248, **create}
    return {"create": counts(**made), "frames": [frame, frame, frame]}


def nodes(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"run__driver__during__devices": list(devices)}


def window(**more: Any) -> dict[str, Any]:
    run = sample.gpu_run()
    return {
        "at_s": 1.0, "frames": 10, "median_s": 0.008, "memory_kb": 300000,
        "work": counts(gl_dispatch=2450), "driver": run["driver"]["during"],
        "result": run["result"], **more,
    }  # fmt: skip


def detector(**more: Any) -> dict[str, Any]:
    """Return a FaceDetector on WebGPU, with an OpenGL context beside it as 1.2.2 has one."""
    return {
        "run__task": "FaceDetector",
        "run__work": work(counts(vk_dispatch=60, vk_submit=2), vk_device=1, vk_layer=1),
        "run__context": {**ORIN, "vk_name": "NVIDIA Tegra Orin (nvgpu)",
                         "vk_vendor_id": 0x10DE, "vk_device_type": 1},
        "run__driver__during__libraries": LOADER, **more,
    }  # fmt: skip


ON_CPU = {"run__result": sample.cpu_run()["result"], "run__hardware": FLAT}
ATTACKS: tuple[Attack, ...] = (
    # Device nodes: names are cheap, the kernel's own are not.
    attack("node-is-dev-null", "unknown", "node-of-another-driver",
           **nodes(node("/dev/nvgpu/igpu0/ctrl", "null"))),
    attack("node-is-a-plain-file", "unknown", "node-of-another-driver",
           **nodes(node("/dev/nvidia0", "no device"))),
    attack("one-of-two-nodes-is-false", "unknown", "node-of-another-driver",
           **nodes(node("/dev/nvidia0", "nvidia-frontend"), node("/dev/nvhost-gpu", "zero"))),
    attack("node-unknown-to-the-kernel", "unknown", "no-rule",
           **nodes(node("/dev/nvhost-gpu", None))),
    attack("memory-node-alone", "unknown", "driver-without-device",
           **nodes(node("/dev/nvmap", "nvmap"))),
    attack("control-nodes-alone", "unknown", "driver-without-device",
           **nodes(node("/dev/nvidiactl", "nvidia-frontend"), node("/dev/nvhost-ctrl", "nvhost"))),
    # Each generation's nodes and libraries must do.
    attack("nano-r32", "gpu", "gpu", "gpu",
           **nodes(node("/dev/nvhost-ctrl-gpu", "nvhost-ctrl-gpu"), node("/dev/nvmap", "nvmap")),
           run__driver__during__libraries=[
               *sample.GLVND, f"{sample.ARM}/tegra/libnvidia-eglcore.so.32.7.1"],
           run__context={**ORIN, "gl_renderer": "NVIDIA Tegra X1 (nvgpu)/integrated"},
           run__log__lines=[]),
    attack("xavier-r35", "gpu", "gpu", "gpu",
           **nodes(node("/dev/nvhost-as-gpu", "nvhost-as-gpu"), node("/dev/nvmap", "nvmap")),
           run__driver__during__libraries=[f"{sample.ARM}/tegra/libnvidia-eglcore.so.35.4.1"]),
    attack("orin-r39", "gpu", "gpu", "gpu",
           run__driver__during__libraries=[
               "/opt/nvidia/l4t-gpu-libs/nvgpu/libnvidia-eglcore.so.595.78"]),
    attack("thor-nvgpu", "gpu", "gpu", "gpu",
           **nodes(node("/dev/nvgpu/igpu-0000:01:00.0/ctrl", "nvgpu/igpu-0000:01:00.0/ctrl"))),
    attack("thor-openrm", "gpu", "gpu", "gpu",
           **nodes(node("/dev/nvidia0", "nvidia"), node("/dev/nvidiactl", "nvidia")),
           run__context={**ORIN, "gl_renderer": "NVIDIA Thor/PCIe"}, run__log__lines=[],
           run__driver__during__libraries=[
               "/opt/nvidia/l4t-gpu-libs/openrm/libnvidia-eglcore.so.595.78"]),
    # Contexts: more than one, of more than one driver, by more than one interface.
    attack("second-renderer", "unknown", "contexts-mixed",
           run__work=work(counts(gl_dispatch=245), other_renderer=1)),
    attack("llvmpipe-by-vulkan-too", "unknown", "other-driver",
           run__context={**ORIN, "vk_name": "llvmpipe (LLVM 15.0.6)", "vk_device_type": 4}),
    attack("webgpu-on-lavapipe-beside-nvidia-gl", "software", "software-named",
           **detector(run__context={**ORIN, "vk_name": "llvmpipe", "vk_device_type": 4})),
    attack("webgpu-on-nvidia-beside-llvmpipe", "unknown", "other-driver",
           **detector(run__context={**LLVMPIPE, "vk_name": "NVIDIA Tegra Orin (nvgpu)",
                                    "vk_vendor_id": 0x10DE, "vk_device_type": 1},
                      run__log__lines=[])),
    attack("angle-on-swiftshader", "software", "software-named",
           run__context={"gl_renderer": "ANGLE (NVIDIA, Vulkan 1.3.0 (Subzero)), driver"},
           run__log__lines=[]),
    attack("zink-on-nvidia", "unknown", "other-driver", run__log__lines=[],
           run__context={"gl_renderer": "zink Vulkan 1.3(NVIDIA Tegra Orin)"}),
    attack("virgl-says-nvidia", "unknown", "other-driver", run__log__lines=[],
           run__context={"gl_renderer": "virgl (NVIDIA Tegra Orin (nvgpu))"}),
    attack("long-name-cut-by-the-counter", "gpu", "gpu", "gpu",
           run__context={**ORIN, "gl_renderer": ("NVIDIA " + "x" * 200)[:159]},
           run__log__lines=[[0, "GL version: 3.2 (X), renderer: NVIDIA " + "x" * 200]]),
    # Work: a part of the model is not the model; what is not counted is not nothing.
    attack("landmarks-without-detector", "unknown", "too-little-work",
           run__work=work(counts(gl_dispatch=177))),
    attack("pose-landmarks-alone", "unknown", "too-little-work", run__task="PoseLandmarker",
           run__work=work(counts(gl_dispatch=135))),
    attack("palms-alone", "unknown", "too-little-work", run__task="HandLandmarker",
           run__work=work(counts(gl_dispatch=112))),
    attack("webgpu", "gpu", "gpu", "gpu", **detector()),
    attack("webgpu-layer-switched-off", "unknown", "work-unseen", **detector(
        run__work=work(counts()), **ON_CPU)),
    attack("webgpu-idle-on-gl-context", "cpu", "no-work", **detector(
        run__work=work(counts()), run__context=ORIN, run__driver__during__libraries=GRAPHICS,
        **ON_CPU)),
    attack("uncounted-yet-busy", "unknown", "no-work", "uncounted-yet-busy",
           run__work=work(counts()), run__result=sample.cpu_run()["result"]),
    attack("uncounted-yet-other-digits", "unknown", "no-work", "uncounted-yet-other-digits",
           run__work=work(counts()), run__hardware=FLAT),
    attack("negative-counts", "unknown", "work-unseen",
           run__work=work(counts(gl_dispatch=245, unresolved=-1))),
    attack("counts-are-words", "unknown", "work-unseen",
           run__work={"create": None, "frames": [{"gl_dispatch": "245"}] * 3}),
    attack("left-with-a-code", "broken", "ended-early", run__outcome__exit_code=1),
    # Results.
    attack("almost-the-cpu-s-digits", "unknown", "gpu", "same-bits",
           run__result__points=[[x + 1e-7, y] for x, y in sample.CPU_POINTS]),
    attack("one-point-far-off", "broken", "gpu", "wrong-result",
           cpu__result__points=sample.CPU_POINTS * 100,
           run__result__points=[*sample.CPU_POINTS * 99, *sample.GPU_POINTS[:2], [0.9, 0.9]]),
    attack("scores-are-none", "broken", "gpu", "wrong-result", run__result__scores=[None]),
    attack("scores-are-wild", "broken", "gpu", "wrong-result", run__result__scores=[-7.0]),
    # The GPU's own counter.
    attack("suspended-when-idle", "gpu", "gpu", "gpu", run__hardware=curve(NONE_WHEN_IDLE)),
    attack("impossible-percentages", "unknown", "gpu", "counter-unreadable",
           run__hardware=curve([[at, value * 1e6 + 200] for at, value in samples()])),
    attack("light-model", "gpu", "gpu", "gpu",
           run__hardware=curve([[at, value / 15] for at, value in samples(idle=2.0)])),
    # Controls and windows of another run.
    attack("cpu-control-of-another-task", "unknown", "gpu", "controls-of-another-run",
           cpu__task="HandLandmarker"),
    attack("cpu-control-of-another-version", "unknown", "gpu", "controls-of-another-run",
           cpu__mediapipe="1.0.0"),
    attack("cpu-control-by-default", "unknown", "gpu", "controls-of-another-run",
           cpu__delegate="DEFAULT"),
    attack("withheld-was-not", "unknown", "gpu", "controls-of-another-run",
           withheld__control="none"),
    attack("run-of-another-task", "unknown", "gpu", "controls-of-another-run",
           run=changed(sample.gpu_run(), task="GestureRecognizer")),
    attack("soak-lost-the-gpu-in-between", "unknown", "gpu", "soak-changed",
           run__soak=[window(), window(work=counts()), window()]),
)  # fmt: skip
