"""The service's container on a virtual device, by the same options as on a board."""

from __future__ import annotations

import json
import shlex

from jetson_kit.service import contract as service
from jetson_kit.virtual_devices import ssh
from jetson_kit.virtual_devices.spec import Device

START_S = 600.0


def observed(device: Device) -> service.Device:
    """Return what decides how the container must run there: its engine and its device nodes."""
    runtimes = json.loads(ssh.shell(device, "docker info --format '{{json .Runtimes}}'"))
    own = service.load()
    nodes = ssh.shell(device, service.nodes_command())
    return service.Device(own.nvidia_runtime in runtimes, service.groups_of(nodes))


def start(device: Device, image: str) -> str:
    """Start the container of an image that is there, in place of one that runs; return its id.

    Raises StepFailedError.
    """
    own = service.load()
    arguments = service.run_arguments(own, image, observed(device))
    lines = [f"docker rm --force {own.name} >/dev/null 2>&1 || true"]
    for place in own.folders:
        owner = f"-o {place.owner} -g {place.group} -m {place.mode}"
        lines.append(f"install -d {owner} {shlex.quote(place.source)}")
    lines.append(shlex.join(["docker", "run", "--detach", *arguments]))
    return ssh.shell(device, "\n".join(lines), timeout_s=START_S).strip().splitlines()[-1]
