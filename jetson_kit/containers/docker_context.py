"""Which engine the user's own `docker` speaks to: DOCKER_HOST, a context's, else Podman's socket.

Format: Docker's command line, cli/context/store (metadata by the sha256 of a context's name).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.containers import docker_settings, podman
from jetson_kit.core.errors import BadInputError

HOST, CONTEXT = "DOCKER_HOST", "DOCKER_CONTEXT"
DEFAULT = "default"


@dataclass(frozen=True)
class Address:
    """Where the engine is; `named` is what says so, "" where nothing does: the machine's own."""

    named: str = ""
    chosen: bool = False
    """Whether the user did: by DOCKER_HOST or a context."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables by which Docker's SDK finds it, in place of this process's."""


SSH = "ssh://"


def address() -> Address:
    """Return where the engine is.

    Raises BadInputError for a context that is not there, and for an engine over ssh, which only
    Docker's own client can use.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    if host := own.get(HOST):
        if host.startswith(SSH):
            raise BadInputError(
                f"{HOST}={host}: only docker itself can use an engine over ssh",
                "unset it: the kit builds here, and ./inv fleet.rollout brings images to boards",
            )
        return Address(f"{HOST}={host}", True, own)
    folder = docker_settings.folder()
    name, by = own.get(CONTEXT, ""), CONTEXT
    if not name:
        name, by = _current(), f"currentContext in {docker_settings.file()}"
    if name in ("", DEFAULT):
        place = podman.socket() if podman.is_docker() else None
        if place is None:
            return Address("", False, own)
        return Address(
            f"{place}, as docker is Podman here", False, {**own, HOST: f"unix://{place}"}
        )
    key = hashlib.sha256(name.encode()).hexdigest()
    place = folder / "contexts" / "meta" / key / "meta.json"
    try:
        host = str(json.loads(place.read_text(encoding="utf-8"))["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{by} is {name}, and there is no such context of Docker's",
            "docker context ls shows them; correct it, or unset it for this machine's own engine",
        ) from error
    if host.startswith(SSH):
        raise BadInputError(
            f"Docker's context {name} is {host}: only docker itself can use an engine over ssh",
            f"build with this machine's own: {CONTEXT}={DEFAULT} ./inv ...; ./inv fleet.rollout "
            "brings images to boards",
        )
    tls = folder / "contexts" / "tls" / key / "docker"
    secured = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tls)} if tls.is_dir() else {}
    own.pop(CONTEXT, None)
    return Address(f"{host}, Docker's context {name}", True, {**own, HOST: host, **secured})


def without_root() -> Path | None:
    """Return the socket of a Docker Engine that this user runs without root, if there is one."""
    place = podman.runtime_folder() / "docker.sock"
    return place if os.geteuid() and os.access(place, os.W_OK) else None


def _current() -> str:
    """Return the context that the user chose; "" where there is none."""
    document = docker_settings.read()
    return str(document.get("currentContext") or "") if isinstance(document, dict) else ""
