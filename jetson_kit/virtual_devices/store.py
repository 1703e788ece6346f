"""The state of virtual devices: one folder each, changed under one lock."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.core.files import disk_guard, locked, write_text
from jetson_kit.core.log import LOG
from jetson_kit.virtual_devices import procs
from jetson_kit.virtual_devices.procs import Process
from jetson_kit.virtual_devices.spec import Device

RECORD = "device.json"
# What a host name may be (RFC 1123), with room for a number and for socket paths.
NAME_MOST = 40
NAME = re.compile(rf"[a-z]([a-z0-9-]{{0,{NAME_MOST - 2}}}[a-z0-9])?")
# For threads of this process; files are locked against other processes.
_within = threading.Lock()
# Folders that come or go.
HALF = re.compile(rf"\.{NAME.pattern}\.(part|gone)")
# Below Linux's range for outgoing connections (32768), so that none of those takes one.
PORTS = range(22200, 32700)


@dataclass(frozen=True)
class Record:
    """A device and how far it is."""

    device: Device
    stage: str
    """"starting", "ready" or "stopping"."""
    owner: Process
    """Who starts or stops it."""
    created: float
    """Seconds since 1970."""
    system: str = ""
    """What systemd said when it came up: running, degraded: UNITS."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds from power-on: ssh, system."""

    @property
    def left(self) -> bool:
        """Tell whether who started or stopped it is gone without having finished."""
        return self.stage != "ready" and not procs.alive(self.owner)


def state_dir() -> Path:
    """Return (and make) the folder of all devices' state: $KIT_STATE, else the user's own.

    Only the user can look into it: it holds keys.
    """
    moved = bool(os.environ.get(paths.STATE))
    folder = paths.state_home() if moved else paths.state_home() / "devices"
    return paths.make_folder(folder, paths.STATE, 0o700).resolve()


def state_id() -> str:
    """Return 8 hex digits that mark what belongs to this state folder in the Docker Engine."""
    return hashlib.sha256(str(state_dir()).encode()).hexdigest()[:8]


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock under which folders come and go; for short work only."""

    def waiting() -> None:
        LOG.info("waiting for another devices command")

    with _within, locked(state_dir() / ".lock", waiting):
        yield


def records() -> tuple[Record, ...]:
    """Return all devices, by name; a folder without a readable record counts as none."""
    result = (read(folder.name) for folder in state_dir().iterdir() if NAME.fullmatch(folder.name))
    return tuple(sorted((record for record in result if record), key=_order))


def _order(record: Record) -> tuple[str, int]:
    stem, _, number = record.device.name.rpartition("-")
    return (stem, int(number)) if number.isdigit() else (record.device.name, 0)


def read(name: str) -> Record | None:
    """Return a device's record, None where there is none that can be read."""
    folder = state_dir() / name
    try:
        raw = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        facts = raw.pop("device")
        paths = {key: folder / facts.pop(key) for key in ("key", "known_hosts")}
        raw["owner"] = Process(**raw["owner"])
        return Record(device=Device(folder=folder, **paths, **facts), **raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def get(name: str) -> Record:
    """Return a device's record. Raises BadInputError where there is no such device."""
    record = read(checked(name))
    if record is None:
        known = ", ".join(item.device.name for item in records()) or "none is up"
        raise BadInputError(f'there is no device "{name}"', f"./inv devices.list shows: {known}")
    return record


def checked(name: str) -> str:
    """Return a name that may be one. Raises BadInputError."""
    if not NAME.fullmatch(name):
        raise BadInputError(
            f'"{name}" is no name for a device',
            "take a letter first, then small letters, digits and inner hyphens, "
            f"{NAME_MOST} at most",
        )
    return name


def write(record: Record) -> None:
    """Write a record whole, in the device's own folder, if that folder is still there."""
    if record.device.folder.is_dir():
        write_text(record.device.folder / RECORD, _text(record))


def add(record: Record) -> None:
    """Make a device's folder with its record: both or none. The lock is held."""
    folder = record.device.folder
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    with disk_guard(folder.parent):
        aside.mkdir(mode=0o700)
        write_text(aside / RECORD, _text(record))
        aside.replace(folder)


def remove(name: str) -> None:
    """Remove a device's folder: first its name goes, then what is in it. The lock is held."""
    folder = state_dir() / name
    aside = folder.with_name(f".{name}.gone")
    shutil.rmtree(aside, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)


def sweep() -> None:
    """Remove what a killed run left: half-made folders, unreadable records. The lock is held.

    A folder that never was a device's is left alone, wherever $KIT_STATE points.
    """
    for folder in state_dir().iterdir():
        broken = NAME.fullmatch(folder.name) and (folder / RECORD).exists()
        if HALF.fullmatch(folder.name) or (broken and not read(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)


def _text(record: Record) -> str:
    facts = dataclasses.asdict(record)
    device = facts["device"]
    del device["folder"]
    device |= {"key": record.device.key.name, "known_hosts": record.device.known_hosts.name}
    return json.dumps(facts, indent=1)


def free_names(prefix: str, count: int) -> list[str]:
    """Return the `count` lowest free names PREFIX-1, PREFIX-2, ...; the lock is held."""
    names = {record.device.name for record in records()}
    numbers = (f"{prefix}-{number}" for number in range(1, len(names) + count + 1))
    return [checked(name) for name in numbers if name not in names][:count]


def free_ports(count: int) -> list[int]:
    """Return `count` ports of 127.0.0.1 that nothing and no device has. The lock is held.

    Raises ToolMissingError where there are not that many.
    """
    ports = {record.device.port for record in records()}
    # Where one begins depends on the folder, so that two of them seldom meet.
    first = int(state_id(), 16) % len(PORTS)
    result: list[int] = []
    for offset in range(len(PORTS)):
        port = PORTS[(first + offset) % len(PORTS)]
        if len(result) < count and port not in ports and _free(port):
            result.append(port)
    if len(result) < count:
        raise ToolMissingError("no port of 127.0.0.1 is free", "./inv devices.down frees some")
    return result


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def new(device: Device) -> Record:
    """Return the record of a device that this process begins to start."""
    return Record(device, "starting", procs.me(), time.time())
