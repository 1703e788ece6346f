"""Real light endpoints over ssh, and simulated boards: the same decisions in the same order."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.scale.light import LightEndpoints
from bench.scale.sides import Controller
from bench.sites import world as worlds
from bench.sites.world import World
from jetson_kit.core.errors import StepFailedError
from tests.sites.decisions import decided, simulated
from tests.support.here import needs_parts, not_here_if

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    not_here_if(os.geteuid() != 0, "namespaces and overlays need root"),
    needs_parts("ip", "sshd", "rsync", "busybox"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.up(tmp_path_factory.mktemp("w"), 1, []) as result:
        yield result


@pytest.fixture(scope="module")
def boards(world: World) -> Iterator[LightEndpoints]:
    with world.golden(2) as result:
        roll_out(world, result, "first")
        yield result


def roll_out(world: World, boards: LightEndpoints, version: str, kind: str = "good") -> str:
    """Roll a release out, whatever comes of it; return its journal."""
    release = worlds.release(world, version, kind=kind)
    with contextlib.suppress(StepFailedError):
        Controller(world.folder, world.key).rollout(boards, release, world.folder / "plan.toml")
    journals = (world.folder / "state" / "fleet" / "rollouts").glob("*.jsonl")
    return max(journals).read_text("utf-8")


@pytest.mark.parametrize(("kind", "share"), [("good", 0.0), ("unhealthy", 1.0)])
def test_a_site_decides_as_it_does_in_the_simulation(
    world: World, boards: LightEndpoints, kind: str, share: float
) -> None:
    text = roll_out(world, boards, f"v-{kind}", kind)
    real = decided(map(json.loads, text.splitlines()), boards.names)
    _, site, _ = simulated(share, Path(world.folder / "plan.toml"))
    assert real == site
