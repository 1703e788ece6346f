"""What OpenSSH itself makes of our command lines: a host that stands still holds nothing."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from jetson_kit.core import ssh
from jetson_kit.core.paths import ANSIBLE
from jetson_kit.fleet.rollout import by_ssh
from jetson_kit.virtual_devices import ssh as devices_ssh
from jetson_kit.virtual_devices.spec import Device
from tests.support.here import needs_parts

pytestmark = needs_parts("ssh-keygen")
DEVICE = Device(
    name="jetson-1", kind="container", arch="amd64", module="nano", l4t="32.7.6", cpu="host",
    folder=Path("/nowhere"), address="127.0.0.1", port=22, user="root",
    key=Path("/nowhere/key"), known_hosts=Path("/nowhere/known"),
)  # fmt: skip


def settings(command: list[str]) -> dict[str, str]:
    """Return the settings that ssh says it would use."""
    done = subprocess.run(
        [command[0], "-G", *command[1:]], capture_output=True, text=True, check=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@pytest.mark.parametrize(
    ("command", "connect"),
    [
        (devices_ssh.command(DEVICE, ["true"]), 10),
        (devices_ssh.login(DEVICE, []), 10),
        (devices_ssh.login(DEVICE, ["tegrastats"]), 10),
        (["ssh", *ssh.STRICT, *ssh.LASTING, "host"], 15),
        (["ssh", *by_ssh.OPTIONS, "host"], 15),
    ],
)
def test_a_silent_host_is_given_up(command: list[str], connect: int) -> None:
    result = settings(command)
    assert int(result["connecttimeout"]) == connect
    assert int(result["serveraliveinterval"]) * int(result["serveralivecountmax"]) == 60


def ansibles() -> list[str]:
    config = configparser.ConfigParser(comment_prefixes=";")
    config.read(ANSIBLE / "ansible.cfg")
    return config["ssh_connection"]["ssh_args"].split()


@pytest.mark.parametrize(
    "options",
    [[*ssh.STRICT, "-T"], [*by_ssh.OPTIONS], ansibles()],
    ids=["ssh", "rollout", "ansible"],
)
def test_what_people_set_for_themselves_does_not_run(options: list[str], tmp_path: Path) -> None:
    own = tmp_path / "config"
    own.write_text(
        "Host *\n RemoteCommand tmux attach\n RequestTTY force\n PermitLocalCommand yes\n"
        " LocalCommand echo hello\n LogLevel QUIET\n"
    )
    assert settings(["ssh", "-F", str(own), "host"])["remotecommand"] == "tmux attach"
    result = settings(["ssh", "-F", str(own), *options, "host", "true"])
    assert result.get("remotecommand", "none") == "none"
    assert result["requesttty"] in ("no", "false")
    assert result["permitlocalcommand"] == "no"
    assert result["loglevel"] == "INFO"


def test_what_an_inventory_says_counts() -> None:
    result = settings(["ssh", "-o", "ServerAliveInterval=3", *ssh.LASTING, "host"])
    assert result["serveraliveinterval"] == "3"
