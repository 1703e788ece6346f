"""`bench.machines`: the rows named, or all; bench/machines.json and docs/machines.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from bench.machines import page, trial
from bench.machines.rows import named
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, cache_dir

OUT = ROOT / "bench" / "machines.json"
SCHEMA = "mediapipe-jetson-kit/bench-machines/2"


def run(names: Sequence[str]) -> None:
    """Try the rows, and write what came out after each; what others gave before stays.

    Raises BadInputError for an unknown row, CheckFailedError where a row failed or where two rows'
    bytes differ.
    """
    results = _known()
    for row in named(names):
        log: list[str] = []
        print(f"--- {row.name}", file=sys.stderr, flush=True)
        try:
            result = trial.run(row, log)
        finally:
            write_text(cache_dir("machines") / f"{row.name}.log", "\n".join(log) + "\n")
        fault = result.fault or result.last
        print(f"--- {row.name}: {result.seconds:.0f} s: {fault}", file=sys.stderr, flush=True)
        results[row.name] = result
        _write(list(results.values()))
    if faults := trial.compare([results[row.name] for row in named(()) if row.name in results]):
        raise CheckFailedError("; ".join(faults))


def _known() -> dict[str, trial.Result]:
    """Return what rows gave when they were tried last."""
    try:
        document = json.loads(OUT.read_text(encoding="utf-8"))
        return {facts["row"]: trial.from_json(facts) for facts in document["rows"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(results: list[trial.Result]) -> None:
    order = [row.name for row in named(())]
    here = [result for result in results if result.row in order]
    rows = sorted(here, key=lambda result: order.index(result.row))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "rows": [row.as_json() for row in rows],
    }
    write_text(OUT, json.dumps(document, indent=1) + "\n")
    page.renew(document)
