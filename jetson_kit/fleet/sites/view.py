"""Plans over sites, for people."""

from __future__ import annotations

import json
from collections.abc import Sequence

from jetson_kit.core.text import counted
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites.inventory import Sites
from jetson_kit.fleet.sites.plan import SiteWave


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
        message = ", ".join(
            f"{name} ({counted(len(sites.boards[name]), 'board')})" for name in wave.sites
        )
        print(f"{wave.name}: {message}")
