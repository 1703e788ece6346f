"""What containers of one state folder have in the host's engine: image, network, names, labels."""

from __future__ import annotations

import contextlib
import datetime
import http
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound

from jetson_kit.containers import engine
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.log import LOG
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import limits, store

REPOSITORY = "mediapipe-jetson-device"
DEVICE = "io.mediapipe-jetson.device"
STATE = "io.mediapipe-jetson.state"
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")


def tag(key: str) -> str:
    """Return the reference of the image of a root."""
    return f"{REPOSITORY}:{key}"


def label(name: str = "") -> str:
    """Return what a device's container and volume, or without a name the network, are called."""
    return f"mediapipe-jetson-{store.state_id()}{'-' if name else ''}{name}"


def labels(name: str = "") -> dict[str, str]:
    """Return the labels of what belongs to a device of this state folder."""
    return {DEVICE: name, STATE: store.state_id()}


def image(key: str, tar: Path) -> None:
    """Import a root, unless the engine has it; old ones that nothing uses go after a while."""
    if engine.image(tag(key)):
        return
    run(
        ["docker", "import", "--change", f"LABEL {DEVICE}=", tar, tag(key)],
        what="importing the root of the devices into the Docker Engine",
    )
    now = datetime.datetime.now(datetime.UTC)
    for old in engine.client().images.list(REPOSITORY):
        result = datetime.datetime.fromisoformat(str(old.attrs["Created"])[:19] + "+00:00")
        if (now - result).days >= limits.of("container")["image_days"]:
            with contextlib.suppress(DockerException):
                engine.client().images.remove(str(old.id))


def room() -> None:
    """Raise the kernel's limit of watchers where it is low, and say so; else leave it be.

    systemd, dbus, logind and containerd of a device take 7 of a limit that all of root's processes
    share, 128 by default. The setting lasts until the next boot.
    """
    watchers = limits.of("container")["watchers"]
    try:
        value = int(WATCHERS.read_text(encoding="ascii"))
        if value < watchers:
            WATCHERS.write_text(f"{watchers}\n", encoding="ascii")
            LOG.info("raised %s from %s to %s", WATCHERS, value, watchers)
    except (OSError, ValueError):
        return  # no Linux, or not ours to set: few devices need no more


def network() -> None:
    """Make the devices' own network, unless it is there.

    Nothing in it is translated to the host's address, so what leaves it gets no answer; ssh is
    published on the loopback interface alone.
    """
    if engine.client().networks.list(names=[f"^{label()}$"]):
        return
    engine.client().networks.create(
        label(),
        driver="bridge",
        labels=labels(),
        check_duplicate=True,
        options={
            "com.docker.network.bridge.enable_ip_masquerade": "false",
            "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        },
    )


def remove(name: str) -> None:
    """Remove a device's container and its volume, whether they are there or not."""
    with contextlib.suppress(NotFound):
        container = engine.client().containers.get(label(name))
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code != http.HTTPStatus.CONFLICT:
                raise
            container.wait(condition="removed")  # somebody else is at it
    with contextlib.suppress(NotFound):
        engine.client().volumes.get(label(name)).remove(force=True)


def sweep(known: frozenset[str]) -> None:
    """Remove what is of this state folder, but of no known device; without any, the network too."""
    try:
        client = engine.client()
    except ToolMissingError:
        return  # without an engine there is nothing of ours in it
    mine: dict[str, Any] = {"label": f"{STATE}={store.state_id()}"}
    with contextlib.suppress(DockerException):
        left = [
            container.labels.get(DEVICE, "")
            for container in client.containers.list(all=True, filters=mine)
        ]
        left += [_of(volume.attrs) for volume in client.volumes.list(filters=mine)]
        for name in _unknown(left, known):
            remove(name)
        if not known:
            for item in client.networks.list(filters=mine):
                with contextlib.suppress(APIError):
                    item.remove()


def _of(attrs: dict[str, Any]) -> str:
    return str((attrs.get("Labels") or {}).get(DEVICE, ""))


def _unknown(names: Iterable[str], known: frozenset[str]) -> list[str]:
    return sorted({name for name in names if name and name not in known})
