"""Sites and plans over them, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites.inventory import Sites
from jetson_kit.fleet.sites.plan import SiteWave

# From here on a certificate is worth a word, and a clock is wrong.
SOON_DAYS = 30
CLOCK_S = 300


def wrong(row: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a site, by its row of the status."""
    if row["problem"]:
        return [str(row["problem"])]
    result = []
    if row["certificate_days"] < SOON_DAYS:
        result.append(f"its certificate is good for {row['certificate_days']} days: join again")
    if abs(row["clock_ahead_s"]) > CLOCK_S:
        result.append(f"its clock differs by {row['clock_ahead_s']:.0f} s")
    if row["fleet"]["drift"]:
        result.append("boards have drifted")
    return result


def status(row: Mapping[str, Any]) -> None:
    """Print a site and its boards."""
    print(f"{row['site']}: {'; '.join(wrong(row)) or 'ok'}", flush=True)
    for name, host in row.get("fleet", {}).get("hosts", {}).items():
        device = host["device"] or {}
        image = str(device.get("image_id") or "-").partition(":")[2][:12] or "-"
        message = " ".join([*host["drift"], host["answer"]]).strip() or "as the site says"
        print(f"  {name}  {image}  {message}", flush=True)


def plan(sites: Sites, release: Release, waves: Sequence[SiteWave], *, as_json: bool) -> None:
    """Print which sites come when."""
    if as_json:
        rows = [
            {"name": wave.name, "sites": {name: list(sites.boards[name]) for name in wave.sites}}
            for wave in waves
        ]
        body = {"schema": "mediapipe-jetson-kit/sites-plan/1", "image_id": release.image_id}
        print(json.dumps({**body, "waves": rows}, indent=1))
        return
    for wave in waves:
        message = ", ".join(f"{name} ({len(sites.boards[name])} boards)" for name in wave.sites)
        print(f"{wave.name}: {message}")
