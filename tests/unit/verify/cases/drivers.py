"""Machines whose OpenGL or Vulkan comes by another way than NVIDIA's driver alone.

No row was recorded; names are those that Mesa, ANGLE, the kernel's drivers and NVIDIA's documents
give. What decides is where the work is done, and what an observation can't tell is unknown.
"""

from __future__ import annotations

from typing import Any

from tests.unit.verify import samples as sample
from tests.unit.verify.cases.attacks import detector
from tests.unit.verify.cases.case import Case, case
from tests.unit.verify.samples import ARM, held, node

X86 = "/usr/lib/x86_64-linux-gnu"
MESA = {
    "gl_vendor": "Mesa",
    "gl_version": "OpenGL ES 3.2 Mesa 24.2.8",
    "egl_vendor": "Mesa Project",
}
EGL_MESA = [f"{X86}/libEGL.so.1.1.0", f"{X86}/libEGL_mesa.so.0.0.0", f"{X86}/libglapi.so.0.0.0"]
NVIDIA_PC = [
    f"{X86}/libEGL.so.1.1.0", f"{X86}/libGLESv2.so.2.1.0", f"{X86}/libEGL_nvidia.so.0",
    f"{X86}/libnvidia-eglcore.so.570.86.15", f"{X86}/libnvidia-glsi.so.570.86.15",
]  # fmt: skip
NODES_PC = [
    node("/dev/nvidia0", "nvidia", table="nvidia"),
    node("/dev/nvidiactl", "nvidia", (195, 255), "nvidia"),
]
CAPS = node("/dev/nvidia-caps/nvidia-cap1", "nvidia-caps", (237, 1), "nvidia-caps")
PC: dict[str, Any] = {"claims": [], "soc": None, "machine": "x86_64", "cores": []}
LLVMPIPE = sample.MESA_CONTEXT


def render(driver: str, minor: int = 128) -> dict[str, Any]:
    path = f"dri/renderD{minor}"
    return {**node(f"/dev/{path}", path, (226, minor), "drm"), "driver": driver}


def context(renderer: str, **more: str) -> dict[str, Any]:
    return {"run__context": {**MESA, "gl_renderer": renderer, **more}, "run__log__lines": []}


def nvidia(renderer: str, version: str = "570.86.15") -> dict[str, Any]:
    of_driver = {"gl_vendor": "NVIDIA Corporation", "egl_vendor": "NVIDIA"}
    return context(renderer, gl_version=f"OpenGL ES 3.2 NVIDIA {version}", **of_driver)


def maps(libraries: list[str], *devices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"run__driver__during": held(libraries, devices, **more)}


def failed(text: str) -> dict[str, Any]:
    error = {"type": "RuntimeError", "text": text}
    return {"run__outcome": {"stage": "create", "signal": None, "timed_out": False, "error": error}}


WSL = ["/usr/lib/wsl/lib/libd3d12.so", "/usr/lib/wsl/lib/libdxcore.so", f"{X86}/dri/d3d12_dri.so"]
DXG = node("/dev/dxg", "dxg", (10, 125), "misc")
SBSA = [
    f"{ARM}/libEGL.so.1.1.0", f"{ARM}/libGLESv2.so.2.1.0", f"{ARM}/libEGL_nvidia.so.0",
    f"{ARM}/libnvidia-eglcore.so.580.00", f"{ARM}/libnvidia-gpucomp.so.580.00",
]  # fmt: skip
THOR = {"soc": "tegra264", "cores": ["0x41:0xd83"]}
SNAP = [
    *sample.MOUNTS,
    {"at": "/dev/nvidia0", "type": "devtmpfs", "root": "/nvidia0"},
    {"at": "/dev/nvidiactl", "type": "devtmpfs", "root": "/nvidiactl"},
    {"at": "/proc/driver/nvidia", "type": "tmpfs", "root": "/"},
]
NOUVEAU = [*EGL_MESA, f"{X86}/dri/nouveau_dri.so"]
ZINK = [*EGL_MESA, f"{X86}/dri/zink_dri.so", f"{X86}/libvulkan.so.1.3.280"]

