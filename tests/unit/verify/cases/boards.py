"""Boards as public dumps and documents show them: what each must come out as, and why.

No row was run on a board. The sources are listings in issues of jetson_stats, glances and
nv-monitor, NVIDIA's container toolkit and its CSV lists, and the source of the kernel's nvgpu.
"""

from __future__ import annotations

from typing import Any

from tests.unit.verify import samples as sample
from tests.unit.verify.cases.case import Case, case
from tests.unit.verify.samples import ARM, curve, held, node, samples

TEGRA = sample.gpu_run()["context"]
NANO = {"soc": "tegra210", "cores": ["0x41:0xd07"]}
TX2 = {"soc": "tegra186", "cores": ["0x41:0xd07", "0x4e:0x003"]}
XAVIER = {"soc": "tegra194", "cores": ["0x4e:0x004"]}
THOR = {"soc": "tegra264", "cores": ["0x41:0xd83"]}
# /sys/firmware is masked: soc0 and the nodes are left to say what the board is.
MASKED = {"claims": ["/sys/devices/soc0: NVIDIA Jetson Orin NX", "/dev/nvmap"], "soc": None}
IGPU = "/dev/nvgpu/igpu0"
# A JetPack 6 process, by lsof: Mesa's EGL is mapped beside NVIDIA's, and idle.
MESA_IDLE = [f"{ARM}/libEGL_mesa.so.0.0.0", f"{ARM}/libglapi.so.0.0.0"]
JETPACK6 = held(
    [*sample.GLVND, f"{ARM}/tegra-egl/libEGL_nvidia.so.0",
     f"{ARM}/nvidia/libnvidia-eglcore.so.540.5.0", f"{ARM}/nvidia/libnvidia-glsi.so.540.5.0"],
    [node(f"{IGPU}/{name}", f"nvgpu/igpu0/{name}", (505, minor), "17000000.gpu")
     for minor, name in enumerate(("ctrl", "as", "channel", "tsg"))]
    + [sample.NODES[1], {**node("/dev/dri/renderD128", "dri/renderD128", (226, 128), "drm"),
                         "driver": "tegra"}],
)  # fmt: skip
ROOTLESS = [
    *sample.MOUNTS,
    {"at": "/sys/dev/block", "type": "tmpfs", "root": "/"},
    {"at": "/sys/devices/virtual/powercap", "type": "tmpfs", "root": "/"},
    {"at": f"{IGPU}/ctrl", "type": "devtmpfs", "root": "/nvgpu/igpu0/ctrl"},
    {"at": "/dev/nvmap", "type": "devtmpfs", "root": "/nvmap"},
    {"at": "/usr/bin/tegrastats", "type": "ext4", "root": "/usr/bin/tegrastats"},
]
LXC = [*sample.MOUNTS, {"at": "/proc/cpuinfo", "type": "fuse.lxcfs", "root": "/proc/cpuinfo"}]


def core(place: str, version: str) -> list[str]:
    return [*sample.GLVND, f"{place}/libnvidia-eglcore.so.{version}"]


SLOW_TURNS = [[7.5, 9.2], [11.4, 13.2], [15.2, 17.0]]


def nvml(busy: float, idle: float = 0.0) -> dict[str, Any]:
    """Return what NVML gives 25 times a second, each in percent the mean of the time before."""
    values = []
    for step in range(330):
        at = 5.0 + step / 25
        works = sum(max(0.0, min(at, end) - max(at - 0.9, begin)) for begin, end in SLOW_TURNS)
        values.append([at, round(idle + (busy - idle) * works / 0.9)])
    return {**curve([]), "samples": {"nvml": values}}


SLOW: dict[str, Any] = {
    "run__bursts": SLOW_TURNS, "run__began_s": 5.4, "run__rest_from_s": 5.5,
    "cpu__bursts": SLOW_TURNS, "cpu__began_s": 5.4, "cpu__rest_from_s": 5.5,
    "cpu__hardware": nvml(0.0),
}  # fmt: skip


def loads(path: str) -> dict[str, Any]:
    return {**curve([]), "samples": {f"devfreq:{path}": samples(), "nvml": zeros()}}


