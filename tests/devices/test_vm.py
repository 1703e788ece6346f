"""Virtual machines for real: from power-on to ssh, Docker inside, power cuts, the cable."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.virtual_devices import initramfs, keys, procs, seed, ssh, vm
from jetson_kit.virtual_devices.spec import Device, DeviceTree, File
from tests.support.here import skip_without
from tests.unit.newc import newc

pytestmark = [pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
# What the project promises on two quiet cores, in seconds; a busy machine gets three times that.
PROMISED = {"amd64": 60.0, "arm64": 150.0}
TREE = DeviceTree(
    "NVIDIA Jetson Nano Developer Kit", ("nvidia,p3450-0000", "nvidia,tegra210"), "n.dts"
)
TINY = """
tar -C /opt -c busybox | docker import - tiny >/dev/null
docker run --rm tiny /busybox echo "said inside"
"""


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _device(folder: Path, arch: str, cpu: str) -> Device:
    return Device(
        *("test-1", "vm", arch, "nano", "32.7.6", cpu, folder, "127.0.0.1", _port(), "root"),
        *(folder / "key", folder / "known_hosts"),
    )


def _up(folder: Path, arch: str, cpu: str) -> Device:
    skip_without({"amd64": "qemu-x86", "arm64": "qemu-arm"}[arch], "qemu-img", "fdtput")
    vm.prepare(arch)
    device = _device(folder, arch, cpu)
    busybox = newc(initramfs.build(arch).initramfs.read_bytes())["bin/busybox"][1]
    files = (*keys.install(device, keys.pair("test")), File("/opt/busybox", 0o755, busybox))
    seed.write(files, folder / "seed.tar")
    _power_on(device)
    return device


def _power_on(device: Device) -> float:
    began = time.monotonic()
    vm.start(device, device.folder / "seed.tar", TREE)
    try:
        ssh.wait(device, 3 * PROMISED[device.arch], lambda: vm.running(device))
    except StepFailedError as error:
        pytest.fail(f"{error.message}\n{vm.console(device)}")
    return time.monotonic() - began


def _memory(device: Device) -> int:
    """Return the most that its process has held, in MiB."""
    process = vm._process(device)
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) >> 10


@pytest.fixture(scope="module")
def amd64(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    device = _up(tmp_path_factory.mktemp("amd64"), "amd64", "cortex-a76")
    yield device
    vm.stop(device, hard=True)


def _says(device: Device, script: str) -> str:
    return vm.shell(device, script).strip()


def test_system_is_whole(amd64: Device) -> None:
    assert _says(amd64, "systemctl is-system-running --wait || true") == "running"
    assert _says(amd64, "systemctl --failed --no-legend") == ""
    assert _says(amd64, "uname -m; hostname; id -un").split() == ["x86_64", "test-1", "root"]
    assert "/dev/zram0" in _says(amd64, "cat /proc/swaps")
    assert _says(amd64, "stat -c %a /usr/bin/sudo /tmp").split() == ["4755", "1777"]


def test_docker_runs_a_tiny_image(amd64: Device) -> None:
    assert _says(amd64, TINY) == "said inside"
    assert "overlay2" in _says(amd64, "docker info 2>/dev/null")


def test_nothing_outside_is_reached(amd64: Device) -> None:
    """A server on the host's loopback address is one step away for a guest of plain slirp."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        address = f"10.0.2.2 {server.getsockname()[1]}"
        ask = "/opt/busybox nc -w 3 {} </dev/null >/dev/null && echo yes || echo no"
        assert _says(amd64, ask.format("127.0.0.1 22")) == "yes"
        assert _says(amd64, ask.format(address)) == "no"


def test_memory_stays_in_its_bounds(amd64: Device) -> None:
    _says(amd64, "dd if=/dev/zero of=/dev/shm/fill bs=1M count=300; rm /dev/shm/fill")
    assert _memory(amd64) <= 1024


