"""`bench.sites`: the cost at the top, and kills; both add to bench/sites.json."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.sites import kills, measure
from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress

OUT = ROOT / "bench" / "sites.json"
SCHEMA = "mediapipe-jetson-kit/bench-sites/1"
SITES = (1, 4, 8)
BOARDS = 50


def run(sites: Sequence[int] = SITES, boards: int = BOARDS) -> dict[str, Any]:
    """Measure each number of sites; write bench/sites.json after each."""
    if os.geteuid() != 0:
        raise BadInputError("namespaces and overlays need root", "run it as root")
    for count in sites:
        row = measure.measure(count, boards, Progress())
        # Read again: kills may go on at the same time.
        result = known()
        result["costs"][f"{count}x{boards}"] = row
        result["cores"] = os.cpu_count()
        write_text(OUT, json.dumps(result, indent=1) + "\n")
    return known()


def kill(count: int, seed: int = 0, targets: Sequence[str] = ()) -> dict[str, Any]:
    """Make so many kills more, of all targets or these; write bench/sites.json after each rollout.

    Raises CheckFailedError where any rollout did not end as it would have without them.
    """
    if os.geteuid() != 0:
        raise BadInputError("namespaces and overlays need root", "run it as root")
    seed = seed or 1 + max((row["seed"] for row in known()["rollouts"]), default=0)
    new: list[Mapping[str, Any]] = []

    def note(row: Mapping[str, Any]) -> None:
        new.append(row)
        result = known()
        result["rollouts"].append(dict(row))
        write_text(OUT, json.dumps(result, indent=1) + "\n")

    kills.run(count, seed, Progress(), note, targets)
    if wrong := [row for row in new if row["lost"] or row["false_success"] or row["unlike"]]:
        raise CheckFailedError(f"{len(wrong)} rollouts did not end as without kills", f"see {OUT}")
    return known()


def known() -> dict[str, Any]:
    """Return what was measured before."""
    with contextlib.suppress(OSError, ValueError):
        body: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8"))
        if body.get("schema") == SCHEMA:
            return body
    return {"schema": SCHEMA, "costs": {}, "rollouts": []}
