"""Virtual devices as a person or a program reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from jetson_kit.core.errors import KitError
from jetson_kit.virtual_devices import engines, faults, inventory, kinds
from jetson_kit.virtual_devices.store import Record


def status(record: Record) -> str:
    """Return how a device is: up, its faults, starting, stopping, left behind, or without power."""
    if record.left:
        return "left behind"
    if record.stage != "ready":
        return record.stage
    result = faults.active(record.device)
    if "power-cut" not in result:
        try:
            if not kinds.machine(record.device.kind).running(record.device):
                return "no power"
        except KitError:
            return "unknown"
    return " ".join(sorted(result)) or "up"


def facts(record: Record) -> dict[str, Any]:
    """Return all about a device, for JSON; times in seconds, dates in seconds since 1970."""
    device = record.device
    return {
        "name": device.name,
        "status": status(record),
        "kind": device.kind,
        "arch": device.arch,
        "cpu": device.cpu,
        "module": device.module,
        "l4t": device.l4t,
        "engine": device.engine or engines.default(),
        "emulated": True,
        "address": device.address,
        "port": device.port,
        "user": device.user,
        "key": str(device.key),
        "known_hosts": str(device.known_hosts),
        "inventory": str(inventory.path()),
        "system": record.system,
        "faults": {name: vars(item) for name, item in faults.active(device).items()},
        "created": record.created,
        "times": record.times,
    }


def table(records: Sequence[Record]) -> str:
    """Return a table of devices, or one line that says there are none."""
    if not records:
        return "no virtual device is up; ./inv devices.up makes one"
    rows = [("name", "kind", "arch", "module", "l4t", "engine", "ssh", "up for", "status")]
    for record in records:
        device = record.device
        age = f"{(time.time() - record.created) / 60:.0f} min"
        where = f"{device.address}:{device.port}"
        rows.append(
            (
                *(device.name, device.kind, device.arch, device.module, f"r{device.l4t}"),
                *(device.engine or engines.default(), where, age, status(record)),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
