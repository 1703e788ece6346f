"""What an inventory gives the service's container beyond service.toml: the role's variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

READ_ONLY = ("ro", "readonly")
SHORT = {"-v": "--volume"}


@dataclass(frozen=True)
class Volume:
    """A folder of the board, or a named volume, in the container."""

    kind: str
    """ "bind" or "volume"."""
    source: str
    """A path on the board, or the volume's name."""
    target: str
    writable: bool


@dataclass(frozen=True)
class Extra:
    """Devices, volumes and network of a user's application."""

    devices: tuple[str, ...] = ()
    """Paths in the container; a folder stands for all nodes below it."""
    volumes: tuple[Volume, ...] = ()
    network: str = ""
    """Docker's name of the network; "" leaves service.toml's."""
    nodes: tuple[str, ...] = ()
    """Globs of nodes on the board whose groups the container's user joins, beyond the GPU's."""


NONE = Extra()


def parse(variables: Mapping[str, Any]) -> Extra:
    """Return what the role `service` reads from an inventory: what is of another type is ignored.

    The role itself refuses wrong values (the collection's plugins/filter/allowed.json).
    """
    devices, volumes = [], []
    for name, value in _options(_texts(variables.get("service_extra_options"))):
        if not value.strip("/"):
            continue  # Docker refuses it; here it would stand for every node there is
        if name == "--device":
            host, _, rest = value.partition(":")
            inside = rest.partition(":")[0]
            devices.append(inside if inside.startswith("/") else host)
        elif name == "--volume":
            volumes += [_volume(value)]
        elif name == "--mount":
            volumes += _mount(value)
    container = variables.get("service_container")
    network = container.get("network", "") if isinstance(container, Mapping) else ""
    nodes = _texts(variables.get("service_device_nodes"))
    return Extra(
        tuple(devices), tuple(volumes), network if isinstance(network, str) else "", tuple(nodes)
    )


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _options(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of `--name=value`, `--name value` and `-v value`."""
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in ("--device", "--volume", "--mount", *SHORT):
            yield SHORT.get(name, name), value if equals else next(rest, "")


def _volume(value: str) -> Volume:
    source, _, rest = value.partition(":")
    target, _, flags = rest.partition(":")
    kind = "bind" if source.startswith("/") else "volume"
    return Volume(kind, source, target, not set(READ_ONLY) & set(flags.split(",")))


def _mount(value: str) -> list[Volume]:
    """Return a bind or volume of --mount; a tmpfs has no source, and is none."""
    rows = dict(part.partition("=")[::2] for part in value.split(","))
    source = rows.get("source", rows.get("src", ""))
    target = rows.get("target", rows.get("destination", rows.get("dst", "")))
    closed = any(rows.get(name, "false") in ("", "true", "1") for name in READ_ONLY)
    kind = rows.get("type", "volume")
    return [Volume(kind, source, target, not closed)] if source else []
