"""QEMU's command line for a virtual device."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import ToolMissingError
from jetson_kit.virtual_devices.spec import Device

CORES = 2
SOCKET = "machine.sock"
DISK = "disk.qcow2"
# A disk the guest only reads; this side writes into its file what goes in: see image.py.
PARCEL = "parcel.raw"
PARCEL_GIB = 16
PARCEL_SERIAL = "parcel"
CONSOLE = "console.log"
# Links to what the device was made with: a newer kernel would not find its modules on the disk.
KERNEL = "vmlinuz"
INITRAMFS = "initramfs"


@dataclass(frozen=True)
class Shape:
    """What an architecture's machine is made of."""

    program: str
    package: str
    """Debian package of the program."""
    machine: str
    console: str
    memory: int
    """MiB the guest has."""
    blocks: int
    """MiB that QEMU may keep of translated code, beside the guest's memory."""


# Guest, translated code and QEMU itself (some 60 MiB) stay below 1 GiB and 5 GiB.
SHAPES = {
    "amd64": Shape("qemu-system-x86_64", "qemu-system-x86", "pc", "ttyS0", 768, 128),
    "arm64": Shape("qemu-system-aarch64", "qemu-system-arm", "virt", "ttyAMA0", 4096, 512),
}
# What the kernel need not do for a machine that nobody attacks and whose clock is emulated.
QUIET = (
    "quiet", "loglevel=4", "mitigations=off", "nokaslr", "audit=0", "apparmor=0", "selinux=0",
    "random.trust_cpu=on", "net.ifnames=0", "panic=-1", "systemd.show_status=0",
    "systemd.getty_auto=0", "rcupdate.rcu_expedited=1", "nowatchdog",
)  # fmt: skip
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


def program(arch: str) -> str:
    """Return the path of the QEMU for an architecture. Raises ToolMissingError."""
    shape = SHAPES[arch]
    value = shutil.which(shape.program)
    if value is None:
        raise ToolMissingError(
            f"the program {shape.program} is not installed", f"install {shape.package}"
        )
    return value


def native(arch: str) -> bool:
    """Tell whether this machine's own processor is of that architecture."""
    return os.uname().machine == {"amd64": "x86_64", "arm64": "aarch64"}[arch]


def cpu(arch: str, model: str, accelerator: str) -> str:
    """Return the CPU model that QEMU is asked for."""
    if accelerator == "kvm":
        return "host"
    return model if arch == "arm64" else "max"


def core(arch: str, model: str, accelerator: str, memory: int = 0) -> list[str]:
    """Return the program, the machine, and what shapes its device tree."""
    shape = SHAPES[arch]
    return [
        program(arch),
        shape.machine,
        *("-cpu", cpu(arch, model, accelerator)),
        *("-smp", str(CORES), "-m", str(memory or shape.memory)),
    ]


def accel(arch: str, accelerator: str) -> list[str]:
    """Return the options of the accelerator: "kvm" or "tcg"."""
    if accelerator == "kvm":
        return ["-accel", "kvm"]
    return ["-accel", f"tcg,thread=multi,tb-size={SHAPES[arch].blocks}"]


def command(
    device: Device,
    *,
    accelerator: str,
    seed: Path,
    dtb: Path | None,
    memory: int = 0,
    outwards: bool = False,
    extra: Sequence[str] = (),
) -> list[str]:
    """Return the whole command line that powers a device on.

    The guest reaches nothing (restrict=on) but where it may go `outwards`, as this machine does;
    ssh reaches it on the loopback address alone. `memory` is in MiB, 0 its shape's.
    """
    shape = SHAPES[device.arch]
    first, machine, *shaped = core(device.arch, device.cpu, accelerator, memory)
    parameters = [f"console={shape.console}", *QUIET, f"systemd.hostname={device.name}", *extra]
    parcel = device.folder / PARCEL
    forward = f"hostfwd=tcp:{device.address}:{device.port}-:22"
    return [
        first,
        *("-name", device.name),
        *("-machine", machine, *shaped, *accel(device.arch, accelerator)),
        *("-no-user-config", "-nodefaults", "-display", "none", "-sandbox", SANDBOX),
        *("-kernel", str(device.folder / KERNEL), "-initrd", str(device.folder / INITRAMFS)),
        *("-append", " ".join(parameters)),
        *(("-dtb", str(dtb)) if dtb else ()),
        *("-drive", f"if=none,id=root,format=qcow2,file={quoted(device.folder / DISK)}"),
        *("-device", "virtio-blk-pci,drive=root"),
        *("-drive", f"if=none,id=seed,format=raw,readonly=on,file={quoted(seed)}"),
        *("-device", "virtio-blk-pci,drive=seed"),
        *("-drive", f"if=none,id=parcel,format=raw,readonly=on,file={quoted(parcel)}"),
        *("-device", f"virtio-blk-pci,drive=parcel,serial={PARCEL_SERIAL}"),
        *("-netdev", f"user,id=net,restrict={'off' if outwards else 'on'},{forward}"),
        *("-device", "virtio-net-pci,id=nic,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"file,id=console,path={quoted(device.folder / CONSOLE)}"),
        *("-serial", "chardev:console"),
        *("-chardev", f"socket,id=qmp,server=on,wait=off,path={SOCKET}"),
        *("-mon", "chardev=qmp,mode=control"),
    ]


def quoted(path: Path) -> str:
    """Return a path as an option's value: QEMU takes a doubled comma for one."""
    return str(path).replace(",", ",,")
