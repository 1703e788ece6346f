"""The commands by which a rollout to virtual devices is tried, from their inventory on."""

from __future__ import annotations

import shlex
from pathlib import Path

from jetson_kit.virtual_devices import limits
from jetson_kit.virtual_devices.device_request import DeviceRequest

# MiB of a container that are enough for an application that infers.
INFERS_MIB = 1536


def lines(request: DeviceRequest, inventory: Path, *, has_key: bool) -> tuple[str, ...]:
    """Return the commands, in order; a release is for one architecture, so the build is, too."""
    on = shlex.join(("-i", str(inventory)))
    emulated = request.kind == "container" or request.arch == "amd64"
    build = "--variant emulated" if emulated else f"--jetson --l4t {request.l4t}"
    name = f"native-{request.arch}-emulated" if emulated else f"r{request.l4t}"
    steps = [
        f"./inv fleet.provision {on}",
        f"./inv build {build}",
        f"./inv fleet.release {name}",
        f"./inv fleet.rollout {name} {on} --canary 1",
    ]
    if not has_key:
        steps.insert(0, "./inv fleet.key    # asks for a passphrase; --no-passphrase has none")
    result = ["next, to try a rollout:", *(f"  {step}" for step in steps)]
    own = request.memory_mib or limits.of(request.kind).get("memory_mib", 0)
    if request.kind == "container" and own < INFERS_MIB:
        result.append(
            f"an application of yours may need more than these {own} MiB: "
            f"./inv devices.up --memory {INFERS_MIB}"
        )
    return tuple(result)
