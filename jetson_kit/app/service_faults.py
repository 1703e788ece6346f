"""What of [service] no container could be started with: ports, devices, folders named twice."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Sequence

from jetson_kit.core.text import shown
from jetson_kit.service import contract as service
from jetson_kit.service import role_values

PORT = re.compile(
    r"(?:(?P<ip>[0-9.]+):)?(?P<board>[0-9]{1,5}):(?P<inside>[0-9]{1,5})(?:/(?P<kind>\w+))?"
)
NO_PORTS = 'on which no port can be reached, write "bridge", or leave it or the ports out'
ANY = ipaddress.IPv4Address(0)
# What stands below /dev and every container may use.
FREE = re.compile(
    r"/dev/(?:(?:null|zero|full|u?random|tty|ptmx|console|std(?:in|out|err)|log|initctl)$"
    r"|(?:shm|hugepages|mqueue|pts|fd)[^/]*(?:/|$))"
)
Fault = tuple[list[str], str]
"""The keys that lead to it, and the rest of a sentence that begins with them."""


def of(table: object) -> Iterator[Fault]:
    """Yield the faults of a table that the schema can't see, and only of what it takes."""
    if isinstance(table, dict):
        if table.get("network") == "none" and _texts(table, "ports"):
            yield ["service", "network"], f'is "none", {NO_PORTS}'
        yield from _ports(_texts(table, "ports"))
        yield from _devices(_texts(table, "devices"))
        yield from _volumes(_texts(table, "volumes"))


def _texts(table: dict[object, object], key: str) -> list[tuple[list[str], str]]:
    values = table.get(key)
    rows = enumerate(values) if isinstance(values, list) else ()
    return [(["service", key, str(number)], item) for number, item in rows if isinstance(item, str)]


def _ports(rows: list[tuple[list[str], str]]) -> Iterator[Fault]:
    taken: dict[tuple[str, int], set[ipaddress.IPv4Address]] = {}
    for path, text in rows:
        match = PORT.fullmatch(text)
        if not match:
            continue
        board, inside = int(match["board"]), int(match["inside"])
        if max(board, inside) > 0xFFFF:
            yield path, f"is {shown(text)}, write ports up to 65535"
            continue
        try:
            address = ipaddress.IPv4Address(match["ip"] or 0)
        except ValueError:
            yield path, f"is {shown(text)}, write an address of the board, such as 127.0.0.1"
            continue
        kind = match["kind"] or "tcp"
        others = taken.setdefault((kind, board), set())
        if address in others or (others and ANY in {address, *others}):
            yield path, f"is {shown(text)}, write another port: {board} is taken above"
        others.add(address)


def _devices(rows: list[tuple[list[str], str]]) -> Iterator[Fault]:
    taken = set()
    for path, text in rows:
        node = posixpath.normpath(text)
        if node in taken:
            yield path, f"is {shown(text)}, write each device once"
        taken.add(node)


def _volumes(rows: list[tuple[list[str], str]]) -> Iterator[Fault]:
    own = service.load()
    taken = {*own.tmpfs, *(folder.target for folder in own.folders)}
    for path, text in rows:
        parts = text.split(":")
        if len(parts) not in (2, 3) or not parts[1].startswith("/"):
            continue
        target = "/" + posixpath.normpath(parts[1]).lstrip("/")
        if role_values.faults({"service_extra_options": [f"--volume={text}"]}):
            yield path, f"is {shown(text)}, write a folder of the application's: boards refuse this"
        elif "{{" in text or "{%" in text:
            yield path, f"is {shown(text)}, write it without what Ansible reads as a template"
        elif target == "/app":
            yield path, f"is {shown(text)}, write another folder in the image: /app is its code"
        elif target == "/":
            yield path, f"is {shown(text)}, write a folder below / in the image"
        elif target in taken:
            yield path, f"is {shown(text)}, write another folder in the image: {target} is taken"
        taken.add(target)


def of_devices(volumes: Sequence[str]) -> list[str]:
    """Return the volumes of what is below /dev and no container may use as it is."""
    paths = {text: "/" + posixpath.normpath(text.partition(":")[0]).lstrip("/") for text in volumes}
    return [
        text
        for text, path in paths.items()
        if f"{path}/".startswith("/dev/") and not FREE.match(path)
    ]
