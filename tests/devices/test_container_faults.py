"""Each fault that a container can have: seen from inside or from a neighbour, and healed."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.ssh import OWN_FAILURE
from jetson_kit.virtual_devices import ssh, store
from jetson_kit.virtual_devices.spec import Device
from tests.devices.front import Front
from tests.devices.seen import answers, took

pytestmark = [pytest.mark.docker, pytest.mark.slow]
NAME = "jetson-1"


@pytest.fixture
def device(pair: Front, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Return the first device."""
    monkeypatch.setenv("KIT_STATE", str(pair.state))
    return store.get(NAME).device


def lost(front: Front) -> float:
    """Return which part of a neighbour's packets gets no answer."""
    output = front.must("devices.ssh", "jetson-2", "--", f"ping -q -c 200 -i 0.01 -W 1 {NAME} || :")
    match = re.search(r"([\d.]+)% packet loss", output)
    assert match, output
    return float(match[1]) / 100


def test_freeze(pair: Front, device: Device) -> None:
    pair.must("devices.fault", NAME, "freeze")
    assert pair.status(NAME) == "freeze"
    assert not answers(device, 3)
    done = pair("devices.fault", NAME, "net-slow")
    assert done.returncode == 2
    assert "can't be reached: it has freeze" in done.stderr
    pair.must("devices.heal", NAME)
    assert answers(device, 30)
    assert pair.status(NAME) == "up"


def test_a_frozen_device_holds_nothing(pair: Front, device: Device) -> None:
    """No connection that is there stays, no new one waits, and no command outlasts its limit."""
    with pytest.raises(StepFailedError, match="no answer within 1 s"):
        ssh.shell(device, "sleep 600", timeout_s=1)
    done = pair("devices.ssh", NAME, "--timeout", "2", "--", "sleep 600")
    assert (done.returncode, done.stdout) == (ssh.TIMED_OUT, "")
    assert "did not end within 2 s" in done.stderr
    # As the kit's, only sooner: ssh takes the first of each option.
    first, *rest = ssh.command(device, ["sh", "-c", "echo so; sleep 600"])
    command = [first, "-o", "ServerAliveInterval=1", *rest]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"so\n"
        pair.must("devices.fault", NAME, "freeze")
        try:
            assert child.wait(60) == OWN_FAILURE
            assert pair("devices.ssh", NAME, "--", "true").returncode == OWN_FAILURE
        finally:
            child.kill()
            pair.must("devices.heal", NAME)
    assert answers(device, 30)


def test_net_off(pair: Front, device: Device) -> None:
    assert lost(pair) == 0
    pair.must("devices.fault", NAME, "net-off")
    assert lost(pair) == 1
    assert not answers(device, 3)
    pair.must("devices.heal", NAME, "net-off")
    assert lost(pair) == 0
    assert answers(device, 30)


def test_net_slow(pair: Front, device: Device) -> None:
    fast = max(took(device, sent=True), took(device, sent=False))
    pair.must("devices.fault", NAME, "net-slow")
    # 256 KiB at 512 kbit/s are 4 s; the buckets let some of it through at once.
    assert took(device, sent=True) > max(2.5, fast)
    assert took(device, sent=False) > max(2.5, fast)
    pair.must("devices.heal", NAME)
    assert took(device, sent=True) < 2.5
    assert took(device, sent=False) < 2.5


def test_net_flaky(pair: Front) -> None:
    pair.must("devices.fault", NAME, "net-flaky")
    assert 0.05 < lost(pair) < 0.40  # each way one in ten: 19 %
    pair.must("devices.heal", NAME)
    assert lost(pair) == 0


def test_disk_full(pair: Front) -> None:
    write = "head -c 65536 /dev/zero >/var/lib/docker/probe; echo $?; rm -f /var/lib/docker/probe"
    pair.must("devices.fault", NAME, "disk-full")
    done = pair("devices.ssh", NAME, "--", write)
    assert "No space left on device" in done.stderr
    assert pair.inside("jetson-2", write).strip() == "0"
    pair.must("devices.heal", NAME)
    assert pair.inside(NAME, write).strip() == "0"


def test_kill_docker(pair: Front) -> None:
    pair.must("devices.fault", NAME, "kill-docker")
    for _ in range(2):
        assert "is the docker daemon running" in pair.inside(NAME, "docker ps 2>&1 || :").lower()
        time.sleep(3)  # systemd would have started it again by now
    assert "killed" in pair.inside(NAME, "journalctl -u docker --no-pager | tail -n 5").lower()
    pair.must("devices.heal", NAME)
    assert "CONTAINER ID" in pair.inside(NAME, "docker ps")


def test_two_faults_at_once_are_healed_together(pair: Front) -> None:
    pair.must("devices.fault", NAME, "disk-full")
    pair.must("devices.fault", NAME, "net-off")
    assert pair.status(NAME) == "disk-full net-off"
    pair.must("devices.heal", NAME)
    assert pair.status(NAME) == "up"
    assert " 100% " not in pair.inside(NAME, "df /var/lib/docker")


def test_for_a_while(pair: Front, device: Device) -> None:
    started = time.monotonic()
    pair.must("devices.fault", NAME, "freeze", "--for", "2")
    assert time.monotonic() - started > 2
    assert answers(device, 30)


def test_a_command_that_is_asked_to_end_heals_first(pair: Front, device: Device) -> None:
    child = pair.start("devices.fault", NAME, "freeze", "--for", "600")
    wait_for_status(pair, "freeze")
    child.terminate()
    assert child.wait(30) == 128 + signal.SIGTERM
    assert answers(device, 30)


def test_a_killed_command_leaves_it_to_the_next(pair: Front, device: Device) -> None:
    child = pair.start("devices.fault", NAME, "freeze", "--for", "6")
    wait_for_status(pair, "freeze")
    child.kill()
    child.wait()
    assert not answers(device, 2)
    time.sleep(6)
    done = pair("devices.list")
    assert "was over and is healed" in done.stderr
    assert answers(device, 30)


def wait_for_status(front: Front, status: str) -> None:
    until = time.monotonic() + 30
    while front.status(NAME) != status:
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("power-cut", "page cache"),
        ("clock-skew", "share the clock"),
        ("read-only", "layer of the host's engine"),
    ],
)
def test_what_a_container_cannot_have_truly_is_refused(pair: Front, fault: str, why: str) -> None:
    done = pair("devices.fault", NAME, fault)
    assert done.returncode == 2
    assert why in done.stderr
    assert "take a device of --kind vm" in done.stderr
    assert pair.status(NAME) == "up"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("fault", NAME, "earthquake"), 'unknown fault "earthquake"; take one of power-cut'),
        (("fault", "nobody", "freeze"), 'there is no device "nobody"; ./inv devices.list shows'),
        (("fault", NAME, "freeze", "--for", "soon"), '"soon" is no time'),
        (("fault", NAME, "freeze", "--for", "0"), '"0" is no time'),
        (("heal", NAME, "freeze"), "has no fault freeze; it has: none"),
        (("heal", NAME, "earthquake"), 'unknown fault "earthquake"'),
        (("ssh", "../x"), '"../x" is no name for a device'),
        (("down", "nobody"), 'there is no device "nobody"'),
        (("down", NAME, "--all"), "exclude each other"),
    ],
)
def test_bad_words_give_one_line(pair: Front, arguments: tuple[str, ...], why: str) -> None:
    done = pair(f"devices.{arguments[0]}", *arguments[1:])
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert why in done.stderr
