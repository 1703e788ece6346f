"""What a device is on, asked of Docker, systemd and state.json, without the kit's own program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jetson_kit.core.errors import KitError
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.virtual_devices import kinds
from jetson_kit.virtual_devices.spec import Device

POLL_S = 1.0
SCRIPT = r"""
cat /var/lib/mediapipe-jetson/state.json 2>/dev/null | tr -d '\n' || :
echo
if test -e /var/lib/mediapipe-jetson/pending; then echo pending; else echo settled; fi
systemctl is-active mediapipe.service || :
form='{{.Image}} {{.State.Running}} {{if .State.Health}}{{.State.Health.Status}}{{end}}'
docker container inspect -f "$form" mediapipe 2>/dev/null || echo none
"""


@dataclass(frozen=True)
class Inside:
    """A device as it is; "" is no image."""

    image_id: str = ""
    """What state.json says it is on."""
    trial: bool = False
    pending: bool = False
    unit: str = ""
    """systemd's word for the service."""
    running: str = ""
    """Image of the container that runs now."""
    health: str = ""
    """Docker's word, "" without a check."""
    lost: str = ""
    """Why nothing of all this could be asked."""


Seen = Mapping[str, Inside]
Allowed = Mapping[str, Collection[str]]
"""The images that each device may be on: its old one and the new one."""


def look(devices: Sequence[Device]) -> dict[str, Inside]:
    """Look into devices, all at once."""
    with ThreadPoolExecutor(max(len(devices), 1)) as pool:
        result = pool.map(_look, devices)
        return {device.name: seen for device, seen in zip(devices, result, strict=True)}


def _look(device: Device) -> Inside:
    try:
        return parse(kinds.machine(device.kind).shell(device, SCRIPT))
    except KitError as error:
        return Inside(lost=error.message)


def parse(output: str) -> Inside:
    """Return what the script printed. A damaged state.json is reported as lost."""
    lines = output.splitlines()
    if len(lines) < 4:
        return Inside(lost=f"it said {output!r}")
    try:
        state = json.loads(lines[0]) if lines[0] else {}
    except ValueError as error:
        return Inside(lost=f"state.json: {error}")
    current = state.get("current") or {}
    image, _, rest = lines[3].partition(" ")
    up, _, health = rest.partition(" ")
    # An engine that has its images in containerd calls them otherwise; state.json says how.
    names = {name: image_id for image_id, name in (state.get("engine_ids") or {}).items()}
    image = names.get(image, image)
    return Inside(
        image_id=str(current.get("image_id", "")),
        trial=current.get("state") == "trial",
        pending=lines[1] == "pending",
        unit=lines[2],
        running=image if up == "true" else "",
        health=health.strip(),
    )


def between(seen: Seen, allowed: Allowed) -> list[str]:
    """Return where a device is neither on the old image nor on the new one, right now.

    That nothing runs, or nothing can be asked, may be so while a change or a fault is on.
    """
    result = []
    for name, item in seen.items():
        if not item.lost and item.image_id not in allowed[name]:
            result.append(f"{name}: state.json says {item.image_id or 'nothing'}")
        if item.running not in ("", *allowed[name]):
            result.append(f"{name}: {item.running} runs")
    return result


def unwell(seen: Seen, allowed: Allowed) -> list[str]:
    """Return what is wrong with devices that must be at rest on one of these images, healthy."""
    result = []
    for name, item in seen.items():
        if item.lost:
            result.append(f"{name}: {item.lost}")
        elif item.image_id not in allowed[name]:
            result.append(f"{name}: state.json says {item.image_id or 'nothing'}")
        elif item.running != item.image_id:
            result.append(f"{name}: on {item.image_id}, and {item.running or 'nothing'} runs")
        elif (item.unit, item.health) != ("active", "healthy"):
            result.append(f"{name}: unit {item.unit}, container {item.health or 'without a check'}")
        elif item.pending and not item.trial:
            result.append(f"{name}: a change is not finished")
    return result


def settled(
    devices: Sequence[Device], allowed: Allowed, limit_s: float
) -> tuple[dict[str, Inside], list[str]]:
    """Wait until all are at rest and healthy; return the last look, and what is wrong still."""
    return until(lambda: look(devices), allowed, limit_s)


def until(
    ask: Callable[[], dict[str, Inside]], allowed: Allowed, limit_s: float
) -> tuple[dict[str, Inside], list[str]]:
    """Do as `settled` does, with any way to look."""
    end = time.monotonic() + limit_s
    while True:
        seen = ask()
        problems = unwell(seen, allowed)
        if not problems or time.monotonic() > end:
            return seen, problems
        time.sleep(POLL_S)


def false_successes(record: Record, code: int, seen: Seen) -> list[str]:
    """Return the false claims of a rollout: a host confirmed, or the whole of it.

    `code` is the exit code of the command; `seen` the devices after it, at rest.
    """

    def wrong(name: str) -> bool:
        state = seen.get(name, Inside(lost="not looked at"))
        return (state.image_id, state.running, state.trial) != (
            record.image_id,
            record.image_id,
            False,
        )

    result = [
        f"{name}: confirmed, and it is on {seen[name].image_id or 'nothing'}"
        f"{' on trial' if seen[name].trial else ''}, {seen[name].running or 'nothing'} runs"
        for name in record.names(journals.CONFIRMED)
        if wrong(name)
    ]
    if code == 0 or record.ended == journals.ALL:
        result += [
            f"{name}: exit code {code}, result {record.ended}, and it is not on the new image"
            for name in record.hosts
            if wrong(name) and name not in record.names(journals.CONFIRMED)
        ]
    return result
