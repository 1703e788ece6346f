"""Cases of each rule, on each side of it."""

from __future__ import annotations

from typing import Any

from tests.unit.verify import samples as sample
from tests.unit.verify.cases.case import Case, case
from tests.unit.verify.samples import changed, counts, curve, held, node, samples, window

DISABLED = {
    "type": "NotImplementedError",
    "text": "ImageCloneCalculator: GPU processing is disabled in build flags",
}
NO_LIBRARY = {
    "type": "OSError",
    "text": "libGLESv2.so.2: cannot open shared object file: No such file or directory",
}
OTHER = {"type": "RuntimeError", "text": "CalculatorGraph::Run() failed"}
NO_EGL = {"type": "RuntimeError", "text": "egl_initialized Unable to initialize EGL"}
REFUSED = "E0000 gl_context.cc] GPU emulation detected, but not supported\n"
NO_ADAPTER = "ERROR: Failed to initialize WebGPU environment: INTERNAL: No adapters found\n"
ORIN_LIBRARIES = [*sample.GLVND, *sample.NVIDIA]
BARE = held(sample.GLVND, [])
DISCRETE = held(
    ["/usr/lib/x86_64-linux-gnu/libnvidia-eglcore.so.580.1"],
    [node("/dev/nvidia0", "nvidia-frontend"),
     {**node("/dev/dri/renderD128", "dri/renderD128", (226, 128)), "driver": "nvidia"}],
)  # fmt: skip
RENDER_NODE = {"path": "/dev/dri/renderD128", "driver": "virtio_gpu"}
AMD_NODE = {"path": "/dev/dri/renderD128", "driver": "amdgpu"}
NOTHING_COUNTED = {"create": None, "frames": None}
RENAMED = {**sample.MESA_CONTEXT, "gl_renderer": "NVIDIA Tegra Orin (nvgpu)/integrated"}
RENAMED_LINE = [[0, "GL version: 3.2 (OpenGL ES 3.2 Mesa 22.3.6), "
                    "renderer: NVIDIA Tegra Orin (nvgpu)/integrated"]]  # fmt: skip
OTHER_TURNS = [[9.6, 10.1], [10.9, 11.9], [13.0, 13.5], [14.4, 14.8]]
CLAIMS_NVIDIA = sample.gpu_run()["context"]
ON_CPU = {"run__result": sample.cpu_run()["result"], "run__hardware": curve(samples(busy=2.0))}


def work(frame: dict[str, int], **create: int) -> dict[str, Any]:
    result = counts(**(create or {"egl_make_current": 1, "gl_link_program": 248}))
    return {"create": result, "frames": [frame, frame, frame]}


