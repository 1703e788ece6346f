"""What was tried: a line a try while it goes on, then bench/faults.json."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.faults.cases import Attempt, Case
from bench.faults.setting import SMALL, Setting
from jetson_kit.core.paths import ROOT
from jetson_kit.virtual_devices import engines

OUT = ROOT / "bench" / "faults.json"
SCHEMA = "mediapipe-jetson-kit/bench-faults/1"
WRONG = ("lost", "false_success", "false_journal", "next_failed", "unkept")


def append(path: Path, name: str, seed: str, attempt: Attempt, setting: Setting) -> None:
    """Put a try on the disk."""
    line = {"case": name, "seed": seed, "at": time.strftime("%FT%TZ", time.gmtime())}
    line |= {"engine": setting.engine, "image": setting.image}
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one write, so that two runs at once do not mix their lines.
    with path.open("ab", buffering=0) as out:
        out.write(json.dumps(line | dataclasses.asdict(attempt)).encode() + b"\n")
        os.fsync(out.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """Return all tries so far; a line that was cut off is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def summary(tries: Iterable[Mapping[str, Any]], cases: Mapping[str, Case]) -> dict[str, Any]:
    """Return bench/faults.json: counts of tries, and of tries in which something was wrong."""
    rows = [attempt for attempt in tries if attempt["case"] in cases]
    by_fault = {}
    for name in cases:
        own = [row for row in rows if row["case"] == name]
        if own:
            by_fault[name] = {
                "tried": len(own),
                **_wrong(own),
                "ended": dict(sorted(Counter(item["ended"] or "none" for item in own).items())),
                "seconds_median": statistics.median(item["seconds"] for item in own),
                "seconds_max": max(item["seconds"] for item in own),
            }
    lacking = {
        name: case.repeat - by_fault.get(name, {"tried": 0})["tried"]
        for name, case in cases.items()
    }
    return {
        "schema": SCHEMA,
        "cores": os.cpu_count(),
        "tried": len(rows),
        **_wrong(rows),
        "by_setting": dict(sorted(Counter(_setting(row) for row in rows).items())),
        "cuts_by_setting": _cuts(rows, cases),
        "not_tried": {name: count for name, count in lacking.items() if count > 0},
        "by_fault": by_fault,
    }


def _cuts(
    rows: Iterable[Mapping[str, Any]], cases: Mapping[str, Case]
) -> dict[str, dict[str, int]]:
    """Return how often the power was cut in each phase, by engine and image."""
    result: dict[str, Counter[str]] = {}
    for row in rows:
        if cases[row["case"]].cuts:
            result.setdefault(_setting(row), Counter())[row["case"]] += 1
    return {name: dict(sorted(counts.items())) for name, counts in sorted(result.items())}


def _setting(row: Mapping[str, Any]) -> str:
    return f"{row.get('engine', engines.default())}, {row.get('image', SMALL)} image"


def _wrong(rows: list[Mapping[str, Any]]) -> dict[str, int]:
    return {what: sum(bool(row[what]) for row in rows) for what in WRONG}
