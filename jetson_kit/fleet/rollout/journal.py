"""The journal of a rollout: its lines, and the state that they add up to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import jsonschema

from jetson_kit.core.paths import SCHEMAS
from jetson_kit.fleet.journal_file import Format, JournalFile
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout.hosts import Hosts
from jetson_kit.fleet.rollout.plan import Wave

SCHEMA = "mediapipe-jetson-kit/journal/1"
SCHEMA_FILE = SCHEMAS / "fleet-journal.schema.json"

PENDING = "pending"
FETCHED = "fetched"
SWITCHED = "switched"
HEALTHY = "healthy"
CONFIRMED = "confirmed"
FAILED = "failed"
ROLLED_BACK = "rolled-back"
HELD = "held"
STATES = (PENDING, FETCHED, SWITCHED, HEALTHY, CONFIRMED, FAILED, ROLLED_BACK, HELD)
ENDED_BADLY = (FAILED, ROLLED_BACK)
# Results of a run.
ALL = "all"
SOME = "some"
STOPPED = "stopped"


@dataclass(frozen=True)
class Host:
    """A host as the journal has it."""

    name: str
    state: str = PENDING
    doing: str = ""
    """The step that was begun and of which no end is known."""
    image_id: str = ""
    """What it is on as far as is known."""
    since: str = ""
    """When that state began, in UTC."""
    why: str = ""
    before: str | None = None
    """What it was on before; None: it was not asked yet."""
    ours: bool = True
    """Whether this rollout is what puts it on the image: it was not on it before."""
    late: bool = False
    """Whether it said "not now" and is asked again after all others."""
    unsure: bool = False
    """Whether it may be on the new image though it has failed."""
    unseen: bool = False
    """Whether it was confirmed and gave no answer at the end of the last run."""
    baseline_ms: Mapping[str, float] = field(default_factory=dict)
    """Latency of each task with the image before."""
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    baseline_application_ms: float = 0.0
    """Latency (p95) of the application of the image before; 0 is not known."""
    application_ms: float = 0.0
    seconds: float | None = None
    """How long the device took for its last change."""
    machine: str = ""
    """By its own word: the same for all names of one running machine, "" where not known."""


@dataclass(frozen=True)
class Record:
    """All that a journal says."""

    id: str = ""
    kind: str = ""
    """"rollout", or "rollback" for one by hand."""
    begun: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    """The line `begin`: by, inventory, release, plan."""
    waves: tuple[Wave, ...] = ()
    hosts: Hosts[Host] = field(default_factory=Hosts)
    waves_begun: int = 0
    waves_done: int = 0
    stop: str | None = None
    """Why it stopped; None: it did not."""
    stopped_in: int = -1
    """Number of the wave that it stopped in."""
    ended: str = ""
    """Result of the last run, "" while one is at work or was killed."""
    at: str = ""
    """When the last line was written."""

    @property
    def image_id(self) -> str:
        """Return the image that is rolled out."""
        return str(self.header["release"]["image_id"])

    def names(self, *states: str) -> tuple[str, ...]:
        """Return the hosts in these states, in the inventory's order."""
        return tuple(name for name, host in self.hosts.items() if host.state in states)

    @property
    def over(self) -> bool:
        """Tell whether a resumed run would change nothing."""
        return bool(self.ended) and not self.open

    @property
    def open(self) -> tuple[str, ...]:
        """Return the hosts for which a resumed run would have something to do."""
        if self.stop is not None:
            return tuple(
                name for name, host in self.hosts.items() if host.unsure or host.state in ON_TRIAL
            )
        return tuple(
            name
            for name, host in self.hosts.items()
            if host.unsure or host.unseen or host.state in (PENDING, FETCHED, HELD, *ON_TRIAL)
        )


ON_TRIAL = (SWITCHED, HEALTHY)
FIELDS = tuple(
    "image_id why before ours late unsure unseen baseline_ms latency_ms baseline_application_ms "
    "application_ms seconds machine".split()
)


def status_command(record: Record) -> str:
    """Return the command that shows what a rollout's hosts are on, and why some failed."""
    return shlex.join(("./inv", "fleet.status", "-i", str(record.header["inventory"])))


