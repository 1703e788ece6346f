"""Trees that read like devices of three generations, and a way to run the wheel's commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import ROOT

# Below a file, so that not even root makes it.
NO_HOME = "/dev/null/home"
SOURCE = ROOT / "wheels" / "mediapipe-jetson" / "src"
A57 = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
A78 = f"{A57} atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat ilrcpc flagm paca pacg"
V3 = (
    f"{A57} atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 asimddp sha512 sve "
    "asimdfhm dit uscat ilrcpc flagm sb paca pacg sve2 flagm2 frint svei8mm svebf16 i8mm bf16 bti"
)


def cpuinfo(maker: str, part: str, features: str, cores: int) -> str:
    block = (
        "processor\t: {number}\nBogoMIPS\t: 62.50\nFeatures\t: {features}\n"
        "CPU implementer\t: {maker}\nCPU architecture: 8\nCPU variant\t: 0x0\n"
        "CPU part\t: {part}\nCPU revision\t: 1\n\n"
    )
    return "".join(
        block.format(number=number, features=features, maker=maker, part=part)
        for number in range(cores)
    )


TREES: dict[str, dict[str, str]] = {
    "nano": {
        "etc/nv_tegra_release": (
            "# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t210ref, EABI: aarch64, "
            "DATE: Wed Feb  2 21:33:23 UTC 2022\n"
        ),
        "proc/device-tree/model": "NVIDIA Jetson Nano Developer Kit\0",
        "proc/device-tree/compatible": (
            "nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,jetson-nano\0nvidia,tegra210\0"
        ),
        "proc/cpuinfo": cpuinfo("0x41", "0xd07", A57, 4),
        "sys/devices/system/cpu/modalias": "cpu:type:aarch64:feature:,0000,0001",
        "usr/lib/aarch64-linux-gnu/tegra/libnvidia-eglcore.so.32.7.1": "",
        "usr/lib/aarch64-linux-gnu/tegra-egl/libEGL_nvidia.so.0": "",
        "dev/nvmap": "",
        "dev/nvhost-gpu": "",
    },
    "orin": {
        "etc/nv_tegra_release": (
            "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
            "DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\n"
            "TARGET_USERSPACE_LIB_DIR=nvidia\n"
            "TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\n"
        ),
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
        "proc/device-tree/compatible": (
            "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"
        ),
        "proc/cpuinfo": cpuinfo("0x41", "0xd42", A78, 6),
        "sys/devices/system/cpu/modalias": "cpu:type:aarch64:feature:,0000,0001",
        "sys/module/nvidia/version": "540.4.0\n",
        "usr/lib/aarch64-linux-gnu/nvidia/libnvidia-eglcore.so.540.4.0": "",
        "usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1.1": "",
        "usr/lib/aarch64-linux-gnu/libz.so.1": "",
        "usr/lib/aarch64-linux-gnu/tegra-egl/nvidia.json": (
            '{"file_format_version": "1.0.0", "ICD": {"library_path": "libEGL_nvidia.so.0"}}'
        ),
        "dev/nvgpu/igpu0/ctrl": "",
        "dev/nvmap": "",
        "dev/dri/renderD128": "",
    },
    "thor": {
        "etc/nv_tegra_release": (
            "# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic, EABI: aarch64, "
            "DATE: Fri Aug 22 00:55:42 UTC 2025\n# KERNEL_VARIANT: oot\n"
            "TARGET_USERSPACE_LIB_DIR=nvidia\n"
            "TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\nINSTALL_TYPE=\n"
        ),
        "proc/device-tree/model": "NVIDIA Jetson AGX Thor Developer Kit\0",
        "proc/device-tree/compatible": "nvidia,p4071-0000+p3834-0008\0nvidia,tegra264\0",
        "proc/cpuinfo": cpuinfo("0x41", "0xd83", V3, 14),
        "proc/driver/nvidia/version": (
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.00  Release Build\n"
        ),
        "dev/nvidia0": "",
        "dev/nvidiactl": "",
    },
}


def plant(root: Path, name: str) -> Path:
    """Write one device's tree below `root` and return it."""
    for path, text in TREES[name].items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def wheel(
    *arguments: str, python: str = sys.executable, path: Path = SOURCE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m mediapipe_jetson` with these arguments, and nothing of our own environment."""
    usual = {"PATH": os.environ["PATH"], "HOME": NO_HOME, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [python, "-m", "mediapipe_jetson", *arguments],
        env={**usual, "PYTHONPATH": str(path), **environment},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def schema(name: str) -> Any:
    return json.loads((SOURCE / "mediapipe_jetson" / "data" / f"{name}.schema.json").read_text())
