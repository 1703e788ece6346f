"""A fleet as the scenario has it: sites, links, and boards that are off, full or at work."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.simulation import links
from bench.simulation.board import Board
from bench.simulation.boards import Way
from bench.simulation.links import Link, Uplink
from bench.simulation.scenario import Image, Scenario
from bench.simulation.schedule import Schedule

CANARY = "site-0"


@dataclass(frozen=True)
class Fleet:
    """All that is simulated; the first site is the canary."""

    scenario: Scenario
    seed: int
    schedule: Schedule
    image: Image
    uplink: Uplink
    links: Mapping[str, Link]
    boards: Mapping[str, Mapping[str, Board]]
    """Boards by their names, by sites."""
    zone_s: Mapping[str, float]
    ahead_s: dict[str, float]

    def random(self, name: str) -> random.Random:
        """Return the numbers of a part of the fleet; no other part changes them."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 # has to be the same each time

    def everyone(self) -> list[Board]:
        """Return all boards."""
        return [board for boards in self.boards.values() for board in boards.values()]

    def ways(self, site: str, *, far: bool, concurrency: int) -> dict[str, Way]:
        """Return how a site's boards are reached: from there, or from the central controller."""
        link, together = self.links[site], max(1, min(concurrency, len(self.boards[site])))
        if far:
            # Boards follow each other site by site, so those of a site come together.
            rate = min(link.rate / together, self.uplink.rate / concurrency)
            way = Way(lambda now: not _down(link, now), rate, link.count)
        else:
            lan = self.scenario.draw("links.lan", self.random("lan"))
            way = Way(_always, lan / together, _nothing)
        return dict.fromkeys(self.boards[site], way)


def make(scenario: Scenario, seed: int, image: Image, sites: int, boards: int) -> Fleet:
    """Return a fleet of so many sites and boards."""
    schedule = Schedule()
    fleet_random = random.Random(f"{seed} fleet")  # noqa: S311 # has to be the same each time
    uplink = Uplink(scenario.draw("links.uplink", fleet_random))
    canary = min(scenario.body["fleet"]["canary_boards"], max(1, boards // sites))
    names = [CANARY, *(f"site-{number}" for number in range(1, sites))]
    all_links, zones, ahead = {}, {}, {}
    all_boards: dict[str, dict[str, Board]] = {}
    number = 0
    for at, name in enumerate(names):
        by = random.Random(f"{seed} {name}")  # noqa: S311 # has to be the same each time
        all_links[name] = links.make(name, schedule, uplink, scenario, by)
        zones[name] = scenario.draw("sites.zone", by)
        ahead[name] = scenario.draw("sites.clock_ahead", by) if name != CANARY else 0.0
        count = canary if name == CANARY else _part(boards - canary, sites - 1, at - 1)
        all_boards[name] = {}
        site_bad = by.random() < image.share
        for _ in range(count):
            board = _board(f"board-{number}", scenario, by, cared=name == CANARY)
            bad = by.random() < image.share
            board.bad = site_bad if image.by == "site" else bad
            all_boards[name][board.name] = board
            number += 1
    return Fleet(scenario, seed, schedule, image, uplink, all_links, all_boards, zones, ahead)


def site_file(name: str) -> Path:
    """Return the stand-in for a site's inventory."""
    return Path(f"{name}.yml")


def _part(total: int, parts: int, number: int) -> int:
    """Return how many of a total one of even parts has."""
    return total // parts + (number < total % parts)


def _board(name: str, scenario: Scenario, by: random.Random, *, cared: bool) -> Board:
    board = Board(name)
    draws = {key: scenario.draw(f"boards.{key}", by) for key in ("off", "full", "hold")}
    back, hold = scenario.draw("boards.back_after", by), scenario.draw("boards.hold_for", by)
    if cared:
        return board
    board.off_until = back if draws["off"] else 0.0
    board.full = bool(draws["full"])
    board.hold_s = hold if draws["hold"] else 0.0
    return board


def _down(link: Link, now: float) -> bool:
    """Tell whether a link is down at a moment, which may lie ahead of the simulation's."""
    return any(start <= now < end for start, end in link.cuts)


def _always(now: float) -> bool:
    del now
    return True


def _nothing(size: float) -> None:
    del size
