"""What journals decide, real ones and those of a simulation of as many sites and boards."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.simulation import fleet as fleets
from bench.simulation.over_sites import SitesSimulation
from bench.simulation.scenario import Image
from jetson_kit.fleet.lines import Lines
from tests.support.calm_scenario import calm


def decided(lines: Iterable[Mapping[str, Any]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what a journal's lines decide, in order; names of sites or boards by their place."""
    result = []
    for line in lines:
        fields = [str(line[key]) for key in ("step", "state", "wave", "result") if key in line]
        whose = [str(names.index(line[key])) for key in ("site", "host") if key in line]
        # A look and a note change nothing; how many there are is a matter of time, as is whether
        # the top's request to go back comes before a site has gone back by itself.
        looked = line.get("step") == "look" or line["event"] == "resume"
        if not looked and (line["event"] != "host" or "state" in line):
            result.append((line["event"], *whose, *fields))
    return result


def simulated(share: float, plan: Path) -> tuple[list[tuple[str, ...]], ...]:
    """Return what the top and each of two sites decide in a simulation."""
    row = {"name": "as here", "kind": "sites", "waves": [1.0], "stop_at": 1, "stop_sites": 1,
           "scope": "wave", "boards": tomllib.loads(plan.read_text("utf-8"))}  # fmt: skip
    fleet = fleets.make(calm(), 1, Image("as here", 200_000, share, after_s=1.0), 2, 4)
    simulation = SitesSimulation(fleet, row)
    rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in ("top", *fleet.links)}

    def listen(lines: Lines[Any], name: str) -> None:
        before = lines.listener

        def both(line: Mapping[str, Any], record: Any) -> None:
            rows[name].append(line)
            if before:
                before(line, record)

        lines.listener = both

    listen(simulation.journal, "top")
    for name, process in simulation.work.processes.items():
        listen(process.journal, name)
    simulation.run()
    boards = [list(fleet.boards[name]) for name in fleet.links]
    return (
        decided(rows["top"], list(fleet.links)),
        *(decided(rows[name], own) for name, own in zip(fleet.links, boards, strict=True)),
    )