def zeros() -> list[list[float]]:
    return [[at, 0.0] for at, _ in samples()]


def thor(**more: Any) -> dict[str, Any]:
    return {
        "made_of": THOR, "run__context": {**TEGRA, "gl_renderer": "NVIDIA Thor/PCIe"},
        "run__log__lines": [],
        "run__driver__during": held(
            core("/opt/nvidia/l4t-gpu-libs/openrm", "595.78"),
            [node("/dev/nvidia0", "nvidia", table="nvidia"),
             node("/dev/nvidiactl", "nvidia", (195, 255), "nvidia")]),
        **more,
    }  # fmt: skip


def mounted(*rows: tuple[str, str, str]) -> dict[str, Any]:
    more = [{"at": at, "type": kind, "root": root} for at, kind, root in rows]
    return {"run__driver__during__mounts": [*sample.MOUNTS, *more]}


PC_LIBRARIES = "/usr/lib/x86_64-linux-gnu"


def pc(renderer: str, **more: Any) -> dict[str, Any]:
    """Return a machine with NVIDIA's card, whose only counter is NVML."""
    return {
        "made_of": {"claims": [], "soc": None, "machine": "x86_64", "cores": []},
        "run__context": {**TEGRA, "gl_renderer": renderer},
        "run__log__lines": [],
        "run__driver__during": held(
            core(PC_LIBRARIES, "550.54.15"), [node("/dev/nvidia0", "nvidia", table="nvidia")]),
        **SLOW, "run__hardware": nvml(80.0),
        **more,
    }  # fmt: skip


def idle(*names: str) -> dict[str, list[list[float]]]:
    """Return sources that say 0 for ever, beside one that works."""
    values = nvml(80.0)["samples"]["nvml"]
    return {"nvml:1": values, **{name: [[at, 0.0] for at, _ in values] for name in names}}


