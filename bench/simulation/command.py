"""`bench.simulation`: several plans for one fleet, and what each comes to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Protocol

from bench.simulation import fleet as fleets
from bench.simulation import scenario as scenarios
from bench.simulation.by_channel import ChannelSimulation
from bench.simulation.flat import FlatSimulation
from bench.simulation.outcome import Outcome
from bench.simulation.over_sites import SitesSimulation
from bench.simulation.scenario import Scenario
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress

OUT = ROOT / "bench" / "simulation.json"
SCHEMA = "mediapipe-jetson-kit/bench-simulation/1"
UPDATE, FIRST, GOOD = "update", "first image", "good"


class Simulation(Protocol):
    """A rollout of some kind."""

    def run(self) -> object:
        """Run it to its end."""

    def outcome(self, release: str) -> Outcome:
        """Return what it came to."""


def run(
    sites: int = 0, boards: int = 0, seed: int = 1, only: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Simulate every plan with every image; write bench/simulation.json if that was all.

    Raises BadInputError for a fleet that has no boards for its sites, or a plan that is not there.
    """
    scenario, progress = scenarios.load(), Progress()
    sites = sites or scenario.body["fleet"]["sites"]
    boards = boards or scenario.body["fleet"]["boards"]
    if sites < 2 or boards < 2 * sites:
        raise BadInputError(
            f"{boards} boards are too few for {sites} sites", "at least 2 sites, 2 boards each"
        )
    for name in only:
        scenario.plan(name)
    begun, rows = time.process_time(), []
    for plan, image, release in _cases(scenario, only):
        with progress.step(f"{plan}: {image}", f"{plan}, {image}, {release}") as step:
            outcome = simulate(scenario, plan, image, release, seed, sites, boards)
            step.note = f"{outcome.result}, {outcome.ran} boards ran it"
        rows.append(outcome.as_json())
    result = {
        "schema": SCHEMA, "seed": seed, "sites": sites, "boards": boards,
        "cpu_s": round(time.process_time() - begun, 1), "outcomes": rows,
    }  # fmt: skip
    if not only:
        write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def simulate(
    scenario: Scenario, plan: str, image: str, release: str, seed: int, sites: int, boards: int
) -> Outcome:
    """Return what a plan comes to."""
    row = scenario.plan(plan)
    fleet = fleets.make(scenario, seed, scenario.image(image, release), sites, boards)
    simulation: Simulation
    match row["kind"]:
        case "flat":
            simulation = FlatSimulation(fleet, row)
        case "sites":
            simulation = SitesSimulation(fleet, row)
        case "channel":
            simulation = ChannelSimulation(fleet, row)
        case other:
            raise BadInputError(f"a plan is of kind {other!r}", "flat, sites or channel")
    simulation.run()
    return simulation.outcome(release)


def _cases(scenario: Scenario, only: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield plan, image and release: an update of each kind, and a good first image."""
    for plan in (row["name"] for row in scenario.body["plan"]):
        if only and plan not in only:
            continue
        for image in (row["name"] for row in scenario.body["image"]):
            yield plan, image, UPDATE
        yield plan, GOOD, FIRST
