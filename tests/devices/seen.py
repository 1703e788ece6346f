"""What a device shows to somebody who logs in."""

from __future__ import annotations

import subprocess
import time

from jetson_kit.virtual_devices import ssh
from jetson_kit.virtual_devices.spec import Device

QUARTER_MB = "head -c 262144 /dev/zero"


def answers(device: Device, seconds: float) -> bool:
    """Return whether a login works within some seconds."""
    try:
        command = ssh.command(device, ["true"])
        return not subprocess.run(
            command, timeout=seconds, capture_output=True, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return False


def took(device: Device, *, sent: bool) -> float:
    """Return how many seconds a quarter of a megabyte takes, from the device or to it."""
    script = QUARTER_MB if sent else "cat >/dev/null"
    given = b"" if sent else bytes(262144)
    started = time.monotonic()
    done = subprocess.run(
        ssh.command(device, [*("sh", "-c"), script]), input=given, capture_output=True, check=True
    )
    assert len(done.stdout) == (262144 if sent else 0)
    return time.monotonic() - started
