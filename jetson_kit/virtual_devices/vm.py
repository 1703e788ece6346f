"""Kind `vm`: a machine of QEMU's with its own kernel, clock, disk and network.

Power cuts are true ones here: what the guest has not synced is lost with its memory.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text, written_aside
from jetson_kit.virtual_devices import accel, disk, dtb, initramfs, procs, qemu, qmp, root, ssh
from jetson_kit.virtual_devices.procs import Process
from jetson_kit.virtual_devices.spec import Device, DeviceTree

RECORD = "machine.json"
SAID = "qemu.log"
# Bytes of the console that are shown.
TAIL = 8000
POLL_S = 0.1
# QEMU opens its socket within 1 s; the rest is for a busy machine.
START_S = 60.0
STOP_S = 120.0
KILL_S = 10.0


def prepare(arch: str, docker: str = "") -> None:
    """Make the base disk and the kernel, and find the accelerator; see spec.Machine."""
    qemu.program(arch)
    disk.base(root.build(arch, docker), initramfs.build(arch))
    accel.choose(arch, accel.DEFAULT_CPU)


def sweep(known: frozenset[str]) -> None:
    """Nothing lies outside of a machine's folder; see spec.Machine."""
    del known


def start(device: Device, seed: Path, tree: DeviceTree | None) -> None:
    """Power on; see spec.Machine."""
    if running(device):
        return
    if not (device.folder / qemu.DISK).exists():
        _furnish(device)
    links = (device.folder / qemu.KERNEL, device.folder / qemu.INITRAMFS)
    if missing := [link for link in links if not link.exists()]:
        raise StepFailedError(
            f"{device.name} has lost its {missing[0].name}, which was in the cache",
            "./inv devices.down removes it; ./inv devices.up makes another",
        )
    # Sparse: it takes no room until something is put in. A power cycle empties it.
    with (device.folder / qemu.PARCEL).open("wb") as parcel:
        parcel.truncate(qemu.PARCEL_GIB << 30)
    accelerator = accel.choose(device.arch, device.cpu)
    named = None
    if tree and device.arch == "arm64":
        shape = qemu.core(device.arch, device.cpu, accelerator)
        named = dtb.make(shape, tree, device.folder / "device-tree.dtb")
    command = qemu.command(
        device,
        accelerator=accelerator,
        seed=seed,
        dtb=named,
    )
    _launch(device, command)


def _furnish(device: Device) -> None:
    """Give a device its disk and its kernel; the disk comes last, so that it vouches for both."""
    kernel = initramfs.build(device.arch)
    for name, path in ((qemu.KERNEL, kernel.image), (qemu.INITRAMFS, kernel.initramfs)):
        (device.folder / name).unlink(missing_ok=True)
        (device.folder / name).symlink_to(path)
    base = disk.base(root.build(device.arch, device.engine), kernel)
    with written_aside(device.folder / qemu.DISK) as aside:
        disk.overlay(base, aside)


def _launch(device: Device, command: list[str]) -> None:
    (device.folder / qemu.SOCKET).unlink(missing_ok=True)
    with (device.folder / SAID).open("wb") as message:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=message,
            stderr=message,
            cwd=device.folder,  # its socket is named from here: such names must be short
            start_new_session=True,
        )
    process = procs.find(child.pid)
    if process:
        facts = {"pid": process.pid, "started": process.started}
        write_text(device.folder / RECORD, json.dumps(facts))
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if child.poll() is not None:
            raise StepFailedError(
                f"{device.name} did not start: {_last(device.folder / SAID) or 'QEMU ended'}",
                "./inv devices.down removes what is left of it",
            )
        with contextlib.suppress(StepFailedError), qmp.connected(device.folder / qemu.SOCKET):
            return
        time.sleep(POLL_S)
    child.kill()
    raise StepFailedError(f"{device.name} did not start: QEMU gives no answer")


def running(device: Device) -> bool:
    """Tell whether it has power (a frozen one has)."""
    process = _process(device)
    return process is not None and procs.alive(process)


def stop(device: Device, *, hard: bool) -> None:
    """Take the power away; see spec.Machine."""
    process = _process(device)
    if process is None or not procs.alive(process):
        return
    if not hard and _shut_down(device):
        procs.end(process, signal.SIGCONT, STOP_S)
    if not procs.end(process, signal.SIGKILL, KILL_S):
        raise StepFailedError(f"{device.name}: its process {process.pid} can't be ended")


def _shut_down(device: Device) -> bool:
    """Ask the guest to power itself off; tell whether it could be asked."""
    with contextlib.suppress(StepFailedError):
        thaw(device)
        ssh.shell(device, "systemctl --no-block poweroff", timeout_s=30.0)
        return True
    return False


def discard(device: Device) -> None:
    """Nothing lies outside of its folder; see spec.Machine."""
    del device


def console(device: Device) -> str:
    """Return the end of what kernel and systemd printed since power-on."""
    return _last(device.folder / qemu.CONSOLE, TAIL)


def freeze(device: Device) -> None:
    """Stop its CPUs."""
    _ask(device, "stop")


def thaw(device: Device) -> None:
    """Let its CPUs go on."""
    _ask(device, "cont")


def link(device: Device, *, up: bool) -> None:
    """Put its network cable in or pull it out."""
    _ask(device, "set_link", name="nic", up=up)


def shell(device: Device, script: str) -> str:
    """Run a script as root inside, by ssh; see spec.Machine."""
    return ssh.shell(device, script)


def _ask(device: Device, command: str, **arguments: object) -> None:
    if not running(device):
        raise StepFailedError(f"{device.name} has no power", "./inv devices.heal gives it back")
    with qmp.connected(device.folder / qemu.SOCKET) as monitor:
        monitor.ask(command, **arguments)


def _process(device: Device) -> Process | None:
    try:
        facts = json.loads((device.folder / RECORD).read_text(encoding="utf-8"))
        return Process(int(facts["pid"]), str(facts["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last(path: Path, size: int = 1000) -> str:
    """Return the last `size` bytes of a file as text, without what steers a terminal."""
    try:
        raw = path.read_bytes()[-size:]
    except OSError:
        return ""
    text = raw.decode(errors="replace").replace("\r", "")
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t").strip()
