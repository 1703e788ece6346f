"""Faults of virtual devices: put in, recorded before they are, and taken out again.

What each is and which kind has it truly is in faults.toml. A fault with an end is taken out by
who put it in; if that one was killed, by the next command that looks at the device.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.files import write_text
from jetson_kit.virtual_devices import kinds, loops, power, store
from jetson_kit.virtual_devices.spec import Device
from jetson_kit.virtual_devices.store import Record

DATA = Path(__file__).with_name("faults.toml")
ACTIVE = "faults.json"
DISK = "disk.img"
# Whoever has these has no way in for a script.
CLOSED = {"vm": ("power-cut", "freeze", "net-off"), "container": ("power-cut", "freeze")}
# These are taken out first, as the others' scripts need the way in.
FIRST = ("freeze", "power-cut", "net-off")


@dataclass(frozen=True)
class Active:
    """A fault that a device has."""

    since: float
    """Seconds since 1970."""
    until: float | None
    """When it is to be taken out; None: when somebody says so."""


@functools.cache
def table() -> dict[str, Any]:
    """Return faults.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def active(device: Device) -> dict[str, Active]:
    """Return what faults a device has."""
    try:
        raw = json.loads((device.folder / ACTIVE).read_text(encoding="utf-8"))
        return {name: Active(**facts) for name, facts in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def seconds(text: str) -> float:
    """Return a time that a user gave, in seconds. Raises BadInputError."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise BadInputError(f'"{text}" is no time', "give --for a number of seconds above 0")


def put(name: str, fault: str, length: float | None) -> None:
    """Put a fault into a device, for some seconds or until it is healed; does not wait for the end.

    Raises BadInputError where it has it, is not up, or can't have it truly; StepFailedError.
    """
    row = _row(fault)
    with store.exclusive():
        record = store.get(name)
        _check(record, fault, row)
        now = time.time()
        _note(record.device, fault, Active(now, now + length if length else None))
    try:
        _put(record.device, fault)
    except BaseException:
        with contextlib.suppress(KitError):
            heal(name, fault)
        raise


def heal(name: str, fault: str = "") -> tuple[str, ...]:
    """Take one fault, or all, out of a device; return which.

    Raises BadInputError where it has no such fault, StepFailedError where it can't be done now.
    """
    device = store.get(name).device
    result = active(device)
    if fault:
        _row(fault)
        if fault not in result:
            known = ", ".join(result) or "none"
            raise BadInputError(f"{name} has no fault {fault}", f"it has: {known}")
    order = [*FIRST, *(item for item in result if item not in FIRST)]
    chosen = [item for item in order if item in result and fault in {"", item}]
    healed = []
    for chosen_fault in chosen:
        if chosen_fault not in active(device):
            continue  # gone with the power
        _take(device, chosen_fault)
        _forget(device, chosen_fault)
        healed.append(chosen_fault)
    return tuple(healed)


def during(name: str, fault: str, length: float, say: Callable[[str], None]) -> None:
    """Put a fault into a device, wait, and heal it; an interrupt heals it at once.

    Raises as `put` and `heal`; nothing is healed where somebody else has done so.
    """
    put(name, fault, length)
    try:
        say(f"{name} has {fault} for {length:g} s")
        time.sleep(length)
    finally:
        record = store.read(name)
        if record and fault in active(record.device):
            heal(name, fault)


def heal_overdue(say: Callable[[str], None]) -> None:
    """Take out every fault whose time is over; `say` tells of each, and of what can't be done."""
    now = time.time()
    for record in store.records():
        for fault, facts in active(record.device).items():
            if facts.until is None or facts.until > now:
                continue
            try:
                heal(record.device.name, fault)
                say(f"{record.device.name}: {fault} was over and is healed")
            except KitError as error:
                say(f"{record.device.name}: {fault} is over, but stays: {error.message}")


def _row(fault: str) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = table()["faults"]
    if fault not in rows:
        raise BadInputError(f'unknown fault "{fault}"', f"take one of {', '.join(rows)}")
    return rows[fault]


def _check(record: Record, fault: str, row: dict[str, Any]) -> None:
    device = record.device
    if why := row.get("refused", {}).get(device.kind):
        raise BadInputError(
            f"a {device.kind} can't have {fault}: {why}", "take a device of --kind vm"
        )
    if fault == "disk-full" and device.kind == "container" and not (device.folder / DISK).exists():
        why = loops.usable() or "it was made without one"
        raise BadInputError(f"{device.name} has no disk of its own: {why}", "take --kind vm")
    if record.stage != "ready":
        raise BadInputError(f"{device.name} is {record.stage}", "wait until it is up")
    has = active(device)
    if fault in has:
        raise BadInputError(
            f"{device.name} has {fault} already", f"./inv devices.heal {device.name}"
        )
    needs_way = row.get("shell") or fault == "net-off"
    if needs_way and (closed := [item for item in CLOSED[device.kind] if item in has]):
        raise BadInputError(
            f"{device.name} can't be reached: it has {closed[0]}",
            f"./inv devices.heal {device.name}",
        )


def _put(device: Device, fault: str) -> None:
    machine = kinds.machine(device.kind)
    if fault == "power-cut":
        machine.stop(device, hard=True)
    elif fault == "freeze":
        machine.freeze(device)
    elif fault == "net-off":
        machine.link(device, up=False)
    else:
        machine.shell(device, _script(fault, "on"))


def _take(device: Device, fault: str) -> None:
    machine = kinds.machine(device.kind)
    if fault == "power-cut":
        if not machine.running(device):
            power.on(device)
        power.wait(device, threading.Event())
        for other in active(device):
            if table()["faults"][other].get("volatile"):
                _forget(device, other)
    elif fault == "freeze":
        machine.thaw(device)
    elif fault == "net-off":
        machine.link(device, up=True)
    else:
        machine.shell(device, _script(fault, "off"))


def _script(fault: str, way: str) -> str:
    values = table()["values"]
    derived = {"rate_kbyte": values["rate_kbit"] // 8, "now": int(time.time())}
    return str(table()["interface"]["script"]) + str(_row(fault)[way]).format(**values, **derived)


def _note(device: Device, fault: str, facts: Active) -> None:
    _write(device, {**active(device), fault: facts})


def _forget(device: Device, fault: str) -> None:
    with store.exclusive():
        _write(device, {name: facts for name, facts in active(device).items() if name != fault})


def _write(device: Device, faults: dict[str, Active]) -> None:
    if device.folder.is_dir():
        text = json.dumps({name: vars(facts) for name, facts in faults.items()}, indent=1)
        write_text(device.folder / ACTIVE, text)
