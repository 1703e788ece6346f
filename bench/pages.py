"""The tables of docs/, made from bench/*.json: no number is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import tables as readme_tables
from bench.faults import page as faults_page
from bench.simulation import page as simulation_page
from bench.sites import page as sites_page
from bench.solutions import page as solutions_page
from bench.tables import Facts
from bench.translate import page as translate_page
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT

BENCHMARKS = ROOT / "docs" / "benchmarks.md"
BENCH = ROOT / "bench"
Tables = Mapping[str, Callable[[Facts], str]]
TABLES: Tables = {
    "build": readme_tables.build,
    "import": readme_tables.import_time,
    "devices": readme_tables.devices,
    "rollout": readme_tables.rollout,
    "inference": readme_tables.inference,
    "app": readme_tables.app,
}
PAGES: Mapping[Path, Tables] = {
    BENCHMARKS: TABLES,
    ROOT / "docs" / "engines.md": {"export": readme_tables.export},
    ROOT / "docs" / "faults.md": {"faults": faults_page.table},
    ROOT / "docs" / "live-view.md": {"live": readme_tables.live},
    ROOT / "docs" / "older-boards.md": {"translate": translate_page.table},
    ROOT / "docs" / "scale.md": {
        "report": readme_tables.report,
        "simulation": simulation_page.table,
        "sites": sites_page.table,
    },
    ROOT / "docs" / "solutions.md": {
        "solutions": solutions_page.table,
        "nearness": solutions_page.nearness,
    },
}


def _facts(name: str, folder: Path) -> Facts | None:
    """Return what was measured; of each device that it was measured on, if there can be many."""
    if name == "inference":
        paths = sorted(folder.glob("inference-*.json"))
        result = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        return {"devices": result} if result else None
    path = folder / f"{name}.json"
    facts: Facts | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return facts


def rendered(text: str, folder: Path = BENCH, tables: Tables = TABLES) -> str:
    """Return a page (benchmarks.md) with its tables made from the last measurements.

    Raises IntegrityError for a missing mark.
    """
    for name, make in tables.items():
        facts = _facts(name, folder)
        if facts is None:
            continue
        start, end = f"<!-- bench.{name} -->", f"<!-- /bench.{name} -->"
        head, mark, rest = text.partition(start)
        _, closed, tail = rest.partition(end)
        if not mark or not closed:
            raise IntegrityError(f"the page lacks the marks {start} ... {end}", "put them back")
        text = f"{head}{start}\n{make(facts)}\n{end}{tail}"
    return text


def plots() -> None:
    """Write the pictures of pages: of what was simulated."""
    facts = _facts("simulation", BENCH)
    for name, text in simulation_page.plots(facts).items() if facts else ():
        write_text(ROOT / "docs" / f"scale-{name}.svg", text)


def renew() -> None:
    """Write the tables and pictures of all pages from what the benchmarks measured last."""
    plots()
    for page, tables in PAGES.items():
        write_text(page, rendered(page.read_text(encoding="utf-8"), tables=tables))
