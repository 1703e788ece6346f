"""One controller for all boards, simulated: the product's Rollout, over every site's link."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.simulation import outcome
from bench.simulation.board import NEW
from bench.simulation.boards import Boards, Clock
from bench.simulation.fleet import Fleet
from bench.simulation.outcome import Outcome
from bench.simulation.over_sites import NUMBER
from bench.simulation.site import BY, SimulatedLines
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout import plan as plans
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.rollout import Rollout


@dataclass
class FlatSimulation:
    """A rollout to all boards of a fleet."""

    fleet: Fleet
    row: Mapping[str, Any]
    journal: Lines[Record] = field(init=False)
    ended_s: float = 0.0
    decisions: list[tuple[str, ...]] = field(default_factory=list)

    def run(self) -> Record:
        """Run it to its end."""
        random.seed(f"{self.fleet.seed} product")
        fleet, plan = self.fleet, plans.parse(self.row["boards"])
        boards = {name: board for rows in fleet.boards.values() for name, board in rows.items()}
        ways = {
            name: way
            for site in fleet.links
            for name, way in fleet.ways(site, far=True, concurrency=plan.concurrency).items()
        }
        transport = Boards(
            fleet.schedule, boards, ways, plan, fleet.image, NUMBER, fleet.scenario,
            fleet.random("boards"),
        )  # fmt: skip
        self.journal = SimulatedLines(fleet.schedule, journals.apply, Record())
        self.journal.listener = self._note

        def controller() -> None:
            waves = plans.waves(plan, list(boards))
            journals.begin(
                self.journal, NUMBER, kind="rollout", by=BY, inventory="boards",
                release={"image_id": NEW, "name": "simulated"}, plan=plan.as_json(), waves=waves,
                hosts=[name for wave in waves for name in wave.hosts],
            )  # fmt: skip
            Rollout(self.journal, plan, transport, Clock(fleet.schedule)).run()
            self.ended_s = fleet.schedule.now

        fleet.schedule.run(controller)
        return self.journal.record

    def outcome(self, release: str) -> Outcome:
        """Return what it came to."""
        record = self.journal.record
        return outcome.of(
            self.fleet, plan=self.row["name"], release=release, result=record.ended,
            why=record.stop or "", ended_s=self.ended_s, decisions=self.decisions, site_states={},
        )  # fmt: skip

    def _note(self, line: Mapping[str, Any], record: Record) -> None:
        del record
        if line["event"] in ("wave", "stop", "end"):
            keys = ("wave", "done", "result")
            self.decisions.append((line["event"], *(str(line[key]) for key in keys if key in line)))
