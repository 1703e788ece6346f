"""What each host is on: by the controller's journals, by its own word, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import KitError
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Host, Record
from jetson_kit.fleet.rollout.transport import DONE, LOST, UNPROVISIONED, Device, Reply, Transport

SCHEMA = "mediapipe-jetson-kit/fleet-status/1"
# What a host is without a device's word; one that answers wrongly is "failed".
SILENT = {**dict.fromkeys(LOST, "unreachable"), UNPROVISIONED: "unprovisioned"}

# One machine under several names of the inventory.
TWICE = "twice"


@dataclass(frozen=True)
class ControllerView:
    """What the controller has of a host: its state in the newest journal that says how it ended."""

    rollout: str
    kind: str
    state: str
    image_id: str
    since: str
    why: str
    unsure: bool


@dataclass(frozen=True)
class Row:
    """A host."""

    host: str
    known: ControllerView | None
    device: Device | None
    answer: str
    """Why there is no device's word, "" where there is."""
    drift: tuple[str, ...]
    same_machine: tuple[str, ...] = ()
    """Other hosts of the inventory that are this machine, too."""

    def as_json(self) -> dict[str, Any]:
        """Return its part of the document."""
        return {
            "controller": asdict(self.known) if self.known else None,
            "device": asdict(self.device) if self.device else None,
            "answer": self.answer,
            "drift": list(self.drift),
            "same_machine": list(self.same_machine),
        }


@dataclass(frozen=True)
class Status:
    """All hosts, in the inventory's order."""

    rows: tuple[Row, ...]

    @property
    def drifted(self) -> tuple[Row, ...]:
        """Return the hosts on which the two views differ, or something is wrong."""
        return tuple(row for row in self.rows if row.drift)

    def as_json(self) -> dict[str, Any]:
        """Return the document of schemas/fleet-status.schema.json."""
        return {
            "schema": SCHEMA,
            "drift": bool(self.drifted),
            "hosts": {row.host: row.as_json() for row in self.rows},
        }


def status(hosts: Sequence[str], transport: Transport, inventory: Path) -> Status:
    """Look at hosts and hold them against the journals of this inventory."""
    return compare(hosts, known(controller.state_dir(), inventory), transport.look(hosts))


def compare(
    hosts: Iterable[str], listed: Mapping[str, ControllerView], replies: Mapping[str, Reply]
) -> Status:
    """Return both views of each host and where they differ."""
    rows = []
    names: dict[str, list[str]] = {}
    for name, reply in replies.items():
        if reply.kind == DONE and reply.device and reply.device.machine:
            names.setdefault(reply.device.machine, []).append(name)
    for name in hosts:
        reply = replies.get(name, Reply("unreachable", "no answer"))
        device = reply.device if reply.kind == DONE else None
        answer = "" if device else reply.message or reply.kind
        differences = (
            drift(listed.get(name), device) if device else (SILENT.get(reply.kind, "failed"),)
        )
        others = names.get(device.machine, ()) if device else ()
        twins = tuple(other for other in others if other != name)
        drifted = (*differences, TWICE) if twins else differences
        rows.append(Row(name, listed.get(name), device, answer, drifted, twins))
    return Status(tuple(rows))


def drift(listed: ControllerView | None, device: Device) -> tuple[str, ...]:
    """Return what differs or is wrong, a word for each."""
    result = []
    if listed is None or not listed.image_id:
        if device.image_id:
            result.append("unknown")
    elif device.image_id != listed.image_id:
        result.append("image")
    if device.trial:
        result.append("trial")
    if device.problem or device.running not in ("", device.image_id):
        result.append("running")
    if device.image_id and device.healthy is False:
        result.append("unhealthy")
    if not device.settled and not result:
        result.append("unsettled")
    return tuple(result)


def known(folder: Path, inventory: Path) -> dict[str, ControllerView]:
    """Return what the journals of an inventory say last of each host; damaged ones say nothing."""
    result: dict[str, ControllerView] = {}
    for path in sorted(controller.rollouts(folder).glob("*.jsonl")):
        try:
            record = journals.read(path)
        except KitError:
            continue
        if record.header["inventory"] == str(inventory.absolute()):
            for host in record.hosts.values():
                if host.image_id:
                    result[host.name] = _known(record, host)
                elif host.state in journals.ENDED_BADLY:
                    # It failed before anything was switched: it stays on what it was.
                    before = result[host.name].image_id if host.name in result else ""
                    result[host.name] = replace(_known(record, host), image_id=before)
    return result


def ids(folder: Path) -> tuple[str, ...]:
    """Return the ids of this controller's rollouts."""
    return tuple(sorted(path.stem for path in controller.rollouts(folder).glob("*.jsonl")))


def _known(record: Record, host: Host) -> ControllerView:
    return ControllerView(
        record.id, record.kind, host.state, host.image_id, host.since, host.why, host.unsure
    )
