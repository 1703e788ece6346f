"""Docker Engines that a virtual Jetson can have, from docker/device-engines.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT

DATA = ROOT / "docker" / "device-engines.toml"


@dataclass(frozen=True)
class Engine:
    """A Docker Engine as Debian packages."""

    name: str
    """Such as 20.10 or 28-containerd."""
    version: str
    """With which the tests of rollouts were run, such as 20.10.24."""
    suite: str
    packages: tuple[str, ...]
    store: str
    """"classic" or "containerd": where it keeps images."""
    daemon: dict[str, Any]
    """What /etc/docker/daemon.json says."""


@functools.cache
def _data() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """Return the engines' names, the oldest first."""
    return tuple(_data()["engines"])


def default() -> str:
    """Return the name of the engine of a device that names none."""
    return str(_data()["default"])


def get(name: str) -> Engine:
    """Return an engine, the default one for "". Raises BadInputError for an unknown name."""
    name = name or default()
    rows = _data()["engines"]
    if name not in rows:
        raise BadInputError(f'unknown engine "{name}"', f"take one of {', '.join(rows)}")
    row = rows[name]
    return Engine(
        name,
        row["version"],
        row["suite"],
        tuple(row["packages"]),
        row["store"],
        _data()["daemon"][row["store"]],
    )


def release(docker: Engine) -> str:
    """Return the release that an engine must be of: 20.10, 28."""
    return docker.name.partition("-")[0]
