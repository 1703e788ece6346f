"""The central journal: its lines, and the state that they add up to. It repeats what sites say.

What the boards of a site are on stands in that site's own journal, of which a copy lies beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from jetson_kit.fleet.journal_file import Format, JournalFile
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.sites.plan import SiteWave

SCHEMA = "mediapipe-jetson-kit/sites-journal/1"
PENDING, WORKING, DONE, FAILED, BACK = "pending", "working", "done", "failed", "back"
PART = "part"
"""It went to its end within the site's own limit, and not every board has it."""
STATES = (PENDING, WORKING, DONE, PART, FAILED, BACK)
EVENTS = ("begin", "resume", "site", "stop", "end")
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

    @property
    def unasked(self) -> tuple[str, ...]:
        """Return the sites that a stop could not ask; nothing is known to have begun there."""
        if self.stop is None:
            return ()
        return tuple(
            name for name, site in self.sites.items() if site.state == PENDING and site.why
        )


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


def _check(line: Any) -> None:  # noqa: ANN401 # whatever stands in the file
    if not isinstance(line, dict) or line["event"] not in EVENTS:
        raise ValueError(f"there is no event {str(line)[:60]}")


class SitesJournal(JournalFile[SitesRecord]):
    """A central journal that is written."""

    FORMAT: ClassVar[Format[SitesRecord]] = Format(
        SCHEMA, SitesRecord(), apply, _check, begin, "./inv sites.status"
    )


def read(path: Path) -> SitesRecord:
    """Return what a journal says. Raises BadInputError without one, IntegrityError if damaged."""
    record: SitesRecord = SitesJournal.FORMAT.read(path)[0]
    return record