UNNAMED: dict[str, Any] = {"claims": [], "soc": None}
CASES: tuple[Case, ...] = (
    # Libraries and nodes of each release.
    case("nano-r32", "gpu", "gpu", "gpu", made_of=NANO,
         run__driver__during=held(
             core(f"{ARM}/tegra", "32.7.1"),
             [node("/dev/nvhost-ctrl-gpu", "nvhost-ctrl-gpu", (239, 1), "57000000.gpu"),
              node("/dev/nvhost-as-gpu", "nvhost-as-gpu", (239, 2), "57000000.gpu")]),
         run__context={**TEGRA, "gl_renderer": "NVIDIA Tegra X1 (nvgpu)/integrated"},
         run__log__lines=[]),
    case("tx2-r32", "gpu", "gpu", "gpu", made_of=TX2,
         run__driver__during=held(
             core(f"{ARM}/tegra", "32.7.6"),
             [node("/dev/nvhost-as-gpu", "nvhost-as-gpu", (503, 1), "17000000.gp10b")]),
         run__context={**TEGRA, "gl_renderer": "NVIDIA Tegra X2 (nvgpu)/integrated"},
         run__log__lines=[]),
    case("xavier-r35", "gpu", "gpu", "gpu", made_of=XAVIER,
         run__driver__during=held(
             core(f"{ARM}/tegra", "35.4.1"),
             [node("/dev/nvhost-as-gpu", "nvhost-as-gpu", (507, 1), "17000000.gv11b")]),
         run__context={**TEGRA, "gl_renderer": "NVIDIA Tegra Xavier (nvgpu)/integrated"},
         run__log__lines=[]),
    case("orin-r36-lsof", "gpu", "gpu", "gpu", run__driver__during=JETPACK6),
    case("orin-r39", "gpu", "gpu", "gpu", run__driver__during=held(
        core("/opt/nvidia/l4t-gpu-libs/nvgpu", "595.78"), sample.NODES)),
    case("thor-nvgpu", "gpu", "gpu", "gpu", **thor(run__driver__during=held(
        core("/opt/nvidia/l4t-gpu-libs/nvgpu", "595.78"),
        [node("/dev/nvgpu/igpu-0000:01:00.0/ctrl", "nvgpu/igpu-0000:01:00.0/ctrl", (508, 1),
            "0000:01:00.0")]))),
    case("thor-openrm", "gpu", "gpu", "gpu", **thor()),
    # Where sysfs has no such entry, the kernel's table of majors names nvgpu by its device.
    case("node-by-its-major-alone", "gpu", "gpu", "gpu", run__driver__during__devices=[
        node(f"{IGPU}/ctrl", "17000000.ga10b", (505, 1), "17000000.ga10b")]),
    # Mesa beside NVIDIA's driver: idle it does no harm, with a rasterizer it can't be told.
    case("mesa-idle-beside", "gpu", "gpu", "gpu", run__driver__during={
        **JETPACK6, "libraries": [*JETPACK6["libraries"], *MESA_IDLE]}),
    case("mesa-with-swrast-beside", "unknown", "two-drivers", run__driver__during={
        **JETPACK6, "libraries": [*JETPACK6["libraries"], *MESA_IDLE, f"{ARM}/dri/swrast_dri.so"]}),
    case("mesa-25-beside", "unknown", "compiler-beside-nvidia", run__driver__during={
        **JETPACK6, "libraries": [*JETPACK6["libraries"], *MESA_IDLE,
                                f"{ARM}/libgallium-25.0.7-0ubuntu0.24.04.2.so",
                                f"{ARM}/libLLVM.so.19.1"]}),
    case("mesa-25-alone", "software", "software-named", base="mesa",
         run__context={**sample.MESA_CONTEXT, "gl_version": "OpenGL ES 3.2 Mesa 25.0.7"},
         run__driver__during=held([*sample.GALLIUM, "/usr/lib/x86_64-linux-gnu/libLLVM.so.19.1"],
                                  [])),
    # Other programs' nodes whose names begin as NVIDIA's.
    case("disk-named-nvme", "unknown", "node-of-another-driver", run__driver__during__devices=[
        node("/dev/nvhost-gpu", "nvme0", (505, 1), "nvme")]),
    case("memory-named-nvram", "unknown", "node-of-another-driver", run__driver__during__devices=[
        node("/dev/nvhost-gpu", "nvram", (10, 144), "misc")]),
    case("disk-open-beside", "gpu", "gpu", "gpu", run__driver__during__devices=[
        *sample.NODES, node("/dev/nvme0", "nvme0", (238, 0), "nvme")]),
    # Containers of other engines.
    case("podman-rootless", "gpu", "gpu", "gpu", run__driver__during__mounts=ROOTLESS),
    case("lxc", "gpu", "gpu", "gpu", run__driver__during__mounts=LXC),
    case("sys-firmware-masked", "gpu", "gpu", "gpu", made_of=MASKED),
    # Counters. On Orin NVML is not supported, or gives 0 for ever; the load files tell.
    case("orin-platform-gpu.0", "gpu", "gpu", "gpu",
         run__hardware=loads("/sys/devices/platform/gpu.0/load")),
    case("orin-bus@0", "gpu", "gpu", "gpu",
         run__hardware=loads("/sys/devices/platform/bus@0/17000000.gpu/load")),
    case("orin-nvml-silent", "unknown", "gpu", "counter-silent", **{
        **SLOW, "run__hardware": nvml(0.0)}),
    case("orin-nvml-silent-tegrastats", "gpu", "gpu", "gpu",
         run__hardware={**curve([]),
                        "samples": {"nvml": zeros(), "tegrastats": samples(busy=63.0)}}),
    case("thor-nvml", "gpu", "gpu", "gpu", **thor(**{
        **SLOW, "run__hardware": nvml(97.0)})),
    case("thor-nvml-blind-to-graphics", "unknown", "gpu", "counter-flat", **thor(**{
        **SLOW, "run__hardware": nvml(1.0, 1.0)})),
    # devices.csv that still says igpu0: the runtime brings none of Thor's nodes.
    case("thor-without-nodes", "broken", "no-egl-display", **thor(
        run__outcome={"stage": "create", "signal": None, "timed_out": False,
                    "error": {"type": "RuntimeError", "text": "Unable to initialize EGL"}})),
    case("thor-without-nodes-mesa", "software", "software-refused", **thor(
        run__outcome={"stage": "create", "signal": None, "timed_out": False,
                    "error": {"type": "RuntimeError", "text": "GPU emulation detected"}})),
    # Containers in which nothing names the board: its cores are there.
    case("orin-unnamed", "gpu", "gpu", "gpu", made_of=UNNAMED),
    case("thor-unnamed", "gpu", "gpu", "gpu", **thor(made_of={**UNNAMED, "cores": THOR["cores"]})),
    case("nano-of-r32.4", "gpu", "gpu", "gpu", made_of=NANO,
         run__driver__during=held(
             core(f"{ARM}/tegra", "32.4.4"),
             [node("/dev/nvhost-gpu", "nvhost-gpu", (504, 0), "57000000.gm20b")]),
         run__context={**TEGRA, "gl_renderer": "NVIDIA Tegra X1 (nvgpu)/integrated"},
         run__log__lines=[]),
    # Mounts of engines, that say nothing of the GPU or are the machine's own.
    case("privileged", "gpu", "gpu", "gpu", **mounted(
        ("/sys/kernel/debug", "debugfs", "/"), ("/sys/fs/pstore", "pstore", "/"),
        ("/sys/firmware/efi/efivars", "efivarfs", "/"))),
    case("nvidia-s-runtime", "gpu", "gpu", "gpu", **mounted(
        ("/proc/driver/nvidia", "tmpfs", "/"),
        ("/dev/nvidia-caps/nvidia-cap1", "devtmpfs", "/nvidia-caps/nvidia-cap1"),
        (f"{ARM}/nvidia/libnvidia-ml.so.1", "ext4", f"{ARM}/nvidia/libnvidia-ml.so.1"))),
    case("driver-s-folder-from-the-host", "gpu", "gpu", "gpu", **mounted(
        (f"{ARM}/tegra", "ext4", f"{ARM}/tegra"))),
    case("disk-and-folder-named-nv", "gpu", "gpu", "gpu", **mounted(
        ("/dev/nvme0n1", "devtmpfs", "/nvme0n1"), ("/dev/nvme-data", "ext4", "/data"))),
    case("lxd", "gpu", "gpu", "gpu", **mounted(
        (f"{IGPU}/ctrl", "tmpfs", "/devices/c1/unix.gpu.dev-nvgpu-igpu0-ctrl"),
        ("/dev/nvidia0", "ext4", "/var/lib/lxd/devices/c1/unix.gpu0.dev-nvidia0"))),
    case("tegrastats-of-btrfs-and-ostree", "gpu", "gpu", "gpu", **mounted(
        ("/usr/bin/tegrastats", "btrfs", "/@/usr/bin/tegrastats"),
        ("/usr/bin/tegrastats", "ext4", "/ostree/deploy/l4t/deploy/0f.0/usr/bin/tegrastats"))),
    case("usr-on-a-disk-of-its-own", "gpu", "gpu", "gpu", **mounted(("/usr", "ext4", "/"))),
    case("volumes-below-opt-nvidia", "gpu", "gpu", "gpu", **mounted(
        ("/opt/nvidia/deepstream/deepstream-6.3/samples/models", "ext4", "/home/user/models"),
        ("/opt/nvidia/deepstream", "ext4", "/var/lib/docker/volumes/deepstream/_data"),
        ("/opt/nvidia/vpi3", "overlay", "/"), ("/opt/nvidia/nsight", "tmpfs", "/"))),
    case("driver-below-opt-nvidia", "gpu", "gpu", "gpu", **mounted(
        ("/opt/nvidia/l4t-gpu-libs/openrm", "ext4", "/opt/nvidia/l4t-gpu-libs/openrm"))),
    case("usr-of-ostree", "gpu", "gpu", "gpu", **mounted(
        ("/usr", "xfs", "/ostree/deploy/rhel/deploy/3f9a.0/usr"))),
    case("usr-of-ostree-on-ext4", "gpu", "gpu", "gpu", **mounted(
        ("/usr", "ext4", "/ostree/deploy/centos/deploy/3f9a.1/usr"))),
    case("usr-of-ostree-on-btrfs", "gpu", "gpu", "gpu", **mounted(
        ("/usr", "btrfs", "/root/ostree/deploy/fedora/deploy/3f9a.0/usr"))),
    case("usr-of-composefs", "gpu", "gpu", "gpu", **mounted(("/usr", "overlay", "/usr"))),
    case("usr-of-btrfs", "gpu", "gpu", "gpu", **mounted(
        ("/usr", "btrfs", "/root/usr"), ("/usr", "btrfs", "/@/.snapshots/12/snapshot/usr"))),
    case("nvml-of-fedora", "gpu", "gpu", "gpu", **mounted(
        ("/usr/lib64/libnvidia-ml.so.1", "btrfs", "/root/usr/lib64/libnvidia-ml.so.550.54.15"))),
    case("nvml-of-opensuse", "gpu", "gpu", "gpu", **mounted(
        ("/usr/lib64/libnvidia-ml.so.1", "btrfs",
         "/@/.snapshots/1/snapshot/usr/lib64/libnvidia-ml.so.550.54.15"))),
    case("nvml-of-the-gpu-operator", "gpu", "gpu", "gpu", **mounted(
        (f"{PC_LIBRARIES}/libnvidia-ml.so.1", "ext4",
         f"/run/nvidia/driver{PC_LIBRARIES}/libnvidia-ml.so.550.54.15"))),
    case("cluster-s-driver", "gpu", "gpu", "gpu", **mounted(
        ("/usr/local/nvidia", "ext4", "/home/kubernetes/bin/nvidia"))),
    # Machines with cards: more than one, a part of one, none that is counted.
    case("pc", "gpu", "gpu", "gpu", **pc("NVIDIA GeForce RTX 3060/PCIe/SSE2")),
    case("pc-with-the-second-of-two", "gpu", "gpu", "gpu", **pc(
        "NVIDIA GeForce RTX 3060/PCIe/SSE2",
        run__hardware={**curve([]), "samples": idle("nvml")},
        run__driver__during__devices=[node("/dev/nvidia1", "nvidia", (195, 1), "nvidia")])),
    case("orin-with-a-card", "gpu", "gpu", "gpu", **pc(
        "NVIDIA RTX A6000/PCIe", made_of={},
        run__hardware={**curve([]), "samples": idle("devfreq:/sys/devices/gpu.0/load")})),
    case("part-of-a-card", "gpu", "gpu", "gpu", **pc("NVIDIA A10-4Q/PCIe/SSE2")),
    case("part-of-a-card-that-nvml-does-not-count", "unknown", "gpu", "counter-expected", **pc(
        "NVIDIA A30 MIG 1g.6gb/PCIe/SSE2", run__hardware={"present": False, "samples": {}})),
    case("grace-is-no-jetson", "gpu", "gpu", "gpu", **pc(
        "NVIDIA GB10/PCIe",
        made_of={**UNNAMED, "cores": ["0x41:0xd85", "0x41:0xd87"]})),
    case("windows-below", "unknown", "other-driver", **pc(
        "D3D12 (NVIDIA GeForce RTX 3080)",
        run__context={**TEGRA, "gl_renderer": "D3D12 (NVIDIA GeForce RTX 3080)",
                      "gl_version": "OpenGL ES 3.1 Mesa 23.0.4", "gl_vendor": "Microsoft"},
        run__driver__during=held(
            [f"{PC_LIBRARIES}/libEGL_mesa.so.0.0.0", "/usr/lib/wsl/lib/libd3d12core.so"],
            [node("/dev/dxg", "dxg", (10, 125), "misc")]))),
    case("windows-below-under-nvidia-s-name", "unknown", "name-without-driver", **pc(
        "NVIDIA GeForce RTX 3080",
        run__driver__during=held(
            ["/usr/lib/wsl/lib/libd3d12core.so", "/usr/lib/wsl/lib/libnvwgf2umx.so"],
            [node("/dev/dxg", "dxg", (10, 125), "misc")]))),
)  # fmt: skip
