"""Three sites of simulated boards; the rollout over them is the real code."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.core.errors import (
    StepFailedError,
)
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.rollout import Rollout
from jetson_kit.fleet.rollout.take_back import undo_all
from jetson_kit.fleet.sites import evidence
from jetson_kit.fleet.sites.journal import SitesJournal, SitesRecord, read
from jetson_kit.fleet.sites.plan import SitesPlan, SiteWave, parse
from jetson_kit.fleet.sites.rollout import SitesRollout
from tests.unit import fleet_sim as sim

BOARDS = Plan(soak_s=2, poll_s=1, tries=1, retry_s=1, held_tries=1, held_wait_s=1, canary=1)
PLAN = SitesPlan(BOARDS)
ID = "20260101-000000-abcdef"
WAVES = (SiteWave("canary", ("a",)), SiteWave("wave 1", ("b", "c")))


@dataclass
class Mesh:
    """Three sites. A process at a site is killed at a point; a site may be out of reach, or lie."""

    folder: Path
    worlds: dict[str, sim.World]
    away: set[str] = field(default_factory=set)
    lie: Callable[[str, Record], Record] = lambda site, record: record
    calls: list[str] = field(default_factory=list)
    plan: Plan = BOARDS

    def prepare(self, site: str) -> str:
        self._here("prepare", site)
        return "folder"

    def rollout(self, site: str, folder: str, watch: Callable[[Record], bool]) -> Record:
        self._here("rollout", site)
        assert folder == "folder"
        while True:
            try:
                record = sim.run(self._path(site), self.worlds[site], self.plan)
            except sim.Killed:
                continue  # the top asks again: Link does
            watch(record)
            return self._proven(site, self.lie(site, record))

    def back(self, site: str, why: str) -> tuple[str, ...]:
        self._here("back", site)
        path = self._path(site)
        if not path.exists():
            return ()
        plan = dataclasses.replace(BOARDS, scope="rollout")
        opened = journals.Journal.open(path)
        try:
            undo_all(Rollout(opened, plan, self.worlds[site], self.worlds[site]), why)
        finally:
            opened.close()
        return evidence.left_on(self._proven(site, journals.read(path)))

    def _here(self, step: str, site: str) -> None:
        self.calls.append(f"{step} {site}")
        if site in self.away:
            raise StepFailedError(f"{site} gave no sign of life")

    def _proven(self, site: str, claim: Record) -> Record:
        boards = tuple(self.worlds[site].boards)
        return evidence.record_of(
            self._path(site), number=ID, image_id=sim.NEW, boards=boards, claimed=claim.ended
        )

    def _path(self, site: str) -> Path:
        place = self.folder / site
        place.mkdir(exist_ok=True)
        return place / f"{ID}.jsonl"

    def images(self) -> str:
        """Return a letter for each board: n is on the new image."""
        return "".join(
            "n" if board.image == sim.NEW else "o"
            for at in self.worlds.values()
            for board in at.boards.values()
        )


def mesh(folder: Path, **natures: str) -> Mesh:
    worlds = {
        site: sim.world({f"{site}{number}": natures.get(f"{site}{number}", "") for number in "12"})
        for site in "abc"
    }
    return Mesh(folder, worlds)


def begin(at: Mesh, plan: SitesPlan = PLAN) -> SitesJournal:
    return SitesJournal.new(
        at.folder / f"{ID}.jsonl", sites="sites.toml", release={"image_id": sim.NEW},
        plan=plan.as_json(), waves=WAVES,
        boards={site: tuple(world.boards) for site, world in at.worlds.items()},
    )  # fmt: skip


def go(at: Mesh, plan: SitesPlan = PLAN) -> SitesRecord:
    sites_journal = begin(at, plan)
    record = SitesRollout(sites_journal, plan, at).run()
    sites_journal.close()
    assert read(sites_journal.path) == record
    return record


def again(at: Mesh) -> SitesRecord:
    sites_journal = SitesJournal.open(at.folder / f"{ID}.jsonl")
    sites_journal.append("resume")
    try:
        return SitesRollout(sites_journal, parse(sites_journal.record.header["plan"]), at).run(
            resumed=True
        )
    finally:
        sites_journal.close()


def states(record: SitesRecord) -> str:
    return " ".join(site.state for site in record.sites.values())
