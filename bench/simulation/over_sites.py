"""A plan over sites, simulated: the product's SitesRollout at the top, its Rollout at each site."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.simulation import fleet as fleets
from bench.simulation import outcome, scenario
from bench.simulation.board import NEW
from bench.simulation.boards import Boards, Clock
from bench.simulation.fleet import CANARY, Fleet
from bench.simulation.mesh import Costs, SimulatedWork
from bench.simulation.outcome import Outcome
from bench.simulation.site import SimulatedLines, SiteProcess
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.sites import journal as journals
from jetson_kit.fleet.sites import plan as plans
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.journal import SitesRecord
from jetson_kit.fleet.sites.rollout import SitesRollout, summary

NUMBER = "20260101-080000-000000"


@dataclass
class SitesSimulation:
    """A rollout over a fleet's sites; may be run, killed, and run again."""

    fleet: Fleet
    row: Mapping[str, Any]
    journal: Lines[SitesRecord] = field(init=False)
    work: SimulatedWork = field(init=False)
    ended_s: float = 0.0
    decisions: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare sites and journals."""
        fleet, schedule = self.fleet, self.fleet.schedule
        self.plan = scenario.sites_plan(self.row)
        sites = _sites(fleet, self.row)
        self.journal = SimulatedLines(schedule, journals.apply, SitesRecord())
        self.journal.listener = self._note
        processes = {name: self._process(name) for name in sites}
        costs = Costs(*(fleet.scenario.draw(f"traffic.{name}", fleet.random("costs"))
                        for name in ("hello", "beat")))  # fmt: skip
        self.work = SimulatedWork(
            NUMBER, schedule, self.plan, fleet.image, sites, fleet.links, processes,
            fleet.ahead_s, costs,
        )  # fmt: skip

    def _process(self, name: str) -> SiteProcess:
        fleet = self.fleet
        plan = self.plan.boards
        ways = fleet.ways(name, far=False, concurrency=plan.concurrency)
        boards = Boards(
            fleet.schedule, fleet.boards[name], ways, plan, fleet.image, NUMBER, fleet.scenario,
            fleet.random(f"{name} boards"),
        )  # fmt: skip
        return SiteProcess(name, fleet.schedule, boards, Clock(fleet.schedule, fleet.zone_s[name]))

    def run(self, *, resumed: bool = False) -> SitesRecord:
        """Run it to its end, sites that go on by themselves included."""
        # What the product draws itself: pauses before it tries again.
        random.seed(f"{self.fleet.seed} product")

        def top() -> None:
            if resumed:
                self.journal.append("resume")
            else:
                journals.begin(
                    self.journal, NUMBER, sites="sites.toml",
                    release={"image_id": NEW, "name": "simulated", "folder": "simulated"},
                    plan=self.plan.as_json(), waves=plans.waves(list(self.work.sites.values())),
                    boards={name: list(rows) for name, rows in self.fleet.boards.items()},
                )  # fmt: skip
            together = self.fleet.schedule.together
            SitesRollout(self.journal, self.plan, self.work, together).run(resumed=resumed)
            self.ended_s = self.fleet.schedule.now

        self.fleet.schedule.run(top)
        return self.journal.record

    def outcome(self, release: str) -> Outcome:
        """Return what it came to."""
        record = self.journal.record
        return outcome.of(
            self.fleet, plan=self.row["name"], release=release, result=record.ended,
            why=record.stop or "", ended_s=self.ended_s, decisions=self.decisions,
            site_states=summary(record),
        )  # fmt: skip

    def _note(self, line: Mapping[str, Any], record: SitesRecord) -> None:
        del record
        keys = ("site", "state", "wave", "result")
        self.decisions.append((line["event"], *(str(line[key]) for key in keys if key in line)))


def _sites(fleet: Fleet, row: Mapping[str, Any]) -> dict[str, Site]:
    """Return the fleet's sites, their turns by the plan's shares."""
    others = [name for name in fleet.links if name != CANARY]
    bounds, total = [], 0.0
    for share in row["waves"]:
        total += share
        bounds.append(math.ceil(round(total * len(others), 6)))
    result = {}
    for name in fleet.links:
        order = 0
        if name != CANARY:
            place = others.index(name) if len(others) < 50 else int(name.partition("-")[2]) - 1
            order = 1 + sum(bound <= place for bound in bounds)
        result[name] = Site(
            name, fleets.site_file(name), node=name, order=order, canary=name == CANARY,
            window=row.get("window", ""),
        )  # fmt: skip
    return result
