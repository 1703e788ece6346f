"""The Arm cores that QEMU's user emulation stands for, each with the /proc/cpuinfo it needs.

QEMU before 8.2 (Debian 12, Ubuntu 22.04) passes the host's /proc/cpuinfo through. MediaPipe 1.x and
LiteRT look there for Arm cores, find none on x86 and crash at the first inference, so an Arm text
is mounted over it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docker.errors import APIError, ContainerError
from docker.models.images import Image

from jetson_kit.containers import engine, outside
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.emulation import cpus
from jetson_kit.emulation.cpus import Cpu

BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
# What Debian's QEMU has for systemd, which registers it at boot.
ENTRY = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
# What the kernel says of a program of another processor, and runtimes repeat.
FOREIGN = "xec format error"
CPUINFO = "/proc/cpuinfo"
LABELS = "io.mediapipe-jetson"
# By this the device side knows for certain that no board is here.
MARKER = "MEDIAPIPE_JETSON_EMULATED"
DEFAULT = "cortex-a76"
NVIDIA = "nvidia"
# Every Docker Engine knows it by this name.
PLAIN = "runc"
CORE_TEXT = """\
processor\t: {number}
BogoMIPS\t: 125.00
Features\t: {features}
CPU implementer\t: {implementer}
CPU architecture: 8
CPU variant\t: {variant}
CPU part\t: {part}
CPU revision\t: {revision}

"""


def core(name: str) -> Cpu:
    """Return a core by its name ("cortex-a57"). Raises BadInputError, which lists them all."""
    known = {cpu.name: cpu for cpu in cpus.load()}
    if name not in known:
        raise BadInputError(f"unknown CPU {name!r}", f"choose one of {', '.join(known)}")
    return known[name]


def oldest(socs: Iterable[str]) -> Cpu:
    """Return the least capable core of these SoCs ("tegra194"): what runs there runs on all."""
    requested = set(socs)
    return next((cpu for cpu in cpus.load() if requested & set(cpu.socs)), core(DEFAULT))


def core_of(image: Image) -> Cpu:
    """Return the oldest core of the SoCs that an image's label names."""
    return oldest(image.labels.get(f"{LABELS}.socs", "").split())


def cpuinfo(cpu: Cpu, processors: int) -> str:
    """Return the text of /proc/cpuinfo on a machine with so many of these cores."""
    facts = {"features": " ".join(cpu.features), **cpu.cpuinfo}
    return "".join(CORE_TEXT.format(number=number, **facts) for number in range(processors))


def require(image: str) -> None:
    """Raise ToolMissingError where arm64 programs do not run: `image` is tried where need be."""
    if BINFMT.exists():
        return
    if not outside.likely():
        raise ToolMissingError(
            "this machine does not run arm64 programs",
            f"as root, once: cat {ENTRY} >{BINFMT.parent}/register"
            if os.geteuid() and ENTRY.exists()
            else "run ./inv build as root once: it sets up QEMU",
        )
    if not _starts(image):
        raise ToolMissingError(
            "the Docker Engine's machine does not run arm64 programs",
            "there, as root: apt install qemu-user-static, or qemu-user-binfmt in its place",
        )


def _starts(image: str) -> bool:
    """Tell whether the engine starts a program of an image."""
    try:
        engine.client().containers.run(
            image, entrypoint=["/usr/bin/true"], network_mode="none", remove=True
        )
    except ContainerError as error:
        return FOREIGN not in str(error.stderr)
    except APIError as error:
        return FOREIGN not in str(error.explanation)
    return True


def container_options(cpu: Cpu, image: str) -> dict[str, Any]:
    """Return what a container of an image needs to be this core, as the SDK's `create` takes it.

    Raises ToolMissingError where an engine elsewhere is too old to be given a file.
    """
    mount = outside.mounted_file(cpuinfo_file(cpu), CPUINFO, image)
    environment = {"QEMU_CPU": cpu.qemu, MARKER: "1"}
    options: dict[str, Any] = {"environment": environment, "mounts": [mount]}
    # NVIDIA's gives a container this machine's drivers, of which an emulated core can use none.
    if NVIDIA in str(engine.client().info().get("DefaultRuntime")):
        options["runtime"] = PLAIN
    return options


def cpuinfo_file(cpu: Cpu) -> Path:
    """Return a file with the text for the engine's number of processors."""
    count = int(engine.client().info()["NCPU"])
    path = cache_dir("cpuinfo") / f"{cpu.name}-{count}"
    text = cpuinfo(cpu, count)
    # Containers may have it mounted: a file that is right is left as it is.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    path.chmod(0o644)
    return path
