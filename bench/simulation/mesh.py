"""The way to simulated sites: what RemoteWork does over Receptor, over links that are cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.simulation.board import NEW
from bench.simulation.links import Link
from bench.simulation.scenario import Image
from bench.simulation.schedule import Schedule
from bench.simulation.site import SiteProcess, stopped
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.sites import evidence
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.link import TRIES
from jetson_kit.fleet.sites.plan import SitesPlan
from jetson_kit.fleet.sites.remote import check_clock
from jetson_kit.fleet.sites.replies import Hello
from jetson_kit.fleet.sites.rollout import Watch
from jetson_kit.fleet.sites.site_work import BEAT_S


@dataclass(frozen=True)
class Costs:
    """Bytes of what goes over the mesh besides releases and journals."""

    hello: float
    beat: float


@dataclass
class SimulatedWork:
    """The sites of one rollout, as SitesRollout asks for them."""

    number: str
    schedule: Schedule
    plan: SitesPlan
    image: Image
    sites: Mapping[str, Site]
    links: Mapping[str, Link]
    processes: Mapping[str, SiteProcess]
    ahead_s: Mapping[str, float]
    costs: Costs
    _brought: set[str] = field(default_factory=set)

    def prepare(self, site: str) -> str:
        """Ask a site how it is, and bring it the release."""
        link, silent_s = self.links[site], self.plan.unreachable_s
        link.send(self.costs.hello, silent_s)
        check_clock(site, Hello("", "", self.ahead_s[site], 0, "", ""), self.plan.clock_s)
        if site not in self._brought:
            link.send(self.image.size, silent_s)
            self._brought.add(site)
        link.send(self.costs.hello, silent_s)
        return "simulated"

    def rollout(self, site: str, folder: str, watch: Watch) -> Record:
        """Roll out inside a site, or follow who is at it."""
        del folder
        process = self.processes[site]
        plan = self.plan.for_site(self.sites[site])
        for _ in range(TRIES):
            if not process.at_work:
                process.start(self.number, plan)
            if not self._follow(site, watch):
                return process.journal.record
            record = process.journal.record
            if process.error is not None:
                raise process.error
            if record.ended:
                return self._proven(site, record)
        raise CheckFailedError(f"{site}: its process ended {TRIES} times", "look there")

    def back(self, site: str, why: str) -> tuple[str, ...]:
        """Take back what the rollout changed; return the boards that are still to go back."""
        process = self.processes[site]
        self.links[site].send(self.costs.hello, self.plan.unreachable_s)
        process.halt()
        self._follow(site, lambda record: True)
        if not process.begun:
            return ()
        process.back(why)
        self._follow(site, lambda record: True)
        if process.error is not None:
            raise process.error
        return evidence.left_on(self._proven(site, process.journal.record))

    def _follow(self, site: str, watch: Watch) -> bool:
        """Pass a site's state on as it comes, until its process ends; False if it was halted."""
        process, link = self.processes[site], self.links[site]
        seen: Record | None = None
        halted = False
        begun, copied = self.schedule.now, process.copied
        while True:
            link.await_up(self.plan.unreachable_s)
            record = process.journal.record
            if record is not seen and record.id and not halted:
                seen = record
                if not watch(record):
                    halted = True
                    process.halt()
            if not process.at_work:
                break
            self.schedule.wait(process.news, link.next_cut(self.schedule.now))
        beats = (self.schedule.now - begun) / BEAT_S * self.costs.beat
        link.count(process.copied - copied + beats)
        return not (halted and (stopped(process) or not process.journal.record.ended))

    def _proven(self, site: str, record: Record) -> Record:
        return evidence.proven(
            record,
            number=self.number,
            image_id=NEW,
            boards=tuple(self.processes[site].boards.boards),
            claimed=record.ended,
        )