def failed(stage: str, error: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {"stage": stage, "error": error, "signal": None, "timed_out": False, **more}


CASES: tuple[Case, ...] = (
    # All as it should be, in full and without the controls that quick leaves out.
    case("orin", "gpu", "gpu", "gpu"),
    case("orin-quick", "gpu", "gpu", "gpu", level="quick", withheld=None, cpu__hardware=None),
    case("orin-jetpack4-nodes", "gpu", "gpu", "gpu",
         run__driver__during__devices=[
             node("/dev/nvhost-gpu", "nvhost-gpu")]),
    case("orin-no-callback", "gpu", "gpu", "gpu",
         run__log={"present": False, "problem": "undefined symbol", "lines": []}),
    case("discrete-gpu", "gpu", "gpu", "gpu",
         run__driver__during=DISCRETE),
    # Software rasterizers under any name.
    case("llvmpipe", "software", "software-named", base="mesa"),
    case("swiftshader-vulkan", "software", "software-named", base="mesa",
         run__context={"vk_name": "SwiftShader Device (LLVM 10.0.0)"}, run__log__lines=[]),
    case("cpu-adapter-nameless", "software", "software-named", base="mesa",
         run__context={"vk_name": "NVIDIA Tegra Orin", "vk_device_type": 4, "vk_vendor_id": 0x10DE},
         run__log__lines=[], run__driver__during=BARE),
    case("cpu-adapter-logged", "software", "software-named", run__task="FaceDetector",
         run__stderr="I0000 Selected adapter: X, backend=Vulkan, adapterType=CPU / Software\n"),
    case("renamed-renderer", "software", "software-library", base="mesa",
         run__context=RENAMED, run__log__lines=RENAMED_LINE),
    case("renamed-everything", "software", "software-library", base="mesa",
         run__context=CLAIMS_NVIDIA, run__log__lines=[]),
    case("lavapipe-renamed", "software", "software-library", base="mesa",
         run__context=CLAIMS_NVIDIA, run__log__lines=[],
         run__driver__during__libraries=["/usr/lib/libvulkan_lvp.so"]),
    case("gallium-renamed", "software", "work-without-device", base="mesa",
         run__context=RENAMED, run__log__lines=RENAMED_LINE,
         run__driver__during__libraries=sample.GALLIUM),
    case("own-rasterizer-says-nvidia", "software", "work-without-device",
         run__driver__during=BARE),
    case("gallium-renamed-uncounted", "software", "context-without-device", base="mesa",
         run__context=RENAMED, run__log__lines=RENAMED_LINE, run__work=NOTHING_COUNTED,
         run__driver__during__libraries=sample.GALLIUM),
    case("mediapipe-refuses", "software", "software-refused", base="mesa",
         run__outcome=failed("create", OTHER), run__stderr=REFUSED, run__driver__during=None),
    case("refusal-of-another-run-in-a-log", "gpu", "gpu", "gpu", run__stderr=REFUSED),
    case("both-drivers-mapped", "unknown", "two-drivers",
         run__driver__during__libraries=[*ORIN_LIBRARIES, *sample.MESA_LIBRARIES]),
    # Names that say NVIDIA without NVIDIA's driver in the process.
    case("name-without-driver", "unknown", "name-without-driver",
         run__driver__during__libraries=sample.GLVND),
    case("vendor-library-alone", "unknown", "name-without-driver",
         run__driver__during__libraries=[*sample.GLVND, sample.NVIDIA[0]]),
    case("driver-without-device", "unknown", "driver-without-device",
         run__driver__during__devices=[AMD_NODE]),
    case("renamed-on-amd", "unknown", "other-driver", base="mesa",
         run__context=RENAMED, run__log__lines=RENAMED_LINE,
         run__driver__during={"libraries": sample.GALLIUM, "devices": [AMD_NODE]}),
    case("nouveau", "unknown", "other-driver",
         run__context={"vk_name": "NVIDIA Tegra (NVK GA10B)", "vk_vendor_id": 0x10DE},
         run__log__lines=[]),
    case("mali", "unknown", "other-driver",
         run__context={"gl_renderer": "Mali-G78", "gl_vendor": "ARM"}, run__log__lines=[],
         run__driver__during={"libraries": ["/usr/lib/libmali.so"],
                              "devices": [{"path": "/dev/mali0", "driver": None}]}),
    case("virtual-gpu", "unknown", "virtual-gpu", base="mesa",
         run__context=RENAMED, run__log__lines=RENAMED_LINE,
         run__driver__during={"libraries": sample.GALLIUM, "devices": [RENDER_NODE]}),
    case("log-names-another", "unknown", "contexts-disagree", run__log__lines=RENAMED_LINE,
         run__context={**CLAIMS_NVIDIA, "gl_renderer": "another"}),
    case("driver-preloaded", "unknown", "preloaded-driver",
         run__driver__start__libraries=ORIN_LIBRARIES),
    case("driver-in-process-before", "unknown", "gpu", "driver-before-task",
         run__driver__before__libraries=ORIN_LIBRARIES),
    # Work.
    case("asked-gpu-got-cpu", "cpu", "no-work", run__work=work(counts()),
         run__driver__during=BARE, run__context={}, run__log__lines=[], **ON_CPU),
    case("context-but-no-dispatch", "cpu", "no-work", run__work=work(counts()), **ON_CPU),
    case("context-unseen-by-counter", "unknown", "work-unseen",
         run__work=work(counts(), egl_make_current=0)),
    case("only-preprocessing", "unknown", "too-little-work", run__work=work(counts(gl_dispatch=3))),
    case("one-frame-without-work", "unknown", "too-little-work",
         run__work={"create": counts(egl_make_current=1),
                    "frames": [counts(gl_dispatch=245), counts(gl_dispatch=245), counts()]}),
    case("just-enough", "gpu", "gpu", "gpu", run__work=work(counts(gl_dispatch=200))),
    case("one-too-few", "unknown", "too-little-work", run__work=work(counts(gl_dispatch=199))),
    case("pure-wheel", "unknown", "work-unseen", run__work=NOTHING_COUNTED),
    case("calls-lost", "unknown", "calls-lost",
         run__work=work(counts(gl_dispatch=245, unresolved=1))),
    case("unknown-version", "unknown", "work-unseen", run__mediapipe=None),
    case("older-than-the-table", "unknown", "work-unseen", run__mediapipe="0.8.9"),
    case("pure-wheel-cpu", "cpu", "no-driver-at-all", run__work=NOTHING_COUNTED, run__context=None,
         run__log__lines=[], run__driver__during=BARE),
    case("pure-wheel-driver-mapped", "unknown", "work-unseen", run__work=NOTHING_COUNTED,
         run__context=None, run__log__lines=[]),
    case("proc-hidden", "unknown", "not-inspected",
         run__driver__during={"libraries": None, "devices": None}),
    # WebGPU: another counter.
    case("detector-webgpu", "gpu", "gpu", "gpu", run__task="FaceDetector",
         run__work=work(counts(vk_dispatch=60, vk_submit=2), vk_device=1)),
    case("detector-gl-dispatches-only", "unknown", "too-little-work", run__task="FaceDetector"),
    case("detector-idle-gl-context", "cpu", "no-work", run__task="FaceDetector",
         run__work=work(counts()), **ON_CPU),
    case("detector-before-webgpu", "gpu", "gpu", "gpu", run__task="FaceDetector",
         run__mediapipe="1.0.1",
         cpu__mediapipe="1.0.1", withheld__mediapipe="1.0.1",
         run__work=work(counts(gl_dispatch=68))),
    case("only-drawing", "unknown", "too-little-work", run__work=work(counts(gl_draw=40))),
    case("idle-context-on-llvmpipe", "cpu", "no-work", base="mesa", run__work=work(counts()),
         **ON_CPU),
    # Failures.
    case("gpu-not-built-in", "cpu", "library-without-gpu", "gpu-not-built-in",
         run__outcome=failed("create", DISABLED), run__driver__during=None),
    case("gpu-not-built-in-cpu-broken", "broken", "library-without-gpu", "nothing-works",
         run__outcome=failed("create", DISABLED), cpu__outcome=failed("create", OTHER)),
    case("other-creation-error", "broken", "create-failed", run__outcome=failed("create", OTHER)),
    case("no-egl", "broken", "no-egl-display", run__outcome=failed("create", NO_EGL)),
    case("egl-error-recovered", "gpu", "gpu", "gpu", run__stderr="Unable to initialize EGL\n"),
    case("no-vulkan", "broken", "no-vulkan-adapter", run__outcome=failed("create", OTHER),
         run__stderr=NO_ADAPTER, run__task="FaceDetector"),
    case("created-then-failed", "broken", "created-then-failed",
         run__outcome=failed("infer", OTHER)),
    case("failed-in-the-soak", "broken", "created-then-failed", run__outcome=failed("done", OTHER)),
    case("glesv2-missing", "broken", "missing-library", "nothing-works",
         run__outcome=failed("import", NO_LIBRARY), cpu__outcome=failed("import", NO_LIBRARY)),
    case("glesv2-missing-on-gpu-only", "broken", "missing-library",
         run__outcome=failed("create", NO_LIBRARY)),
    case("model-missing", "broken", "no-model",
         run__outcome=failed("start", {"type": None, "text": "no model /a: no such file"})),
    case("import-fails", "broken", "import-failed", run__outcome=failed("import", OTHER)),
    case("hangs", "broken", "timed-out", run__outcome=failed("create", None, timed_out=True)),
    case("hangs-at-import", "broken", "timed-out-at-start",
         run__outcome=failed("import", None, timed_out=True)),
    case("crashes", "broken", "killed", run__outcome=failed("infer", None, signal="SIGSEGV")),
    case("crashes-at-the-end", "broken", "killed",
         run__outcome=failed("done", None, signal="SIGABRT")),
    case("ends-early", "broken", "ended-early", run__outcome=failed("infer", None)),
    # Controls.
    case("cpu-control-absent", "unknown", "gpu", "cpu-control-missing", cpu=None),
    case("cpu-control-on-gpu", "unknown", "gpu", "cpu-control-not-cpu", cpu=sample.gpu_run()),
    case("cpu-control-fails", "unknown", "gpu", "cpu-control-not-cpu",
         cpu__outcome=failed("create", OTHER)),
    case("driver-in-cpu-control", "unknown", "gpu", "driver-in-cpu-control",
         cpu__driver__during={"libraries": ORIN_LIBRARIES, "devices": sample.NODES},
         cpu__work=work(counts())),
    case("node-open-in-cpu-control", "unknown", "gpu", "driver-in-cpu-control",
         cpu__driver__during__devices=sample.NODES),
    case("old-version-opens-a-context", "gpu", "gpu", "gpu",
         run__mediapipe="0.10.21", cpu__mediapipe="0.10.21", withheld__mediapipe="0.10.21",
         cpu__driver__during={"libraries": ORIN_LIBRARIES, "devices": sample.NODES},
         cpu__work=work(counts())),
    case("withheld-still-gpu", "unknown", "gpu", "withheld-still-gpu",
         withheld=changed(sample.gpu_run(), control="withheld")),
    case("withheld-absent", "unknown", "gpu", "withheld-missing", withheld=None),
    # Results.
    case("wrong-place", "broken", "gpu", "wrong-result",
         run__result__points=[[x + 0.05, y] for x, y in sample.GPU_POINTS]),
    case("within-tolerance", "gpu", "gpu", "gpu",
         run__result__points=[[x + 0.005, y] for x, y in sample.CPU_POINTS]),
    case("finds-nothing", "broken", "gpu", "wrong-result",
         run__result={"count": 0, "points": [], "scores": []}),
    case("fewer-points", "broken", "gpu", "wrong-result",
         run__result__points=sample.GPU_POINTS[:2]),
    case("nan", "broken", "gpu", "wrong-result",
         run__result__points=[[float("nan"), 0.2], *sample.GPU_POINTS[1:]]),
    case("no-number", "broken", "gpu", "wrong-result",
         run__result__points=[[None, 0.2], *sample.GPU_POINTS[1:]]),
    case("cpu-finds-nothing", "unknown", "gpu", "no-reference",
         cpu__result={"count": 0, "points": [], "scores": []}),
    case("result-untold", "unknown", "gpu", "no-reference", run__result=None),
    case("cpu-digits-replayed", "unknown", "gpu", "same-bits",
         run__result=sample.cpu_run()["result"]),
    # The GPU's own counter.
    case("counter-flat", "unknown", "gpu", "counter-flat", run__hardware=curve(samples(busy=2.0))),
    case("busy-with-others", "unknown", "gpu", "gpu-busy-with-others",
         run__hardware=curve(samples(busy=97.0, idle=97.0))),
    case("busy-but-follows", "gpu", "gpu", "gpu",
         run__hardware=curve(samples(busy=97.0, idle=60.0))),
    case("others-in-another-rhythm", "unknown", "gpu", "counter-flat",
         run__hardware=curve(samples(turns=OTHER_TURNS))),
    case("sampled-too-rarely", "unknown", "gpu", "counter-unreadable",
         run__hardware=curve(samples()[::10])),
    case("counter-says-nothing", "unknown", "gpu", "counter-unreadable",
         run__hardware=curve([[at, None] for at, _ in samples()])),
    case("two-turns-only", "unknown", "gpu", "counter-unreadable", run__bursts=sample.TURNS[:2]),
    case("counter-expected", "unknown", "gpu", "counter-expected",
         run__hardware={**curve([]), "present": False, "samples": {}}),
    case("counter-follows-cpu-too", "unknown", "gpu", "counter-follows-cpu",
         cpu__hardware=curve(samples())),
    case("not-sampled", "unknown", "gpu", "no-rule", run__hardware=None),
    # Soak.
    case("soak-steady", "gpu", "gpu", "gpu", run__soak=[window(), window(median_s=0.009)]),
    case("soak-driver-lost", "unknown", "gpu", "soak-changed",
         run__soak=[window(), window(driver=BARE)]),
    case("soak-work-ends", "unknown", "gpu", "soak-changed",
         run__soak=[window(), window(work=counts())]),
    case("soak-result-drifts", "unknown", "gpu", "soak-changed",
         run__soak=[window(), window(result={"count": 0, "points": [], "scores": []})]),
    case("soak-leaks", "broken", "gpu", "soak-leaks",
         run__soak=[window(memory_kb=300000 + 50000 * n) for n in range(6)]),
    case("soak-caches-fill", "gpu", "gpu", "gpu",
         run__soak=[window(memory_kb=size) for size in (200000, 400000, 400100, 400050, 400100)]),
    # A device that only stands for a Jetson, all else being as on a board.
    case("virtual-device", "unknown", "gpu", "emulated-device", made_of=sample.VM),
    case("marker-alone", "unknown", "gpu", "emulated-device", made_of={"marker": ""}),
    case("variable-alone", "unknown", "gpu", "emulated-device", made_of={"variable": True}),
    case("marker-and-variable-taken-away", "unknown", "gpu", "emulated-device",
         made_of={**sample.VM, "marker": None, "variable": False}),
    case("another-core-alone", "unknown", "gpu", "emulated-device",
         made_of={"cores": ["0x41:0xd42", "0x41:0xd0b"]}),
    case("own-core-on-virtio", "unknown", "gpu", "emulated-device",
         made_of={"virtual": ["a virtio device (/sys/bus/virtio/devices)"]}),
    case("jetson-on-x86", "unknown", "gpu", "emulated-device",
         made_of={"machine": "x86_64", "cores": []}),
    case("told-before", "unknown", "gpu", "emulated-device", made_of={"told": ["its report"]}),
    case("nothing-observed", "unknown", "gpu", "emulation-unseen", made_of=None),
    case("cores-hidden", "unknown", "gpu", "emulation-unseen", made_of={"cores": []}),
    case("buses-hidden", "unknown", "gpu", "emulation-unseen", made_of={"buses_seen": False}),
    case("claims-left-out", "unknown", "gpu", "emulation-unseen", made_of={"claims": None}),
    case("cloud-vm-with-a-gpu", "gpu", "gpu", "gpu", run__driver__during=DISCRETE,
         run__context={**CLAIMS_NVIDIA, "gl_renderer": "NVIDIA A10G/PCIe/SSE2"}, run__log__lines=[],
         made_of={**sample.VM, "claims": [], "soc": None, "marker": None, "variable": False}),
    case("software-stays-software", "software", "software-named", base="mesa", made_of=sample.VM),
    # The CPU asked for.
    case("cpu-asked", "cpu", "no-work", "asked-for-cpu", run=sample.cpu_run()),
    case("cpu-asked-gpu-got", "unknown", "gpu", "asked-for-cpu-got-other",
         run__delegate="CPU"),
)  # fmt: skip
