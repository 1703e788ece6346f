"""What was tried: a line a try while it goes on, then bench/faults.json."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import statistics
import subprocess
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
SCHEMA = "mediapipe-jetson-kit/bench-faults/2"
WRONG = ("lost", "false_success", "false_journal", "next_failed", "unkept")


def append(path: Path, name: str, seed: str, attempt: Attempt, setting: Setting) -> None:
    """Put a try on the disk."""
    line = {"case": name, "seed": seed, "at": time.strftime("%FT%TZ", time.gmtime())}
    line |= {"engine": setting.engine, "image": setting.image, "commit": commit()}
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one write, so that two runs at once do not mix their lines.
    with path.open("ab", buffering=0) as out:
        out.write(json.dumps(line | dataclasses.asdict(attempt)).encode() + b"\n")
        os.fsync(out.fileno())


@functools.cache
def commit() -> str:
    """Return the commit of this tree, "" where git does not know it."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def read(path: Path) -> list[dict[str, Any]]:
    """Return all tries so far; a line that was cut off is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def summary(
    tries: Iterable[Mapping[str, Any]],
    cases: Mapping[str, Case],
    before: Mapping[str, Any] | None = None,
    outdated: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return bench/faults.json: counts of tries, and of tries in which something was wrong.

    `before` is what it says now: tries that this machine does not have stay, with their days.
    `outdated` are cases with the setting in which earlier tries stay only until there is a new one.
    """
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for attempt in tries:
        if attempt["case"] in cases:
            rows.setdefault((attempt["case"], setting_of(attempt)), []).append(attempt)
    new = [_run(name, own) for (name, _), own in sorted(rows.items())]
    earlier = _earlier(before or {}, new, set(outdated))
    order = {name: number for number, name in enumerate(cases)}
    runs = [run for run in (*earlier, *new) if run["case"] in cases]
    runs.sort(key=lambda run: (order[run["case"]], run["last"]))
    by_fault = {
        name: _together(own) for name in cases if (own := [r for r in runs if r["case"] == name])
    }
    lacking = {
        name: case.repeat - by_fault.get(name, {"tried": 0})["tried"]
        for name, case in cases.items()
    }
    return {
        "schema": SCHEMA,
        "cores": os.cpu_count(),
        "tried": sum(run["tried"] for run in runs),
        **{what: sum(run[what] for run in runs) for what in WRONG},
        "by_setting": _added(run["by_setting"] for run in runs),
        "cuts_by_setting": _cuts(runs, cases),
        "not_tried": {name: count for name, count in lacking.items() if count > 0},
        "by_fault": by_fault,
        "runs": runs,
    }


def _run(name: str, tries: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what this machine's tries of a case came to."""
    days = sorted(row["at"] for row in tries)
    return {
        "case": name,
        "first": days[0],
        "last": days[-1],
        "commits": sorted({row["commit"] for row in tries if row.get("commit")}),
        "by_setting": _added({setting_of(row): 1} for row in tries),
        "tried": len(tries),
        **{what: sum(bool(row[what]) for row in tries) for what in WRONG},
        "ended": _added({row["ended"] or "none": 1} for row in tries),
        "seconds_median": statistics.median(row["seconds"] for row in tries),
        "seconds_max": max(row["seconds"] for row in tries),
    }


def _earlier(
    before: Mapping[str, Any], new: Iterable[Mapping[str, Any]], outdated: set[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return the runs that are not among this machine's tries: they ended before those began."""
    first = {(run["case"], name): run["first"] for run in new for name in run["by_setting"]}
    result = []
    for run in before.get("runs", ()):
        keys = {(run["case"], name) for name in run["by_setting"]}
        newer = [first[key] for key in keys if key in first]
        replaced = bool(newer) and keys <= outdated
        if not newer or (not replaced and run["last"] < min(newer)):
            result.append(run)
    return result


def _together(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what all runs of a case came to; of several there is no median."""
    result = {"tried": sum(run["tried"] for run in runs)}
    result |= {what: sum(run[what] for run in runs) for what in WRONG}
    result |= {"ended": _added(run["ended"] for run in runs)}
    if len(runs) == 1:
        result["seconds_median"] = runs[0]["seconds_median"]
    return result | {"seconds_max": max(run["seconds_max"] for run in runs)}


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _cuts(
    runs: Iterable[Mapping[str, Any]], cases: Mapping[str, Case]
) -> dict[str, dict[str, int]]:
    """Return how often the power was cut in each phase, by engine and image."""
    result: dict[str, Counter[str]] = {}
    for run in runs:
        if cases[run["case"]].cuts:
            for name, count in run["by_setting"].items():
                result.setdefault(name, Counter())[run["case"]] += count
    return {name: dict(sorted(counts.items())) for name, counts in sorted(result.items())}


def setting_of(row: Mapping[str, Any]) -> str:
    """Return the engine and the image of a try, in words."""
    build = None if row.get("image", SMALL) == SMALL else Path()
    return Setting(row.get("engine", engines.default()), build).label