def test_a_frozen_machine_keeps_its_power_and_its_memory(amd64: Device) -> None:
    _says(amd64, "echo kept >/dev/shm/note")
    vm.freeze(amd64)
    try:
        assert vm.running(amd64)
        with pytest.raises(StepFailedError):
            ssh.shell(amd64, "true", timeout_s=5.0)
    finally:
        vm.thaw(amd64)
    assert _says(amd64, "cat /dev/shm/note") == "kept"


def test_the_cable_comes_out_and_goes_back(amd64: Device) -> None:
    vm.link(amd64, up=False)
    with pytest.raises(StepFailedError):
        ssh.shell(amd64, "true", timeout_s=5.0)
    vm.link(amd64, up=True)
    ssh.wait(amd64, 60, lambda: vm.running(amd64))
    assert _says(amd64, "cat /sys/class/net/eth0/carrier") == "1"


def test_power_cut_loses_what_was_not_synced(amd64: Device) -> None:
    before = _says(amd64, "cat /proc/sys/kernel/random/boot_id /etc/machine-id")
    _says(amd64, "echo old >/var/tmp/synced; sync; echo changed >/etc/seeded-once; sync")
    # Neither file is more than a few seconds old, so the kernel has not written it by itself.
    _says(amd64, "echo new >/var/tmp/lost")
    vm.stop(amd64, hard=True)
    assert not vm.running(amd64)
    _power_on(amd64)
    assert _says(amd64, "cat /var/tmp/synced /etc/seeded-once").split() == ["old", "changed"]
    assert _says(amd64, "cat /var/tmp/lost 2>/dev/null || echo gone") in ("gone", "")
    after = _says(amd64, "cat /proc/sys/kernel/random/boot_id /etc/machine-id")
    assert before.split()[0] != after.split()[0]
    assert before.split()[1] == after.split()[1]


def test_docker_is_there_after_a_power_cut(amd64: Device) -> None:
    assert _says(amd64, "docker run --rm tiny /busybox echo again") == "again"


def test_a_seed_is_unpacked_once_only(amd64: Device) -> None:
    _says(amd64, "rm /opt/busybox; sync")
    vm.stop(amd64, hard=False)
    assert not vm.running(amd64)
    assert "Power down" in vm.console(amd64)
    _power_on(amd64)
    assert _says(amd64, "ls /opt") == ""


def test_a_death_is_noticed(amd64: Device) -> None:
    process = vm._process(amd64)
    assert process is not None
    assert vm.running(amd64)
    os.kill(process.pid, signal.SIGKILL)
    assert procs.end(process, signal.SIGKILL, 10.0)
    assert not vm.running(amd64)
    with pytest.raises(StepFailedError, match="no power"):
        vm.freeze(amd64)


def test_a_taken_port_is_named(amd64: Device) -> None:
    assert not vm.running(amd64)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind((amd64.address, amd64.port))
        connection.listen()
        with pytest.raises(StepFailedError, match="host forwarding rule"):
            vm.start(amd64, amd64.folder / "seed.tar", None)
    assert not vm.running(amd64)


# Orin's stand-in is in test_arm64.py.
def test_the_cores_of_tx1_nano_and_tx2(tmp_path: Path) -> None:
    device = _up(tmp_path, "arm64", "cortex-a57")
    try:
        assert _says(device, "uname -m") == "aarch64"
        info = _says(device, "cat /proc/cpuinfo")
        assert "0xd07" in info
        assert "atomics" not in info
        tree = "/proc/device-tree"
        assert _says(device, f"tr '\\0' '\\n' <{tree}/model") == TREE.model
        assert _says(device, f"tr '\\0' '\\n' <{tree}/compatible") == "\n".join(TREE.compatible)
        assert _says(device, f"tr '\\0' '\\n' <{tree}/nvidia,dtsfilename") == TREE.dts
        assert _says(device, TINY) == "said inside"
        assert _memory(device) <= 5 * 1024
        vm.stop(device, hard=False)
        assert not vm.running(device)
    finally:
        vm.stop(device, hard=True)
