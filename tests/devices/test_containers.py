"""Containers that stand for Jetsons: up at once, reached by pinned keys, with an engine inside."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.virtual_devices import container_parts, engines, keys, ssh
from jetson_kit.virtual_devices.spec import Device
from tests.devices.front import Front
from tests.devices.guest import tiny

pytestmark = [pytest.mark.docker, pytest.mark.slow]
COUNT = 3
# The smallest image that an engine without a registry can have: a program and its libraries.
TINY = """\
set -e
tar -c -h -f - /usr/bin/echo /lib64/ld-linux-*.so.2 /lib/*-linux-gnu/libc.so.6 2>/dev/null |
  docker import - tiny >/dev/null
docker run --rm tiny /usr/bin/echo from the inner container
"""


@dataclasses.dataclass(frozen=True)
class Up:
    """Three devices, and what `up --json` said of them."""

    front: Front
    facts: list[dict[str, Any]]

    def device(self, number: int) -> Device:
        """Return a device as the kit's own code has it."""
        facts = self.facts[number - 1]
        known = {field.name for field in dataclasses.fields(Device)}
        plain = {key: value for key, value in facts.items() if key in known}
        folder = self.front.state / facts["name"]
        plain |= {"folder": folder, "key": Path(facts["key"])}
        return Device(**{**plain, "known_hosts": Path(facts["known_hosts"])})


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return three containers that came up at once."""
    front = Front(tmp_path_factory.mktemp("devices") / "state")
    done = front("devices.up", "--count", str(COUNT), "--json")
    if done.returncode == 0:
        yield Up(front, json.loads(done.stdout))
    front.must("devices.down")
    assert done.returncode == 0, done.stderr
    assert front.left() == []


def test_all_are_up_with_names_ports_and_no_failed_unit(three: Up) -> None:
    assert [fact["name"] for fact in three.facts] == ["jetson-1", "jetson-2", "jetson-3"]
    assert len({fact["port"] for fact in three.facts}) == COUNT
    assert {(fact["status"], fact["system"]) for fact in three.facts} == {("up", "running")}
    assert all(fact["emulated"] for fact in three.facts)
    assert three.front.listed() == three.facts


def test_each_looks_like_the_default_board(three: Up) -> None:
    assert "R36 (release), REVISION: 4.4" in three.front.inside(
        "jetson-2", "cat /etc/nv_tegra_release"
    )
    assert three.front.inside("jetson-2", "hostname").strip() == "jetson-2"


def test_another_host_key_is_refused(three: Up) -> None:
    device = three.device(1)
    wrong = device.folder / "wrong"
    place, kind, _ = device.known_hosts.read_text().split()
    other = keys.pair("other").public.split()[1]
    wrong.write_text(f"{place} {kind} {other}\n")
    imposed = dataclasses.replace(device, known_hosts=wrong)
    done = subprocess.run(
        ssh.command(imposed, ["true"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_another_login_key_is_refused(three: Up, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(keys.pair("other").private)
    stranger = dataclasses.replace(three.device(1), key=key)
    done = subprocess.run(
        ssh.command(stranger, ["true"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_secrets_are_the_users_own(three: Up) -> None:
    assert three.front.state.stat().st_mode & 0o077 == 0
    assert three.device(1).key.stat().st_mode & 0o077 == 0


def test_its_own_engine_runs_an_image(three: Up) -> None:
    assert three.front.inside("jetson-1", TINY).strip() == "from the inner container"
    # The other devices' engines and the host's know nothing of it.
    assert not three.front.inside("jetson-3", "docker images --quiet tiny").strip()
    host = subprocess.run(["docker", "images", "-q", "tiny"], capture_output=True, check=True)
    assert not host.stdout.strip()


def test_the_world_is_out_of_reach_and_neighbours_are_not(three: Up) -> None:
    script = "ip route get 192.0.2.7 2>&1; getent hosts example.org; ping -c 1 -W 2 jetson-3"
    output = three.front.inside("jetson-2", script)
    assert "unreachable" in output
    assert "1 received" in output


def test_the_engine_limits_memory_and_publishes_on_loopback_alone(
    three: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of this state folder: others may have a device of that name.
    monkeypatch.setenv("KIT_STATE", str(three.front.state))
    raw = subprocess.run(
        ["docker", "inspect", container_parts.label("jetson-1")], capture_output=True, check=True
    ).stdout
    (container,) = [row for row in json.loads(raw) if "HostConfig" in row]
    facts = container["HostConfig"]
    assert facts["Memory"] == 400 << 20
    assert not facts["Privileged"]
    assert [row["HostIp"] for row in facts["PortBindings"]["22/tcp"]] == ["127.0.0.1"]


def test_arguments_arrive_as_they_are_and_so_does_the_exit_code(three: Up) -> None:
    arguments = ("printf", "%s|", "a b", "$HOME", "'")
    assert three.front.must("devices.ssh", "jetson-1", "--", *arguments) == "a b|$HOME|'|"
    assert three.front.inside("jetson-1", "echo $HOME") == "/root\n"
    assert three.front("devices.ssh", "jetson-1", "--", "exit 9").returncode == 9


def test_logs_show_console_and_journal(three: Up) -> None:
    output = three.front.must("devices.logs", "jetson-1")
    assert "running in system mode" in output
    assert "Accepted publickey for root" in output


def test_it_comes_back_from_a_reboot(three: Up) -> None:
    before = three.front.inside("jetson-3", "cat /proc/1/stat | cut -d' ' -f22")
    three.front("devices.ssh", "jetson-3", "--", "systemctl reboot")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        done = three.front("devices.ssh", "jetson-3", "--", "cat /proc/1/stat | cut -d' ' -f22")
        if done.returncode == 0 and done.stdout != before:
            break
        time.sleep(0.5)
    assert done.stdout.strip() != before.strip()
    assert "default" not in three.front.inside("jetson-3", "ip route")


def test_ansible_reaches_all_and_knows_that_they_are_emulated(three: Up) -> None:
    inventory = three.facts[0]["inventory"]
    bin_ = Path(sys.executable).parent
    env = {**os.environ, "ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_NOCOLOR": "1"}
    ping = [str(bin_ / "ansible"), "emulated", "-i", inventory, "-m", "ping"]
    done = subprocess.run(ping, capture_output=True, text=True, env=env, check=False)
    assert done.stdout.count("pong") == COUNT, done.stdout + done.stderr
    shown = subprocess.run(
        [str(bin_ / "ansible-inventory"), "-i", inventory, "--list"],
        capture_output=True,
        check=True,
        env=env,
    )
    listed = json.loads(shown.stdout)
    names = [f"jetson-{number}" for number in range(1, COUNT + 1)]
    for group in ("kind_container", "module_orin_nano_8gb", "l4t_r36"):
        assert listed[group]["hosts"] == names
    every = listed["_meta"]["hostvars"].values()
    assert {item["mediapipe_expect"] for item in every} == {"software"}


def test_an_image_of_this_machine_is_put_in_once(three: Up) -> None:
    with tiny() as tag:
        first = three.front("devices.load", "jetson-2", tag)
        assert first.returncode == 0, first.stderr
        assert "(loaded)" in first.stderr
        ran = three.front.inside("jetson-2", f"docker run --rm {tag} /usr/bin/echo it came")
        assert ran == "it came\n"
        second = three.front("devices.load", "jetson-2", tag)
        assert "(it was there)" in second.stderr
    gone = three.front("devices.load", "jetson-2", tag)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)
    assert "there is no image" in gone.stderr


@pytest.mark.parametrize("name", [item for item in engines.names() if item != engines.default()])
def test_another_engine_and_its_store_of_images(three: Up, name: str) -> None:
    facts = json.loads(
        three.front.must("devices.up", "--engine", name, "--name", "other", "--json")
    )
    try:
        assert facts[0]["engine"] == name
        reported = three.front.inside(
            "other-1", "docker info --format '{{.ServerVersion}} {{.DriverStatus}}'"
        )
        assert reported.startswith(f"{engines.release(engines.get(name))}.")
        assert ("containerd.snapshotter" in reported) == (engines.get(name).store == "containerd")
        with tiny() as tag:
            # As people name an image: `latest` is not said.
            bare = tag.replace(":", "-")
            subprocess.run(["docker", "tag", tag, bare], check=True)
            try:
                for output in ("(loaded)", "(it was there)"):
                    done = three.front("devices.load", "other-1", bare)
                    assert output in done.stderr, done.stderr
            finally:
                subprocess.run(["docker", "rmi", bare], check=True, capture_output=True)
        listed = three.front.inside(
            "other-1", "docker image ls --format '{{.Repository}}:{{.Tag}}'"
        )
        assert listed.split() == [f"{bare}:latest"]
        ran = three.front.inside("other-1", f"docker run --rm {bare} /usr/bin/echo it came")
        assert ran == "it came\n"
    finally:
        three.front.must("devices.down", "other-1")


def test_one_may_have_more_memory(three: Up) -> None:
    three.front.must("devices.up", "--name", "large", "--memory", "512")
    limit = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
    try:
        assert int(three.front.inside("large-1", f"{limit} || :")) == 512 << 20
    finally:
        three.front.must("devices.down", "large-1")
