"""Engines that do not see this machine's files: we are in a container or a VM's engine is used.

CI jobs run in a container to which the engine's socket is given; Docker Desktop's engine runs in a
virtual machine, a snap's sees neither hidden folders nor /tmp, one behind tcp:// sees nothing.
"""

from __future__ import annotations

import base64
import datetime
import functools
import io
import json
import re
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, NotFound
from docker.types import Mount

from jetson_kit.containers import engine, owned
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.files import roots

SEEN = "/mediapipe-jetson-seen"
SNAP = "/var/snap/"
STAT = "X-Docker-Container-Path-Stat"
# By which Docker's and Podman's containers know that they are one.
INSIDE = (Path("/.dockerenv"), Path("/run/.containerenv"))
VOLUME = "mediapipe-jetson-kit"
# From Docker 26 on a file of a volume can be mounted alone.
SUBPATH_API = (1, 45)
FRACTION = re.compile(r"\.\d+")


@functools.cache
def likely() -> bool:
    """Tell whether the engine may be one that does not see our files; `sees` asks it."""
    facts = engine.client().info()
    return (
        any(mark.exists() for mark in INSIDE)
        or facts.get("Name") != socket.gethostname()
        or facts.get("OperatingSystem") == "Docker Desktop"
        or str(facts.get("DockerRootDir", "")).startswith(SNAP)
    )


def sees(path: Path, image: str) -> bool:
    """Tell whether a container of `image` gets what is at `path` here when it is mounted."""
    if not likely():
        return True
    mount = Mount(SEEN, str(path), type="bind", read_only=True)
    try:
        container = engine.client().containers.create(
            image, ["true"], labels=owned.labels(), mounts=[mount]
        )
    except APIError:
        return False
    try:
        there = _stat(str(container.id))
    finally:
        container.remove(force=True)
    return there is not None and _same(path, there)


def _stat(container: str) -> Mapping[str, Any] | None:
    """Return what the engine says of the file at SEEN; None where nothing is there.

    By HEAD, which the SDK has no name for: a whole folder would come with its own.
    """
    api = engine.client().api
    address = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
    answer = api.head(address, params={"path": SEEN})
    if answer.status_code != requests.codes.ok:
        return None
    facts: Mapping[str, Any] = json.loads(base64.b64decode(answer.headers[STAT]))
    return facts


def require(paths: tuple[Path, ...], image: str) -> None:
    """Raise ToolMissingError where the engine does not see one of our files or folders."""
    for path in paths:
        if not sees(path, image):
            raise _unseen(path)


def _unseen(path: Path) -> ToolMissingError:
    return ToolMissingError(
        f"the Docker Engine does not see {path}: it runs elsewhere, or in a confinement",
        "use this machine's own engine, or give the job's container the same paths "
        "(docs/building.md, Engines elsewhere)",
    )


def mounted_file(path: Path, target: str, image: str) -> Mount:
    """Return the mount of a small file, by way of a volume where the engine does not see it.

    Raises ToolMissingError where an engine before Docker 26 does not.
    """
    if sees(path, image):
        return Mount(target, str(path), type="bind", read_only=True)
    version = tuple(int(part) for part in engine.client().version()["ApiVersion"].split("."))
    if version < SUBPATH_API:
        raise _unseen(path)
    _fill(path, image)
    return Mount(target, VOLUME, type="volume", read_only=True, subpath=path.name)


def _fill(path: Path, image: str) -> None:
    """Put a file into the kit's volume, which stays."""
    client = engine.client()
    try:
        client.volumes.get(VOLUME)
    except NotFound:
        client.volumes.create(VOLUME, labels={engine.KIT_LABEL: ""})
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        tar.add(path, path.name, filter=roots)
    container = client.containers.create(
        image, ["true"], labels=owned.labels(), mounts=[Mount(SEEN, VOLUME, type="volume")]
    )
    try:
        container.put_archive(SEEN, body.getvalue())
    finally:
        container.remove(force=True)


def _same(path: Path, there: Mapping[str, Any]) -> bool:
    """Compare a file with what the engine says is at its path: its kind, size, time of change."""
    here = path.stat()
    if path.is_file() and there["size"] != here.st_size:
        return False
    # Go's os.FileMode: its highest bit is a folder's.
    if bool(int(str(there["mode"])) >> 31) != path.is_dir():
        return False
    then = datetime.datetime.fromisoformat(FRACTION.sub("", str(there["mtime"])))
    return int(then.timestamp()) == int(here.st_mtime)
