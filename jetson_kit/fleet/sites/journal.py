"""The central journal: JSON lines, each on the disk before it counts. It repeats what sites say.

What the boards of a site are on stands in that site's own journal, of which a copy lies beside.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.sites.plan import SiteWave

SCHEMA = "mediapipe-jetson-kit/sites-journal/1"
PENDING, WORKING, DONE, FAILED, BACK = "pending", "working", "done", "failed", "back"
PART = "part"
"""It went to its end within the site's own limit, and not every board has it."""
STATES = (PENDING, WORKING, DONE, PART, FAILED, BACK)
ALL, SOME, STOPPED = "all", "some", "stopped"


@dataclass(frozen=True)
class SiteState:
    """A site as the journal has it; `open`: it may have boards on the image that are to go back."""

    name: str
    state: str = PENDING
    why: str = ""
    failed: int = 0
    tried: int = 0
    open: bool = False


@dataclass(frozen=True)
class SitesRecord:
    """All that a journal says."""

    id: str = ""
    begun: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    """The line `begin`: sites' file, release, plan, boards of each site."""
    waves: tuple[SiteWave, ...] = ()
    sites: Mapping[str, SiteState] = field(default_factory=dict)
    stop: str | None = None
    stopped_in: int = -1
    ended: str = ""

    @property
    def image_id(self) -> str:
        """Return the image that is rolled out."""
        return str(self.header["release"]["image_id"])

    def boards(self, site: str) -> tuple[str, ...]:
        """Return a site's boards."""
        return tuple(self.header["boards"][site])

    @property
    def open(self) -> tuple[str, ...]:
        """Return the sites for which a resumed run would have something to do."""
        if self.stop is None:
            return tuple(name for name, site in self.sites.items() if site.state != DONE)
        return tuple(name for name, site in self.sites.items() if site.open)


def apply(record: SitesRecord, line: Mapping[str, Any]) -> SitesRecord:
    """Return the state after one more line. Raises KeyError for what is none."""
    match line["event"]:
        case "begin":
            waves = tuple(SiteWave(row["name"], tuple(row["sites"])) for row in line["waves"])
            states = {name: SiteState(name) for wave in waves for name in wave.sites}
            return SitesRecord(line["id"], line["at"], line, waves, states)
        case "resume":
            return replace(record, ended="")
        case "site":
            names = ("state", "why", "failed", "tried", "open")
            facts = {name: line[name] for name in names if name in line}
            if facts.get("state", PENDING) not in STATES:
                raise KeyError(facts["state"])
            changed = replace(record.sites[line["site"]], **facts)
            return replace(record, sites={**record.sites, changed.name: changed})
        case "stop":
            return replace(record, stop=line["why"], stopped_in=line["wave"])
        case "end":
            return replace(record, ended=line["result"])
        case other:
            raise KeyError(other)


def begin(
    lines: Lines[SitesRecord],
    number: str,
    *,
    sites: str,
    release: Mapping[str, Any],
    plan: Mapping[str, Any],
    waves: Sequence[SiteWave],
    boards: Mapping[str, Sequence[str]],
) -> None:
    """Write the first line of a rollout over sites; its id is that of the sites' own, too."""
    lines.append(
        "begin", schema=SCHEMA, id=number, sites=sites, release=dict(release), plan=dict(plan),
        waves=[{"name": wave.name, "sites": list(wave.sites)} for wave in waves],
        boards={name: list(names) for name, names in boards.items()},
    )  # fmt: skip


class SitesJournal(Lines[SitesRecord]):
    """A journal that is written: each line is on the disk before it counts."""

    def __init__(self, path: Path, record: SitesRecord, size: int, number: int) -> None:
        super().__init__(apply, record, number)
        self.path = path
        with disk_guard(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            # What a crash left of a line must not become the beginning of the next one.
            os.ftruncate(self._file, size)
            handle = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @classmethod
    def new(cls, path: Path, **facts: Any) -> SitesJournal:  # noqa: ANN401 # those of begin
        """Begin a journal; its name is the rollout's id, `facts` are what begin takes."""
        sites_journal = cls(path, SitesRecord(), 0, 0)
        begin(sites_journal, path.stem, **facts)
        return sites_journal

    @classmethod
    def open(cls, path: Path) -> SitesJournal:
        """Open a journal to go on with it. Raises as read does."""
        record, size, number = _read(path)
        return cls(path, record, size, number)

    def _keep(self, line: Mapping[str, Any]) -> None:
        """Put a line on the disk. Raises DiskFullError."""
        raw = json.dumps(line, sort_keys=True).encode() + b"\n"
        with disk_guard(self.path.parent):
            while raw:
                raw = raw[os.write(self._file, raw) :]
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._file)


def read(path: Path) -> SitesRecord:
    """Return what a journal says. Raises BadInputError without one, IntegrityError if damaged."""
    return _read(path)[0]


def _read(path: Path) -> tuple[SitesRecord, int, int]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    record, size, number = SitesRecord(), 0, 0
    for text in raw.split(b"\n")[:-1]:
        try:
            line = json.loads(text)
            if line["seq"] != number or (number == 0) != (line["event"] == "begin"):
                raise ValueError("it is out of order")  # noqa: TRY301 # told with the others
            record = apply(record, line)
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"{path} line {number + 1} is damaged: {error}",
                "what the boards are on: ./inv sites.status; then begin a new rollout",
            ) from error
        size, number = size + len(text) + 1, number + 1
    if not number:
        raise BadInputError(f"{path} holds no rollout", "it was killed as it began: begin anew")
    return record, size, number
