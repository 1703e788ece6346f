"""Each fault of a virtual machine, seen from inside, and healed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from jetson_kit.virtual_devices import procs, store
from jetson_kit.virtual_devices.spec import Device
from tests.devices.front import Front
from tests.devices.seen import answers, took
from tests.support.here import skip_without

pytestmark = [pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
TRIES = 4
NAME = "jetson-1"
UP = ("devices.up", "--kind", "vm", "--arch", "amd64")
YEAR_S = 31536000


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Return the tasks with one virtual machine up."""
    skip_without("qemu-x86", "qemu-img", "fdtput")
    front = Front(tmp_path_factory.mktemp("devices") / "state")
    done = front(*UP)
    if done.returncode == 0:
        yield front
    front.must("devices.down")
    assert done.returncode == 0, done.stderr
    assert front.left() == []


@pytest.fixture
def device(vm: Front, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Return the machine as the kit's own code has it."""
    monkeypatch.setenv("KIT_STATE", str(vm.state))
    return store.get(NAME).device


def test_net_slow(vm: Front, device: Device) -> None:
    vm.must("devices.fault", NAME, "net-slow")
    assert took(device, sent=True) > 2.5
    assert took(device, sent=False) > 2.5
    vm.must("devices.heal", NAME)
    assert "kit_net_slow" not in vm.inside(NAME, "nft list tables; tc qdisc show")


def test_net_flaky(vm: Front) -> None:
    vm.must("devices.fault", NAME, "net-flaky")
    counted = "nft list table inet kit_net_flaky; ping -q -c 100 -i 0.02 -W 1 10.0.2.2 || :"
    # QEMU's user network may spoil a stream whose packets are lost; ssh sees that and ends.
    tries = (vm("devices.ssh", NAME, "--", counted) for _ in range(TRIES))
    output = next((done.stdout for done in tries if done.returncode == 0), "")
    assert output.count("drop") == 2
    assert " 0% packet loss" not in output
    assert any(vm("devices.heal", NAME).returncode == 0 for _ in range(TRIES))
    assert " 0% packet loss" in vm.inside(NAME, "ping -q -c 50 -i 0.02 -W 2 10.0.2.2")


def test_clock_skew(vm: Front) -> None:
    vm.must("devices.fault", NAME, "clock-skew")
    assert abs(float(vm.inside(NAME, "date +%s")) + YEAR_S - time.time()) < 120
    vm.must("devices.heal", NAME)
    assert abs(float(vm.inside(NAME, "date +%s")) - time.time()) < 60


def test_disk_full(vm: Front) -> None:
    write = "head -c 65536 /dev/zero >/root/probe; echo $?; rm -f /root/probe"
    vm.must("devices.fault", NAME, "disk-full")
    assert "No space left on device" in vm("devices.ssh", NAME, "--", write).stderr
    vm.must("devices.heal", NAME)
    assert vm.inside(NAME, write).strip() == "0"


def test_kill_docker(vm: Front) -> None:
    vm.must("devices.fault", NAME, "kill-docker")
    assert "is the docker daemon running" in vm.inside(NAME, "docker ps 2>&1 || :").lower()
    vm.must("devices.heal", NAME)
    assert "CONTAINER ID" in vm.inside(NAME, "docker ps")


def test_read_only(vm: Front) -> None:
    vm.must("devices.fault", NAME, "read-only")
    assert "Read-only file system" in vm("devices.ssh", NAME, "--", "touch /root/probe").stderr
    vm.must("devices.heal", NAME)
    vm.inside(NAME, "touch /root/probe")


@pytest.mark.parametrize("fault", ["freeze", "net-off"])
def test_no_answer(vm: Front, device: Device, fault: str) -> None:
    vm.must("devices.fault", NAME, fault)
    assert not answers(device, 15)
    done = vm("devices.fault", NAME, "disk-full")
    assert done.returncode == 2
    assert f"can't be reached: it has {fault}" in done.stderr
    vm.must("devices.heal", NAME)
    assert answers(device, 60)


def test_power_cut(vm: Front) -> None:
    boot = vm.inside(NAME, "cat /proc/sys/kernel/random/boot_id")
    vm.must("devices.fault", NAME, "clock-skew")
    # The kernel writes by itself what is older than 30 s.
    vm.inside(NAME, "echo kept >/root/synced; sync; echo lost >/root/unsynced")
    vm.must("devices.fault", NAME, "power-cut")
    assert vm.status(NAME) == "clock-skew power-cut"
    assert not procs.below(vm.state, "qemu-system-")
    vm.must("devices.heal", NAME)
    assert vm.status(NAME) == "up"
    assert vm.inside(NAME, "cat /proc/sys/kernel/random/boot_id") != boot
    assert vm.inside(NAME, "cat /root/synced").strip() == "kept"
    assert vm.inside(NAME, "cat /root/unsynced 2>/dev/null || :").strip() != "lost"


def test_killed_half_way_up(front: Front) -> None:
    child = front.start(*UP)
    until = time.monotonic() + 300
    while not procs.below(front.state, "qemu-system-"):
        assert time.monotonic() < until
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert front.left()
    front.must("devices.down")
    assert front.left() == []
