"""The cases as data, and what is checked after each: the same for all of them."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.faults import inside
from bench.faults.rollout_process import RolloutProcess
from bench.faults.site import Site
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.virtual_devices import ssh

DATA = Path(__file__).with_name("cases.toml")
ENDS = ("all", "some", "any", *journals.STATES)
PHASE_S = 300.0


@dataclass(frozen=True)
class Case:
    """A row of cases.toml."""

    name: str
    on: str
    how: str
    does: str
    promise: str
    repeat: int = 1
    ends: str = "any"
    group: str = ""
    why: str = ""
    flags: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """All else, for its own function."""

    @property
    def promised(self) -> bool:
        """Tell whether anything is promised: of a drive that lies about flushes nothing can be."""
        return not self.facts.get("lying")

    @property
    def cuts(self) -> bool:
        """Tell whether it is a power cut, at points of a phase."""
        return self.facts.get("fault") == "power-cut" or bool(self.facts.get("phase"))


@dataclass
class Attempt:
    """What one try came to; every list is empty where all was well."""

    lost: list[str] = field(default_factory=list)
    """Devices that are neither on the old image nor on the new one, or do not run it."""
    false_success: list[str] = field(default_factory=list)
    """What the rollout claims and is not so."""
    false_journal: list[str] = field(default_factory=list)
    """Where fleet.status tells anything else than what is."""
    next_failed: list[str] = field(default_factory=list)
    """What went wrong with the rollout after it."""
    unkept: list[str] = field(default_factory=list)
    """What the case's own promise says, and is not so."""
    ended: str = ""
    """Result of the rollout (all, some, stopped), or of the device that had the fault."""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Tell whether nothing was wrong."""
        return not any((self.lost, self.false_success, self.false_journal, self.next_failed,
                        self.unkept))  # fmt: skip


@functools.cache
def load() -> Mapping[str, Case]:
    """Return all cases by name, in their order."""
    own = {"on", "how", "does", "promise", "repeat", "ends", "why", "flags", "group"}
    result = {}
    for name, row in tomllib.loads(DATA.read_text(encoding="utf-8")).items():
        known = {key: value for key, value in row.items() if key in own}
        known["flags"] = tuple(known.get("flags", ()))
        rest = {key: value for key, value in row.items() if key not in own}
        result[name] = Case(name, facts=rest, **known)
    return result


def after(
    site: Site,
    case: Case,
    attempt: Attempt,
    release: Release,
    going: RolloutProcess,
    *,
    check_promise: bool = True,
) -> Record | None:
    """Check all that must be so when a rollout has ended and the fault is healed.

    What it left open is resumed. `check_promise` checks the case's own promise, too. Returns its
    journal, None where it did not begin.
    """
    allowed = site.allowed(release)
    code = going.end(site.kind.limit_s)
    seen, problems = inside.settled(site.devices, allowed, site.kind.settle_s)
    attempt.lost += problems
    record = going.record
    if record is None:
        attempt.unkept.append(f"it ended with {code} before it began; see {going.output}")
        return None
    attempt.false_success += inside.false_successes(record, code, seen)
    attempt.ended = "stopped" if record.stop is not None else record.ended
    if check_promise:
        attempt.unkept += unkept(case, record, code)
    if record.open:
        resumed = site.resume(record.id)
        code = resumed.end(site.kind.limit_s)
        seen, problems = inside.settled(site.devices, allowed, site.kind.settle_s)
        attempt.lost += problems
        record = resumed.record or record
        attempt.false_success += inside.false_successes(record, code, seen)
        if record.open and record.stop is not None:
            attempt.unkept.append(f"--resume left {', '.join(record.open)} open; {resumed.output}")
    attempt.false_journal += site.drift()
    return record


def unkept(case: Case, record: Record, code: int) -> list[str]:
    """Return what a case promises of the end of its rollout, and is not so."""
    result = []
    everyone = record.ended == journals.ALL
    if everyone != (code == 0):
        result.append(f"result {record.ended}, exit code {code}")
    if case.ends != "any" and everyone != (case.ends == "all"):
        reasons = [f"{host.name}: {host.why}" for host in record.hosts.values() if host.why]
        result.append(f"it ended as {record.ended}, not {case.ends}: {'; '.join(reasons)}")
    failed = [record.hosts[name] for name in record.names(journals.FAILED)]
    if case.why and not any(re.search(case.why, host.why) for host in failed):
        reasons = [f"{host.name}: {host.why}" for host in failed]
        result.append(f"nobody's reason is {shlex.quote(case.why)}: {'; '.join(reasons)}")
    return result


def untouched(site: Site, record: Record, but: Sequence[str] = ()) -> list[str]:
    """Return which devices were switched by a rollout, those in `but` aside."""
    script = "cat /var/lib/mediapipe-jetson/state.json"
    return [
        f"{device.name} was switched"
        for device in site.devices
        if device.name not in but and record.id in ssh.shell(device, script)
    ]
