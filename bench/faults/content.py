"""The files of the service's container, as the image has them: its layers are whole, or not."""

from __future__ import annotations

from collections.abc import Mapping

from jetson_kit.virtual_devices import kinds
from jetson_kit.virtual_devices.spec import Device

Content = Mapping[str, str]
"""Hash or target of each file and link, by path."""
# Of the root that the container's first process has. What is mounted there is no part of the image.
SCRIPT = r"""
pid=$(docker container inspect -f '{{.State.Pid}}' mediapipe)
cd "/proc/$pid/root"
find . -xdev -type f -print0 | xargs -0 -r sha256sum
find . -xdev -type l -printf '%l  %p\n'
"""
MOUNTED = frozenset({"./etc/hosts", "./etc/hostname", "./etc/resolv.conf", "./.dockerenv"})
MOST = 5


def read(device: Device) -> Content:
    """Return what is in the container of a device's service. Raises StepFailedError."""
    rows = (row.partition("  ") for row in
            kinds.machine(device.kind).shell(device, SCRIPT).splitlines())  # fmt: skip
    return {path: digest for digest, _, path in rows if path not in MOUNTED}


def differences(right: Content, seen: Content) -> list[str]:
    """Return which files of an image are not as they must be, the first few by name.

    Those that a container made itself are none of the image's.
    """
    wrong = sorted(path for path, digest in right.items() if seen.get(path) != digest)
    more = [f"and {len(wrong) - MOST} more"] if len(wrong) > MOST else []
    return [*wrong[:MOST], *more]
