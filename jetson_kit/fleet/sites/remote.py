"""What a rollout does at sites over the mesh: kit, release, rollout, and the proof of each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.text import lasting
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.sites import answers, evidence, kit_archive
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.kit_archive import Kit
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.mesh import Mesh
from jetson_kit.fleet.sites.plan import SitesPlan
from jetson_kit.fleet.sites.replies import Hello
from jetson_kit.fleet.sites.rollout import Watch


@dataclass(frozen=True)
class RemoteWork:
    """The sites of one rollout."""

    number: str
    mesh: Mesh
    sites: Mapping[str, Site]
    boards: Mapping[str, tuple[str, ...]]
    release: Release
    plan: SitesPlan
    folder: Path
    """Where copies of the sites' journals go."""
    _making: threading.Lock = field(default_factory=threading.Lock)
    _kits: dict[tuple[str, str], Kit] = field(default_factory=dict)

    def link(self, site: str) -> Link:
        """Return the way to a site."""
        return Link(self.mesh, self.sites[site], self.plan.unreachable_s, self.plan.deadline_s)

    def prepare(self, site: str) -> str:
        """Bring a site kit, inventory and release; return the release's folder there."""
        link = self.link(site)
        hello = link.hello()
        check_clock(site, hello, self.plan.clock_s)
        link.bring_kit(self.kit(self.sites[site].arch, self.sites[site].python), hello)
        return link.bring_release(self.release)

    def kit(self, arch: str, python: str) -> Kit:
        """Return this kit for a machine: one for all its sites, whatever changes here meanwhile."""
        with self._making:
            if (arch, python) not in self._kits:
                self._kits[arch, python] = kit_archive.make(arch, python)
            return self._kits[arch, python]

    def rollout(self, site: str, folder: str, watch: Watch) -> Record:
        """Roll out inside a site; return its proven state. Raises IntegrityError for a lie."""
        copy = self._copy(site)
        plan = self.plan.for_site(self.sites[site])
        claimed, stopped = self.link(site).rollout(
            self.number, folder, plan, copy, watch, boards=len(self.boards[site])
        )
        if stopped:
            return journals.read(copy)
        return self._proven(site, claimed)

    def back(self, site: str, why: str) -> tuple[str, ...]:
        """Take back what this rollout changed; return the boards that are still to go back."""
        claimed, _ = self.link(site).back(
            self.number, why, self._copy(site), boards=len(self.boards[site])
        )
        if claimed == answers.NOTHING:
            return ()
        return evidence.left_on(self._proven(site, claimed))

    def _proven(self, site: str, claimed: str) -> Record:
        return evidence.record_of(
            self._copy(site),
            number=self.number,
            image_id=self.release.image_id,
            boards=self.boards[site],
            claimed=claimed,
        )

    def _copy(self, site: str) -> Path:
        return self.folder / f"{site}.jsonl"


def check_clock(site: str, hello: Hello, most_s: float) -> None:
    """Refuse a site whose clock is wrong. Raises CheckFailedError."""
    if abs(hello.ahead_s) > most_s:
        direction = "ahead" if hello.ahead_s > 0 else "behind"
        raise CheckFailedError(
            f"{site}: its clock is {lasting(abs(hello.ahead_s))} {direction} of ours",
            "set the clock there (or here): releases expire by it",
        )