CASES: tuple[Case, ...] = (
    # WSL 2: the GPU does the work, by Direct3D and Mesa, and nothing here can count it.
    case("wsl-d3d12", "unknown", "other-driver", base="mesa",
         **context("D3D12 (NVIDIA GeForce RTX 3080)", gl_vendor="Microsoft Corporation"),
         **maps([*EGL_MESA, *WSL], DXG)),
    case("wsl-warp", "software", "software-named", base="mesa",
         **context("D3D12 (Microsoft Basic Render Driver)", gl_vendor="Microsoft Corporation"),
         **maps([*EGL_MESA, *WSL], DXG)),
    case("wsl-without-d3d12", "software", "software-named", base="mesa",
         **context("llvmpipe (LLVM 15.0.7, 256 bits)"),
         **maps([*EGL_MESA, f"{X86}/dri/swrast_dri.so"])),
    case("wsl-vulkan-dozen", "unknown", "other-driver", base="mesa", **detector(
        run__context={**LLVMPIPE, "vk_name": "Microsoft Direct3D12 (NVIDIA GeForce RTX 3080)",
                    "vk_vendor_id": 0x10DE, "vk_device_type": 2},
        run__log__lines=[],
        **maps([*EGL_MESA, *WSL, f"{X86}/libvulkan.so.1", f"{X86}/libvulkan_dzn.so"], DXG))),
    # JetPack 7 on Thor has the driver of servers, under its names and majors.
    case("thor-sbsa", "gpu", "gpu", "gpu", made_of=THOR, **nvidia("NVIDIA Thor/PCIe", "580.00"),
         **maps(SBSA, node("/dev/nvidia0", "nvidia", table="nvidia-frontend"), NODES_PC[1])),
    # The kernel's own drivers of NVIDIA's chips, with Mesa.
    case("nouveau", "unknown", "other-driver", base="mesa",
         **context("NV137", gl_vendor="nouveau"), **maps(NOUVEAU, render("nouveau"))),
    case("nvk-by-zink", "unknown", "other-driver", base="mesa",
         **context("zink Vulkan 1.3(NVIDIA GeForce RTX 3060 (NVK GA106) (MESA_NVK))"),
         **maps([*ZINK, f"{X86}/libvulkan_nouveau.so"], render("nouveau"))),
    case("tegra-drm-nouveau", "unknown", "other-driver", base="mesa",
         **context("NV12B", gl_vendor="nouveau"), **maps(NOUVEAU, render("gk20a", 129))),
    case("tegra-drm-software", "software", "software-named", base="mesa",
         **context("llvmpipe (LLVM 17.0.6, 128 bits)"),
         **maps([*EGL_MESA, f"{X86}/dri/swrast_dri.so"], render("tegra"))),
    # Cards that are cut into parts, and such as a hypervisor gives.
    case("mig", "gpu", "gpu", "gpu", base="orin", made_of=PC,
         **nvidia("NVIDIA A100-SXM4-80GB MIG 1g.10gb/PCIe/SSE2"),
         **maps(NVIDIA_PC, *NODES_PC, CAPS)),
    case("vgpu", "gpu", "gpu", "gpu", base="orin", made_of=PC,
         **nvidia("GRID T4-8Q/PCIe/SSE2"), **maps(NVIDIA_PC, *NODES_PC)),
    # Containers.
    case("snap-docker", "gpu", "gpu", "gpu", base="orin", made_of=PC,
         **nvidia("NVIDIA GeForce RTX 4090/PCIe/SSE2"),
         **maps(NVIDIA_PC, *NODES_PC, mounts=SNAP)),
    case("compute-capability-alone", "broken", "no-egl-display", base="mesa",
         **failed("Unable to initialize EGL"),
         **maps([f"{X86}/libEGL.so.1.1.0"], NODES_PC[1])),
    case("compute-alone-with-mesa", "software", "software-refused", base="mesa",
         **failed("GPU emulation detected, but not supported"),
         **maps([*EGL_MESA, f"{X86}/dri/swrast_dri.so"], NODES_PC[1])),
    # NVIDIA's driver was tried, gave nothing, and glvnd went on to Mesa's.
    case("fallback-to-llvmpipe", "software", "software-named", base="mesa", **context(
        "llvmpipe (LLVM 15.0.7, 256 bits)"),
        **maps([*NVIDIA_PC, *EGL_MESA, f"{X86}/dri/swrast_dri.so"], NODES_PC[1])),
    case("fallback-to-llvmpipe-of-mesa-25", "software", "software-named", base="mesa", **context(
        "llvmpipe (LLVM 19.1.7, 256 bits)"),
        **maps([*NVIDIA_PC, *EGL_MESA, f"{X86}/libgallium-25.0.7.so", f"{X86}/libLLVM.so.19.1"],
             NODES_PC[1])),
    case("fallback-with-two-renderers", "unknown", "contexts-mixed", base="mesa",
         **context("llvmpipe (LLVM 15.0.7, 256 bits)"),
         run__work={"create": sample.counts(gl_link_program=248),
                    "frames": [sample.counts(gl_dispatch=245, other_renderer=1)] * 3},
         **maps([*NVIDIA_PC, *EGL_MESA, f"{X86}/dri/swrast_dri.so"], *NODES_PC)),
    # Variables that choose another driver.
    case("libgl-always-software", "software", "software-named", base="mesa",
         **context("llvmpipe (LLVM 15.0.7, 256 bits)"),
         **maps([*EGL_MESA, f"{X86}/dri/swrast_dri.so"])),
    case("gallium-driver-softpipe", "software", "software-named", base="mesa",
         **context("softpipe"), **maps([*EGL_MESA, f"{X86}/dri/swrast_dri.so"], render("i915"))),
    case("override-zink-on-nvidia", "unknown", "other-driver", base="orin", made_of=PC,
         **context("zink Vulkan 1.3(NVIDIA GeForce RTX 4090 (NVIDIA_PROPRIETARY))"),
         **maps([*NVIDIA_PC, *ZINK], *NODES_PC)),
    case("override-zink-on-lavapipe", "software", "software-named", base="mesa",
         **context("zink Vulkan 1.3(llvmpipe (LLVM 15.0.7, 256 bits) (LLVMPIPE))"),
         **maps([*ZINK, f"{X86}/libvulkan_lvp.so"])),
    case("vk-icd-lavapipe", "software", "software-named", **detector(
        run__context={"vk_name": "llvmpipe (LLVM 15.0.7, 256 bits)", "vk_vendor_id": 0x10005,
                    "vk_device_type": 4},
        run__log__lines=[], **maps([f"{ARM}/libvulkan.so.1", f"{ARM}/libvulkan_lvp.so"]))),
    case("egl-vendor-mesa-on-a-board", "software", "software-named",
         **context("llvmpipe (LLVM 17.0.6, 128 bits)"),
         **maps([f"{ARM}/libEGL.so.1.1.0", f"{ARM}/libEGL_mesa.so.0.0.0",
                 f"{ARM}/dri/swrast_dri.so"], sample.NODES[1])),
    # Other programs' drivers.
    case("virgl", "unknown", "virtual-gpu", base="mesa",
         **context("virgl (NVIDIA GeForce RTX 3060/PCIe/SSE2)"),
         **maps([*EGL_MESA, f"{X86}/dri/virtio_gpu_dri.so"], render("virtio_gpu"))),
    case("angle-by-vulkan-on-swiftshader", "software", "software-named", base="mesa",
         **context("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), "
                   "SwiftShader driver)", gl_vendor="Google Inc. (Google)"),
         **maps(["/opt/chrome/libEGL.so", "/opt/chrome/libGLESv2.so",
                 "/opt/chrome/libvk_swiftshader.so"])),
    case("intel-on-a-laptop", "unknown", "other-driver", base="mesa",
         **context("Mesa Intel(R) Iris(R) Xe Graphics (TGL GT2)", gl_vendor="Intel"),
         **maps([*EGL_MESA, f"{X86}/dri/iris_dri.so"], render("i915"))),
    case("preloaded-by-ld-preload", "unknown", "preloaded-driver",
         run__driver__start=held(NVIDIA_PC, [])),
    case("nvidia-drm-render-node-beside", "gpu", "gpu", "gpu", base="orin", made_of=PC,
         **nvidia("NVIDIA GeForce RTX 4090/PCIe/SSE2"),
         **maps(NVIDIA_PC, *NODES_PC, render("nvidia"))),
)  # fmt: skip
