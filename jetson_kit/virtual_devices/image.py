"""An image of this machine's engine, put into a virtual device's.

A machine of QEMU's reads it from a disk of its own, uncompressed: ssh would encrypt each byte, and
a guest under TCG takes minutes for that. A container gets it by ssh. What is there is not sent.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from docker.models.images import Image

from jetson_kit.build.plan import make
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import disk_guard, locked
from jetson_kit.core.log import LOG
from jetson_kit.virtual_devices import kinds, qemu, ssh
from jetson_kit.virtual_devices.spec import Device

DEFAULT_VARIANT = "emulated"
# A guest under TCG on a machine with much else to do.
LOAD_S = 3600.0
LISTED = "docker image ls --all --no-trunc --quiet | sort -u"
SHOWN = f"{LISTED} | xargs -r docker image inspect --format '{{{{json .}}}}'"
# What makes an image besides its layers, as every engine names it.
SETTINGS = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "Healthcheck")
BLOCK = 1 << 21
# The guest may have kept blocks of what lay on the disk before. The engine checks every layer.
FROM_DISK = """\
for entry in /sys/block/vd*; do
  [ "$(cat "$entry/serial")" != {serial} ] || disk=/dev/${{entry##*/}}
done
blockdev --flushbufs "$disk"
dd if="$disk" bs=1M iflag=fullblock,count_bytes count={size} status=none | docker load --quiet
"""


@dataclass(frozen=True)
class Put:
    """An image in a device: its id there, and whether it was there before."""

    id: str
    reference: str
    known: bool


def default(device: Device) -> str:
    """Return the tag that `./inv build --variant emulated` gives the image for a device."""
    jetson = device.arch == "arm64"
    l4t = device.l4t if jetson else ""
    return make(Request(jetson=jetson, l4t=l4t, variant=DEFAULT_VARIANT)).tag


def put(device: Device, reference: str) -> Put:
    """Load a local image into the device's engine, under its tag if `reference` is one.

    Raises BadInputError where there is none or of another architecture, StepFailedError where the
    device does not take it.
    """
    image = engine.image(reference)
    if image is None:
        raise BadInputError(f"there is no image {reference} here", "./inv build makes one")
    arch = str(image.attrs["Architecture"])
    if arch != device.arch:
        raise BadInputError(
            f"{reference} is for {arch}, {device.name} is {device.arch}",
            "./inv build --jetson makes arm64 images, ./inv build those of this machine",
        )
    if not kinds.machine(device.kind).running(device):
        raise StepFailedError(f"{device.name} has no power", "./inv devices.heal gives it back")
    before = _there(device, image.attrs)
    if not before:
        _send(device, image)
    own = before or _there(device, image.attrs)
    if not own:
        raise StepFailedError(f"{device.name} has loaded another image than {reference}")
    named = reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
    tag = named in image.tags
    if tag:
        ssh.shell(device, f"docker tag {own} {shlex.quote(named)}")
    return Put(own, named if tag else own, bool(before))


def _there(device: Device, own: Mapping[str, Any]) -> str:
    """Return a device's id of an image of this machine's engine, "" where it has none.

    Two engines may have two ids for one image: the configuration's digest, or the manifest's.
    """
    rows = (json.loads(line) for line in ssh.shell(device, SHOWN).splitlines())
    return next((str(row["Id"]) for row in rows if same(row, own)), "")


def same(description: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two engines' descriptions are of the same image."""
    return _identity(description) == _identity(other)


def _identity(attrs: Mapping[str, Any]) -> tuple[Any, ...]:
    config = attrs.get("Config") or {}
    settings = {name: config[name] for name in SETTINGS if config.get(name)}
    layers = (attrs.get("RootFS") or {}).get("Layers")
    # An image that is not whole has no layers to tell; it is equal to none.
    return (layers or object(), attrs.get("Architecture"), settings)


def _send(device: Device, image: Image) -> None:
    blocks = engine.client().api.get_image(str(image.id), chunk_size=BLOCK)
    if device.kind != "vm" or not (device.folder / qemu.PARCEL).exists():
        _by_ssh(device, blocks)
        return
    with _parcel(device) as parcel:
        with disk_guard(device.folder):
            size = sum(parcel.write(block) for block in blocks)
            parcel.flush()
        script = FROM_DISK.format(serial=qemu.PARCEL_SERIAL, size=size)
        ssh.shell(device, script, timeout_s=LOAD_S)


@contextlib.contextmanager
def _parcel(device: Device) -> Iterator[IO[bytes]]:
    """Yield the disk that only the device reads, empty; it takes no room again afterwards."""

    def waiting() -> None:
        LOG.info("waiting for another image on its way to %s", device.name)

    path = device.folder / qemu.PARCEL
    with locked(device.folder / "parcel.lock", waiting), path.open("r+b") as parcel:
        try:
            _empty(parcel)
            yield parcel
        finally:
            _empty(parcel)


def _empty(parcel: IO[bytes]) -> None:
    parcel.truncate(0)
    parcel.truncate(qemu.PARCEL_GIB << 30)


def _by_ssh(device: Device, blocks: Iterable[bytes]) -> None:
    command = ssh.command(device, ["docker", "load", "--quiet"])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stderr is not None  # noqa: S101
        limit = threading.Timer(LOAD_S, child.kill)
        limit.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                for block in blocks:
                    child.stdin.write(block)
                child.stdin.close()
            output = child.stderr.read().decode(errors="replace").strip()
        finally:
            limit.cancel()
    if child.returncode:
        last = output.splitlines()[-1] if output else f"exit code {child.returncode}"
        raise StepFailedError(f"{device.name} did not take the image: {last}")
