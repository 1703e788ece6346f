"""A bare machine under QEMU, with a kernel, systemd, a disk and a network of its own.

Root is in it by ssh, and so is the row's user, whose login has the groups that the machine gives.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.machines import roots
from bench.machines.rows import Row
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.paths import cache_dir
from jetson_kit.virtual_devices import (
    accel,
    disk,
    initramfs,
    keys,
    qemu,
    seed,
    ssh,
)  # fmt: skip
from jetson_kit.virtual_devices.root import Root
from jetson_kit.virtual_devices.spec import Device, File

# Up in 90 s where the processor is emulated, on a machine with other work in some minutes.
READY_S = 900.0
STOP_S = 60.0
CALL_S = 120.0
# QEMU's own network: its name server passes questions on to this machine's.
NAMESERVER = "10.0.2.3"
NETWORK = "[Match]\nName=eth0 en*\n[Network]\nDHCP=ipv4\n[DHCPv4]\nUseDNS=no\n"
UNITS = "/usr/lib/systemd/system"
WANTS = "/etc/systemd/system/multi-user.target.wants"


@dataclass(frozen=True)
class Guest:
    """A running machine of a row; a transport of machine.py."""

    device: Device
    process: subprocess.Popen[bytes]

    def command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
        """Return the words that run a script there, in a login of `user`."""
        given = [f"{name}={value}" for name, value in variables.items()]
        login = replace(self.device, user=user)
        return ssh.command(login, ["env", *given, "sh", "-c", script])

    def reboot(self) -> None:
        """Restart the machine, and wait until it is up. Raises StepFailedError."""
        before = self._boot()
        with contextlib.suppress(StepFailedError):
            ssh.shell(self.device, "systemctl --no-block reboot", timeout_s=CALL_S)
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            with contextlib.suppress(StepFailedError):
                self.wait()
                if self._boot() != before:
                    return
            time.sleep(1.0)
        raise StepFailedError(f"{self.device.name} did not restart within {READY_S:.0f} s")

    def cut_off(self) -> None:
        """Refuse: ssh comes by the network. Raises StepFailedError."""
        raise StepFailedError(f"{self.device.name}: a guest can't be without a network")

    def wait(self) -> None:
        """Wait until root can log in, and systemd has started all. Raises StepFailedError."""
        ssh.wait(self.device, READY_S, lambda: self.process.poll() is None)
        ssh.shell(self.device, "systemctl is-system-running --wait || :", timeout_s=READY_S)

    def _boot(self) -> str:
        return ssh.shell(self.device, "cat /proc/sys/kernel/random/boot_id", timeout_s=CALL_S)


@contextlib.contextmanager
def started(row: Row) -> Iterator[Guest]:
    """Yield the row's machine; it is gone afterwards.

    Raises ToolMissingError, NetworkError, DiskFullError, StepFailedError.
    """
    arch = row.guest
    kernel = initramfs.build(arch)
    tar = roots.tar(row.suite, arch)
    state = tar.stat()
    base = disk.base(Root(tar, f"bare {tar.stem} {state.st_mtime_ns}", arch), kernel)
    # QEMU names its socket from its folder: such names must be short.
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="guest-") as name:
        device = _device(row, Path(name))
        disk.overlay(base, device.folder / qemu.DISK)
        for link, path in ((qemu.KERNEL, kernel.image), (qemu.INITRAMFS, kernel.initramfs)):
            (device.folder / link).symlink_to(path)
        (device.folder / qemu.PARCEL).write_bytes(b"")
        (device.folder / qemu.PARCEL).open("ab").truncate(1 << 20)
        tarred = seed.write(files(device), device.folder / "seed.tar")
        command = qemu.command(
            device,
            accelerator=accel.choose(arch, device.cpu),
            seed=tarred,
            dtb=None,
            memory=row.memory,
            outwards=True,
        )
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, cwd=device.folder, start_new_session=True
        )
        try:
            guest = Guest(device, process)
            guest.wait()
            yield guest
        finally:
            process.kill()
            process.wait(STOP_S)


def _device(row: Row, folder: Path) -> Device:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Device(
        name=row.name,
        kind="vm",
        arch=row.guest,
        module="",
        l4t="",
        cpu=accel.DEFAULT_CPU,
        folder=folder,
        address="127.0.0.1",
        port=port,
        user="root",
        key=folder / "key",
        known_hosts=folder / "known_hosts",
    )


def files(device: Device) -> list[File]:
    """Return what the machine's owner has set: a key to log in with, and the network."""
    return [
        # The folder that the kernel's device nodes are mounted on: the root's tar leaves it out.
        File("/dev/.mounted"),
        *keys.install(device, keys.pair("bench.machines")),
        File("/etc/systemd/network/50-wired.network", content=NETWORK.encode()),
        File("/etc/resolv.conf", content=f"nameserver {NAMESERVER}\n".encode()),
        File(f"{WANTS}/systemd-networkd.service", link=f"{UNITS}/systemd-networkd.service"),
    ]