def apply(record: Record, line: Mapping[str, Any]) -> Record:
    """Return the state after one more line."""
    act = _ACTS[line["event"]]
    return replace(act(record, line), at=line["at"])


def _begin(record: Record, line: Mapping[str, Any]) -> Record:
    del record
    hosts = Hosts((name, Host(name, since=line["at"])) for name in line["hosts"])
    waves = tuple(Wave(row["name"], tuple(row["hosts"])) for row in line["waves"])
    return Record(line["id"], line["kind"], line["at"], line, waves, hosts)


def _resume(record: Record, line: Mapping[str, Any]) -> Record:
    del line
    return replace(record, ended="")


def _doing(record: Record, line: Mapping[str, Any]) -> Record:
    # To look changes nothing: what was begun before stays the last that may have changed something.
    names = line["hosts"] if line["step"] != "look" else ()
    rows = {name: replace(record.hosts[name], doing=line["step"]) for name in names}
    return replace(record, hosts=record.hosts.all_replaced(rows))


def _host(record: Record, line: Mapping[str, Any]) -> Record:
    known = record.hosts[line["host"]]
    facts = {name: line[name] for name in FIELDS if name in line}
    if "state" in line:
        facts |= {"state": line["state"], "since": line["at"]}
    # A line without a state notes a fact on the way: the step goes on.
    doing = "" if "state" in line else known.doing
    changed = replace(known, doing=doing, **facts)
    return replace(record, hosts=record.hosts.replaced(known.name, changed))


def _wave(record: Record, line: Mapping[str, Any]) -> Record:
    number = line["wave"] + 1
    if not line["done"]:
        return replace(record, waves_begun=max(record.waves_begun, number))
    return replace(record, waves_done=max(record.waves_done, number))


def _stop(record: Record, line: Mapping[str, Any]) -> Record:
    return replace(record, stop=line["why"], stopped_in=line["wave"])


def _end(record: Record, line: Mapping[str, Any]) -> Record:
    return replace(record, ended=line["result"])


_ACTS: Mapping[str, Callable[[Record, Mapping[str, Any]], Record]] = {
    "begin": _begin,
    "resume": _resume,
    "doing": _doing,
    "host": _host,
    "wave": _wave,
    "stop": _stop,
    "end": _end,
}


def begin(
    lines: Lines[Record],
    number: str,
    *,
    kind: str,
    by: Mapping[str, Any],
    inventory: str,
    release: Mapping[str, Any],
    plan: Mapping[str, Any],
    waves: Sequence[Wave],
    hosts: Sequence[str],
) -> None:
    """Write the first line of a rollout's journal."""
    listed = [{"name": wave.name, "hosts": list(wave.hosts)} for wave in waves]
    lines.append(
        "begin", schema=SCHEMA, id=number, kind=kind, by=dict(by), inventory=inventory,
        release=dict(release), plan=dict(plan), waves=listed, hosts=list(hosts),
    )  # fmt: skip


def _check(line: Any) -> None:  # noqa: ANN401 # whatever stands in the file
    """Measure a line by the part of the schema for its event: ten times faster than by all."""
    event = line.get("event") if isinstance(line, dict) else None
    validator = _validators().get(str(event))
    if validator is None:
        raise ValueError(f"there is no event {event}")
    validator.validate(line)


@cache
def _validators() -> Mapping[str, jsonschema.Draft202012Validator]:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    common = {name: schema[name] for name in ("type", "$defs")}
    return {
        part["properties"]["event"]["const"]: jsonschema.Draft202012Validator({**common, **part})
        for part in schema["oneOf"]
    }


class Journal(JournalFile[Record]):
    """A rollout's journal that is written."""

    FORMAT: ClassVar[Format[Record]] = Format(
        SCHEMA, Record(), apply, _check, begin, "./inv fleet.status -i INVENTORY"
    )


def read(path: Path) -> Record:
    """Return what a journal says. Raises BadInputError without one, IntegrityError if damaged."""
    record: Record = Journal.FORMAT.read(path)[0]
    return record
