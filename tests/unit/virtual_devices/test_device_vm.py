"""The parts of kind `vm` that need no machine: archives, command lines, device trees, disks."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import accel, disk, dtb, initramfs, procs, qemu, qmp, root, vm
from jetson_kit.virtual_devices.cpio import CpioWriter
from jetson_kit.virtual_devices.spec import Device, DeviceTree
from tests.support.here import needs_parts, skip_without
from tests.unit.newc import newc

KIT_QEMU = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}


def device(folder: Path, arch: str = "arm64", cpu: str = "cortex-a76") -> Device:
    return Device(
        *("jetson-1", "vm", arch, "orin-nano-8gb", "36.4.4", cpu, folder),
        *("127.0.0.1", 22345, "root", folder / "key", folder / "known_hosts"),
    )


def test_archive_holds_what_was_added() -> None:
    out = io.BytesIO()
    with CpioWriter(out) as archive:
        archive.folder("bin")
        archive.data("bin/tool", b"12345", 0o755)
        archive.link("bin/sh", "tool")
        archive.device("console", 5, 1)
    assert newc(out.getvalue()) == {
        "bin": (0o040755, b""),
        "bin/tool": (0o100755, b"12345"),
        "bin/sh": (0o120777, b"tool"),
        "console": (0o020600, b""),
    }


def test_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    skip_without("cpio")
    with (tmp_path / "a.cpio").open("wb") as out, CpioWriter(out) as archive:
        archive.folder("d")
        archive.data("d/f", b"x" * 4097)
    with (tmp_path / "a.cpio").open("rb") as raw:
        subprocess.run(["cpio", "-idm", "--quiet"], stdin=raw, cwd=tmp_path, check=True)
    assert (tmp_path / "d/f").read_bytes() == b"x" * 4097


def test_archive_without_end_where_the_maker_failed() -> None:
    out = io.BytesIO()
    with pytest.raises(RuntimeError), CpioWriter(out) as archive:
        archive.folder("bin")
        raise RuntimeError
    assert b"TRAILER" not in out.getvalue()


MODULES_DEP = """kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko \
kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko
"""


def test_modules_are_loaded_after_what_they_need() -> None:
    order = initramfs.closure(MODULES_DEP, ("virtio_pci", "virtio_blk"))
    names = [Path(path).stem for path in order]
    assert names == ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"]


def test_a_module_that_the_kernel_lacks_is_named() -> None:
    with pytest.raises(StepFailedError, match="no module virtio_gone"):
        initramfs.closure(MODULES_DEP, ("virtio_gone",))


def test_init_is_shell_that_parses() -> None:
    subprocess.run(["sh", "-n", initramfs.INIT], check=True)


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_command_line(arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    command = qemu.command(
        device(tmp_path, arch), accelerator="tcg", seed=tmp_path / "a,b.tar", dtb=None
    )
    line = " ".join(command)
    assert command[0] == f"/usr/bin/{KIT_QEMU[arch]}"
    # Only the loopback address, and nothing outwards.
    assert "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:22345-:22" in command
    assert "a,,b.tar" in line
    assert "spawn=deny" in line and "-display none" in line
    assert "if=none,id=seed,format=raw,readonly=on" in line
    assert command[command.index("-cpu") + 1] == {"amd64": "max", "arm64": "cortex-a76"}[arch]


def test_a_guest_that_builds_reaches_outwards_with_its_own_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    command = qemu.command(
        device(tmp_path, "arm64"),
        accelerator="tcg",
        seed=tmp_path / "seed.tar",
        dtb=None,
        memory=2048,
        outwards=True,
    )
    assert "user,id=net,restrict=off,hostfwd=tcp:127.0.0.1:22345-:22" in command
    assert command[command.index("-m") + 1] == "2048"


def test_memory_leaves_room_for_qemu_itself() -> None:
    for arch, limit in (("amd64", 1024), ("arm64", 5120)):
        shape = qemu.SHAPES[arch]
        assert shape.memory + shape.blocks + 100 <= limit


def test_kvm_takes_no_other_processor(tmp_path: Path) -> None:
    assert qemu.cpu("arm64", "cortex-a57", "kvm") == "host"
    assert qemu.cpu("arm64", "cortex-a57", "tcg") == "cortex-a57"


def test_no_kvm_for_a_foreign_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "native", lambda arch: arch == "arm64")
    assert accel.choose("amd64", "max") == "tcg"
    assert accel.choose("arm64", "cortex-a57") == "tcg"


def test_no_qemu_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolMissingError) as caught:
        qemu.program("arm64")
    assert "qemu-system-arm" in caught.value.cure


@needs_parts("dtc", "fdtget")
def test_tree_is_named(tmp_path: Path) -> None:
    source = b'/dts-v1/; / { model = "linux,dummy-virt"; compatible = "linux,dummy-virt"; a { }; };'
    result = subprocess.run(["dtc", "-O", "dtb"], input=source, capture_output=True, check=True)
    file = tmp_path / "x.dtb"
    file.write_bytes(result.stdout)
    tree = DeviceTree("NVIDIA Jetson Nano", ("nvidia,p3450-0000", "nvidia,tegra210"), "a.dts")
    dtb.name(file, tree)

    def read(key: str) -> str:
        return run(["fdtget", "-t", "s", file, "/", key], what="reading the tree").strip()

    assert read("model") == "NVIDIA Jetson Nano"
    assert read("compatible") == "nvidia,p3450-0000 nvidia,tegra210"
    assert read("nvidia,dtsfilename") == "a.dts"
    assert struct.unpack(">I", file.read_bytes()[:4])[0] == 0xD00DFEED


@needs_parts("qemu-img", "mke2fs", "debugfs")
def test_disk_keeps_owners_and_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "SIZE", 64 << 20)
    tar = tmp_path / "root.tar"
    with LayerTar(tar) as layer:
        layer.data("etc/shadow", "root:*\n", 0o640, 0, 42)
        layer.data("usr/bin/su", "x", 0o4755)
        layer.link("bin", "usr/bin")
    out, raw = tmp_path / "disk.qcow2", tmp_path / "disk.raw"
    disk._make(out, tar)
    subprocess.run(["qemu-img", "convert", "-O", "raw", out, raw], check=True)
    script = "stat /etc/shadow\nstat /usr/bin/su\nstat /bin\ncat /etc/shadow\n"
    stdout = subprocess.run(
        ["debugfs", "-f", "-", raw], input=script, capture_output=True, text=True, check=True
    ).stdout
    assert "Mode:  0640" in stdout and "Group:    42" in stdout and "root:*" in stdout
    assert "Mode:  04755" in stdout
    assert 'Fast link dest: "usr/bin"' in stdout


def test_root_names_every_account_that_its_units_need() -> None:
    spec = root.data()
    gids = [*spec["groups"].values()]
    assert len(set(gids)) == len(gids)
    for user in spec["users"].values():
        assert user["gid"] in (*gids, 65534)


def test_a_machine_that_is_gone_does_not_answer(tmp_path: Path) -> None:
    with (
        pytest.raises(StepFailedError, match="does not answer"),
        qmp.connected(tmp_path / "none.sock"),
    ):
        pass


def test_no_power(tmp_path: Path) -> None:
    machine = device(tmp_path)
    assert not vm.running(machine)
    vm.stop(machine, hard=True)
    vm.discard(machine)
    assert vm.console(machine) == ""
    with pytest.raises(StepFailedError, match="no power"):
        vm.freeze(machine)


def test_a_foreign_process_is_never_ended(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / vm.RECORD).write_text(f'{{"pid": {sleeper.pid}, "started": "long ago"}}')
        vm.stop(device(tmp_path), hard=True)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_seed_is_a_tar_that_a_disk_can_be(tmp_path: Path) -> None:
    from jetson_kit.virtual_devices import seed
    from jetson_kit.virtual_devices.spec import File

    path = seed.write([File("/etc/a", 0o600, b"1")], tmp_path / "seed.tar")
    assert path.stat().st_size % 512 == 0  # whole sectors
    with tarfile.open(path) as archive:
        assert archive.getnames() == ["etc", "etc/a"]


def test_what_was_not_used_for_long_is_removed(tmp_path: Path) -> None:
    result = {name: tmp_path / f"{name}.qcow2" for name in ("old", "used", "new")}
    for path in result.values():
        with cached_files.create(path) as aside:
            aside.write_text("x")
    for name in ("old", "used"):
        os.utime(result[name], (0, 0))
    cached_files.used(result["used"])
    cached_files.forget_unused(tmp_path, "*.qcow2")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["new.qcow2", "new.qcow2.sum", "used.qcow2", "used.qcow2.sum"]


def test_a_process_lives_while_one_of_its_threads_holds_its_files() -> None:
    code = "import ctypes, threading, sys; threading.Thread(target=sys.stdin.read).start(); "
    code += "ctypes.CDLL(None).pthread_exit(None)"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        until = time.monotonic() + 10
        state = Path(f"/proc/{child.pid}/stat")
        while state.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < until
            time.sleep(0.02)
        assert procs.find(child.pid) is not None
        assert child.stdin
        child.stdin.close()
        while procs.find(child.pid):
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
