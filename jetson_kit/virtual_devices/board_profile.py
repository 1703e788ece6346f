"""What makes a virtual device look like its board: files, device tree, stand-in programs.

Everything that pretends lies in one folder on the device, and says of itself that it is a
stand-in. A file, /etc/mediapipe-jetson/emulated, says the same of the device.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.virtual_devices.board_rows import Row, pick
from jetson_kit.virtual_devices.spec import DeviceTree, File
from jetson_kit.wheels.device_wheel import SOURCE

SOURCES = Path(__file__).with_name("stand_ins")
ONNX = SOURCE / "src" / "mediapipe_jetson" / "engines" / "onnx_file.py"
MARKER = "/etc/mediapipe-jetson/emulated"
UNIT = "mediapipe-jetson-face.service"
DEVICE_RULE = "c 120:* rwm"
"""What a container's device cgroup must allow, so that its own containers get the nodes."""
VENDOR = {"file_format_version": "1.0.0", "ICD": {"library_path": "libEGL_nvidia.so.0"}}
NO_LIBRARY = b"A stand-in of MediaPipe Jetson Kit: no library.\n"
UNIT_TEXT = """\
[Unit]
Description=Stand-ins of a Jetson's nodes, device tree and records
DefaultDependencies=no
After=local-fs.target systemd-remount-fs.service systemd-tmpfiles-setup-dev.service
Before=docker.service ssh.service
RequiresMountsFor=/var/lib/dpkg

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={folder}/face

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class BoardProfile:
    """What is put over a device's root, and what its device tree says."""

    files: tuple[File, ...]
    tree: DeviceTree


def make(module_id: str, l4t: str, kind: str, arch: str) -> BoardProfile:
    """Return the face of a module on a release, for a kind of device.

    `kind` is vm or container, `arch` arm64 or amd64. Raises BadInputError.
    """
    row = pick(module_id, l4t)
    tree = device_tree(row)
    files = [
        File("/etc/nv_tegra_release", content=release_file(row).encode()),
        File(MARKER, content=f"{marker(row, kind, arch)}\n".encode()),
        File("/etc/nvpmodel.conf", content=power_conf(row).encode()),
        *unit_files(row),
        *programs(row),
        *records(row, arch),
        *driver_files(row),
    ]
    if kind != "vm" or arch != "arm64":
        files += tree_files(row.table["folder"], tree)
    return BoardProfile(tuple(files), tree)


def release_file(row: Row) -> str:
    """Return /etc/nv_tegra_release in the format of the release."""
    branch, revision = row.target.l4t.split(".", 1)
    boards = row.branch["board"]
    date = row.known.get("date", row.branch["date"])
    head = (
        f"# R{branch} (release), REVISION: {revision}, GCID: {row.known.get('gcid', '0')}, "
        f"BOARD: {boards.get(row.soc, boards['*'])}, EABI: aarch64, DATE: {date}"
    )
    return "\n".join([head, *row.branch["lines"], ""])


def device_tree(row: Row) -> DeviceTree:
    """Return the device tree's words for the module, on NVIDIA's carrier."""
    carrier = row.row.get("carrier", "")
    extra = "-super" if row.row["model"].endswith(" Super") else ""
    usual = (f"nvidia,{carrier}+{row.part}{extra}", f"nvidia,{row.part}", f"nvidia,{row.soc}")
    dts = row.row.get("dts", f"/dvs/{row.soc}-{row.part}-{carrier}.dts")
    return DeviceTree(row.row["model"], tuple(row.row.get("compatible", usual)), dts)


def marker(row: Row, kind: str, arch: str) -> str:
    """Return what the marker says, as one line of JSON."""
    message = {"emulated": True, "kind": kind, "arch": arch}
    return json.dumps({**message, "module": row.module.id, "l4t": row.target.l4t})


def power_conf(row: Row) -> str:
    """Return /etc/nvpmodel.conf: each mode with its GPU's highest clock."""
    lines = ["# Stand-in of MediaPipe Jetson Kit: the modes' names, and no more of them."]
    for number, (name, hertz) in enumerate(row.row["modes"]):
        lines += [f"< POWER_MODEL ID={number} NAME={name} >", f"GPU MAX_FREQ {hertz}", ""]
    return "\n".join([*lines, f"< PM_CONFIG DEFAULT={row.row['default']} >", ""])


def unit_files(row: Row) -> Iterator[File]:
    """Yield the unit that puts the rest on at each boot, switched on."""
    text = UNIT_TEXT.format(folder=row.table["folder"])
    yield File(f"/etc/systemd/system/{UNIT}", content=text.encode())
    yield File(f"/etc/systemd/system/sysinit.target.wants/{UNIT}", link=f"../{UNIT}")


def programs(row: Row) -> Iterator[File]:
    """Yield the stand-in programs, their names on a board, and what they read."""
    folder = row.table["folder"]
    for name, program in row.table["programs"].items():
        if int(row.target.branch[1:]) < program.get("from", 0):
            continue
        if name == "trtexec" and not row.target.tensorrt:
            continue
        content = (SOURCES / program["source"]).read_bytes()
        yield File(f"{folder}/{name}", 0o755, content)
        if "link" in program:
            yield File(program["link"], link=f"{folder}/{name}")
    # By which the stand-in for trtexec reads ONNX files.
    yield File(f"{folder}/{ONNX.name}", content=ONNX.read_bytes())
    yield File(f"{folder}/face.json", content=json.dumps(shown(row), indent=1).encode())
    yield File(f"{folder}/toolkit", content=f"{row.branch['toolkit']}\n".encode())
    runtime = {"path": f"{folder}/nvidia-container-runtime", "runtimeArgs": []}
    daemon = json.dumps({"runtimes": {"nvidia": runtime}}, indent=1)
    yield File(f"{folder}/daemon.json", content=f"{daemon}\n".encode())


