"""`bench.simulation`: several plans for one fleet, and what each comes to."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from bench.simulation import fleet as fleets
from bench.simulation import scenario as scenarios
from bench.simulation.by_channel import ChannelSimulation
from bench.simulation.flat import FlatSimulation
from bench.simulation.outcome import FIRST, GOOD, UPDATE, Outcome
from bench.simulation.over_sites import SitesSimulation
from bench.simulation.scenario import Scenario
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import COLLECTION, ROOT
from jetson_kit.core.progress import Progress

OUT = ROOT / "bench" / "simulation.json"
SCHEMA = "mediapipe-jetson-kit/bench-simulation/1"
SITES = (
    "evidence", "inventory", "journal", "link", "mesh", "plan", "remote", "replies", "rollout",
    "site_work", "tally",
)  # fmt: skip
FLEET = ROOT / "jetson_kit" / "fleet"
SOURCES = (
    *(FLEET / name for name in ("rollout", "lines.py", "journal_file.py", "channel/policy.py")),
    *(FLEET / "sites" / f"{name}.py" for name in SITES),
    ROOT / "bench" / "simulation",
    COLLECTION / "roles" / "image" / "files" / "mediapipe_image",
)
"""What decides: the rollout's own code, the simulation, and the board's program (channels)."""


class Simulation(Protocol):
    """A rollout of some kind."""

    def run(self) -> object:
        """Run it to its end."""

    def outcome(self, release: str) -> Outcome:
        """Return what it came to."""


def run(
    sites: int = 0,
    boards: int = 0,
    seed: int = 1,
    only: tuple[str, ...] = (),
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Simulate every plan with its images; write bench/simulation.json if it is the whole fleet.

    Results of the same scenario, code and seed that the file has already are not simulated again
    unless `force`. Raises BadInputError for too few boards, or a plan that is not there.
    """
    scenario, progress = scenarios.load(), Progress()
    whole = not (sites or boards)
    sites = sites or scenario.body["fleet"]["sites"]
    boards = boards or scenario.body["fleet"]["boards"]
    if sites < 2 or boards < 2 * sites:
        raise BadInputError(
            f"{boards} boards are too few for {sites} sites", "at least 2 sites, 2 boards each"
        )
    for name in only:
        scenario.plan(name)
    head = {"schema": SCHEMA, "scenario": scenario.digest, "code": code(), "seed": seed,
            "sites": sites, "boards": boards}  # fmt: skip
    result = known(head) if whole and not force else {**head, "outcomes": []}
    for plan, image, release in _cases(scenario, only):
        if any((row["plan"], row["image"], row["release"]) == (plan, image, release)
               for row in result["outcomes"]):  # fmt: skip
            continue
        with progress.step(f"{plan}: {image}", f"{plan}, {image}, {release}") as step:
            outcome = simulate(scenario, plan, image, release, seed, sites, boards)
            step.note = f"{outcome.result}, {outcome.ran} boards ran it"
        result["outcomes"].append(outcome.as_json())
        if whole:
            write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def code(sources: Sequence[Path] = SOURCES) -> str:
    """Return the sha256 of all programs and tables in these folders and files, with their names."""
    digest = hashlib.sha256()
    for source in sources:
        paths = [path for kind in ("*.py", "*.toml") for path in source.rglob(kind)]
        for path in sorted(paths) or [source]:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(source.parent)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def known(head: dict[str, Any]) -> dict[str, Any]:
    """Return what was simulated before of the same fleet, by the same code."""
    with contextlib.suppress(OSError, ValueError):
        body: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8"))
        if head.items() <= body.items():
            return body
    return {**head, "outcomes": []}


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
    """Yield plan, image and release: updates of each kind, and good first images."""
    for row in scenario.body["plan"]:
        if only and row["name"] not in only:
            continue
        for image in row["images"]:
            yield row["name"], image, UPDATE
        if row.get("first_image"):
            yield row["name"], GOOD, FIRST
