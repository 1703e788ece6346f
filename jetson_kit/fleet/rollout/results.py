"""What a rollout came to, for other programs: JSON, JUnit, Prometheus."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jetson_kit.core.files import write_text
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.report import junit as junit_xml
from jetson_kit.report.gauges import Gauge, gauges_text

SCHEMA = "mediapipe-jetson-kit/rollout/1"
PREFIX = "mediapipe_fleet_rollout"


def as_json(record: Record) -> dict[str, Any]:
    """Return the document of schemas/fleet-rollout.schema.json."""
    hosts = {}
    for name, host in record.hosts.items():
        row = asdict(host)
        del row["name"], row["late"]
        hosts[name] = row
    return {
        "schema": SCHEMA,
        "id": record.id,
        "kind": record.kind,
        "result": record.ended,
        "stopped": record.stop,
        "begun": record.begun,
        "ended": record.at,
        "inventory": record.header["inventory"],
        "release": record.header["release"],
        "plan": record.header["plan"],
        "waves": [{"name": wave.name, "hosts": list(wave.hosts)} for wave in record.waves],
        "hosts": hosts,
    }


def junit(record: Record) -> str:
    """Return JUnit's XML: a test a host, skipped where it was not its turn."""
    good, bad = _good(record), _bad(record)
    cases = []
    for name, host in record.hosts.items():
        why = f"{host.state}: {host.why}".removesuffix(": ")
        failed = host.state in bad
        skipped = not failed and name not in good
        cases.append(junit_xml.Case(name, why if failed else "", why if skipped else ""))
    suite = junit_xml.Suite(
        f"{record.kind} {record.id}", tuple(cases), record.kind, timestamp=record.begun
    )
    return junit_xml.document([suite.xml()])


def prometheus(record: Record) -> str:
    """Return gauges for a text file collector."""
    rollout = {"rollout": record.id}
    end = datetime.datetime.fromisoformat(record.at).timestamp()
    gauges: list[Gauge] = [
        (
            "success",
            "Whether every host is on the image, healthy and confirmed.",
            [(int(record.ended == journals.ALL), {})],
        ),
        ("timestamp_seconds", "When it ended, since 1970.", [(round(end, 3), {})]),
        (
            "hosts",
            "Hosts in each state.",
            [(len(record.names(state)), {"state": state}) for state in journals.STATES],
        ),
        (
            "host",
            "Which state each host is in.",
            [
                (1, {"host": name, "state": host.state, "image_id": host.image_id})
                for name, host in record.hosts.items()
            ],
        ),
    ]
    return gauges_text(PREFIX, gauges, rollout)


def write(record: Record, folder: Path) -> None:
    """Write all of them into a folder: rollout.json, junit.xml, rollout.prom."""
    write_text(folder / "rollout.json", json.dumps(as_json(record), indent=1) + "\n")
    write_text(folder / "junit.xml", junit(record))
    write_text(folder / "rollout.prom", prometheus(record))


def _good(record: Record) -> tuple[str, ...]:
    return record.names(journals.ROLLED_BACK if record.kind == "rollback" else journals.CONFIRMED)


def _bad(record: Record) -> tuple[str, ...]:
    both = (journals.FAILED, journals.ROLLED_BACK)
    return both[:1] if record.kind == "rollback" else both