def shown(row: Row) -> dict[str, Any]:
    """Return what tegrastats, jetson_clocks and nvidia-smi show."""
    thor = row.soc == "tegra264"
    most = row.row["modes"][row.row["default"]][1]
    gpu = {"name": "Orin (nvgpu)", "persistence": "N/A", "bus": "N/A", "use": "N/A"}
    if thor:
        bus = "00000000:01:00.0 Off"
        gpu = {"name": "NVIDIA Thor", "persistence": "Off", "bus": bus, "use": "0%"}
    cuda = ".".join(row.target.cuda.split(".")[:2])
    return {
        "soc": row.soc,
        "model": row.row["model"],
        "cores": row.row["cores"],
        "ram_mb": row.row["ram_mb"],
        "tensorrt": row.target.tensorrt,
        "cpu_mhz": 1510,
        "gpu_mhz": most // 1_000_000,
        "tegrastats": row.table["tegrastats"][tegrastats_form(row)],
        "idle_is_blank": thor,
        "nvidia_smi": {**gpu, "driver": row.driver, "cuda": cuda},
    }


def tegrastats_form(row: Row) -> str:
    """Return which of the lines of tegrastats this module and release have."""
    if row.soc == "tegra264":
        return "thor"
    jetpack = int(row.target.jetpack.split(".")[0])
    if jetpack >= 5:
        return f"jetpack-{jetpack}"
    if row.soc == "tegra194":
        return "xavier-nx-4" if "nx" in row.module.id else "xavier-4"
    if row.soc == "tegra186":
        return "tx2"
    return "tx1" if row.module.id == "tx1" else "nano"


def records(row: Row, arch: str) -> Iterator[File]:
    """Yield dpkg's records, which are merged at boot: its status file is one for all."""
    stamp = row.known.get("stamp", row.table["stamp"])
    packages = {
        "nvidia-l4t-core": (f"{row.target.l4t}-{stamp}", "/etc/nv_tegra_release"),
        "nvidia-container-toolkit": (row.branch["toolkit"], "/usr/bin/nvidia-ctk"),
    }
    if row.target.tensorrt:
        # As NVIDIA's packages are numbered: TensorRT's version, then CUDA's.
        cuda = ".".join(row.target.cuda.split(".")[:2])
        version = f"{row.target.tensorrt}-1+cuda{cuda}"
        packages["libnvinfer-bin"] = (version, "/usr/src/tensorrt/bin/trtexec")
    stanzas = []
    for name, (version, owns) in packages.items():
        stanzas.append(
            f"Package: {name}\nStatus: install ok installed\nPriority: optional\n"
            "Section: metapackages\nMaintainer: MediaPipe Jetson Kit\n"
            f"Architecture: {arch}\nVersion: {version}\n"
            f"Description: stand-in for {name}\n"
        )
        yield File(f"/var/lib/dpkg/info/{name}.list", content=f"/.\n{owns}\n".encode())
    yield File(f"{row.table['folder']}/dpkg-status", content="\n".join([*stanzas, ""]).encode())


def driver_files(row: Row) -> Iterator[File]:
    """Yield the CSV files, the stand-ins for the libraries that they name, groups and nodes."""
    table, folder = row.table, row.table["folder"]
    values = {
        "d": table["libraries"],
        "v": row.driver,
        "gpu_libs": "openrm" if row.soc == "tegra264" else "nvgpu",
    }
    named: list[str] = []
    for name, sets in row.branch["csv"].items():
        chosen = [row.nodes if item == "nodes" else item for item in sets]
        lines = [line.format(**values) for item in chosen for line in table["csv"][item]]
        named += lines
        yield File(f"{table['csv_folder']}/{name}", content="\n".join([*lines, ""]).encode())
    for line in named:
        kind, path = line.split(", ")
        if path.endswith("/nvidia.json"):
            yield File(path, content=json.dumps(VENDOR).encode())
        elif kind == "lib":
            yield File(path, content=NO_LIBRARY)
        elif kind == "dir":
            yield File(f"{path}/STAND-IN", content=NO_LIBRARY)
        elif kind == "sym":
            yield File(path, link=f"{table['libraries']}/tegra-egl/nvidia.json")
    gid = row.branch["render_gid"]
    groups = ["video 44", *([f"render {gid}"] if gid else []), ""]
    yield File(f"{folder}/groups", content="\n".join(groups).encode())
    nodes = [
        f"{path} {'render' if 'renderD' in path else 'video'}" for path in table["nodes"][row.nodes]
    ]
    yield File(f"{folder}/nodes", content="\n".join([*nodes, ""]).encode())


def tree_files(folder: str, tree: DeviceTree) -> Iterator[File]:
    """Yield the device tree's properties, each text ended by NUL, for a machine without one."""
    texts = {
        "model": (tree.model,),
        "compatible": tree.compatible,
        "nvidia,dtsfilename": (tree.dts,),
        "mediapipe-jetson,stand-in": ("yes",),
    }
    for name, values in texts.items():
        content = b"".join(value.encode() + b"\0" for value in values)
        yield File(f"{folder}/device-tree/{name}", content=content)
