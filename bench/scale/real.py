"""Devices with a Docker Engine of their own: virtual Jetsons as containers, provisioned."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.scale import image_registry
from bench.scale.traffic import Bytes, interfaces
from jetson_kit.ansible_driver import ansible
from jetson_kit.containers import engine
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import (
    container,
    container_parts,
    device_request,
    inventory,
    lifecycle,
)
from jetson_kit.virtual_devices.spec import Device

# The image's own check takes its time where devices share two cores.
HEALTHY_S = 900
# Takes all images away, and lets the engine pull from the registry of the measurement.
CLEAN = """\
systemctl stop mediapipe.service mediapipe-watch.path mediapipe-watch.service || true
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
docker system prune --all --force >/dev/null
python3 - <<'END'
import json
path = "/etc/docker/daemon.json"
try:
    body = json.load(open(path))
except FileNotFoundError:
    body = {}
body["insecure-registries"] = ["%s"]
json.dump(body, open(path, "w"))
END
systemctl restart docker
"""


@dataclass(frozen=True)
class RealDevices:
    """Devices that are up."""

    names: tuple[str, ...]
    inventory: Path
    devices: tuple[Device, ...]
    address: str
    """Of the controller in their network."""

    def inside(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return a command line that runs a program of the controller's."""
        return list(command)

    def bytes_moved(self) -> dict[str, Bytes]:
        """Return what went to and came from each, by the counters of its own interface."""
        result = {}
        for device in self.devices:
            device_container = engine.client().containers.get(container_parts.label(device.name))
            path = Path(f"/proc/{device_container.attrs['State']['Pid']}/net/dev")
            result[device.name] = Bytes(*interfaces(path.read_text(encoding="ascii"))["eth0"])
        return result

    def clean(self) -> None:
        """Take everything away that a rollout brought."""
        for device in self.devices:
            container.shell(device, CLEAN % f"{self.address}:{image_registry.PORT}")


@contextlib.contextmanager
def up(count: int, signers: str, progress: Progress) -> Iterator[RealDevices]:
    """Bring devices up in a state folder of their own, with the roles image and service."""
    before = os.environ.get("KIT_STATE")
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="rollout-") as state:
        os.environ["KIT_STATE"] = state
        try:
            request = device_request.check(kind="container", count=count, prefix="bench")
            records = lifecycle.up(request, progress)
            facts = engine.client().networks.get(container_parts.label()).attrs
            endpoints = RealDevices(
                tuple(record.device.name for record in records),
                inventory.path(),
                tuple(record.device for record in records),
                str(facts["IPAM"]["Config"][0]["Gateway"]),
            )
            with progress.step("provision", f"{count} devices provisioned"):
                job = ansible.Job(
                    "provision",
                    endpoints.inventory,
                    variables={
                        "image_allowed_signers": signers,
                        "service_healthy_limit_s": HEALTHY_S,
                    },
                    tags=("image", "service"),
                    forks=4,
                )
                if bad := ansible.run(job).failed:
                    raise StepFailedError(f"{', '.join(bad)} could not be provisioned")
            yield endpoints
        finally:
            lifecycle.down([], Progress(quiet=True))
            os.environ.pop("KIT_STATE")
            if before is not None:
                os.environ["KIT_STATE"] = before
