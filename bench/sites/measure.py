"""What a rollout over sites costs at the top, against one controller for the same boards."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.faults import small_release
from bench.scale import traffic
from bench.scale.sides import Controller
from bench.sites import world as worlds
from bench.sites.world import World
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release

# What changes from one release to the next, in bytes: as one file of the kit's own image does.
CHANGED = 320_000
# As bench.rollout: a soak is a time that one chooses, and light endpoints infer nothing.
PLAN = 'verify = "none"\nsoak_s = 0\npoll_s = 5\nlatency_factor = 0\n'


def measure(sites: int, boards: int, progress: Progress) -> dict[str, Any]:
    """Update the boards of so many sites over the mesh, then as many by one controller."""
    # As Python is by default: what it compiled once is there for the next start, on both sides.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = Path(tempfile.mkdtemp(prefix="kit-sites-"))
    names = [f"site{number + 1}" for number in range(sites)]
    load = os.getloadavg()[0]
    try:
        with traffic.meter("top") as meter, worlds.up(folder, boards, names, meter) as world:
            write_text(folder / "plan.toml", PLAN)
            first, update = (release(world, number) for number in (1, 2))
            with progress.step(f"{sites} sites of {boards}", "sites join, and get a first image"):
                join(world)
                roll_out(world, first)
            with progress.step("over sites", f"{sites} sites: an update"):
                top = _over_sites(world, update)
        (folder / "flat").mkdir()
        with worlds.up(folder / "flat", 1, []) as world:
            write_text(world.folder / "plan.toml", PLAN)
            with progress.step("flat", f"{sites * boards} boards by one controller"):
                flat = _flat(world, sites * boards)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    count = sites * boards
    return {
        "sites": sites, "boards": boards, "load_at_start": round(load, 1),
        "top": top, "flat": flat,
        "cpu_ratio": round(flat["cpu_s"] / top["cpu_s"], 1),
        "bytes_ratio": round(flat["bytes"] / top["bytes"], 1),
        "top_cpu_s_per_board": round(top["cpu_s"] / count, 4),
        "flat_cpu_s_per_board": round(flat["cpu_s"] / count, 4),
        "top_bytes_per_board": round(top["bytes"] / count),
        "flat_bytes_per_board": round(flat["bytes"] / count),
    }  # fmt: skip


def join(world: World) -> None:
    """Bring the controller's node up and let all sites join. Raises StepFailedError."""
    _good(world.inv("sites.up", "-i", world.file))
    for name in world.places:
        archive = world.folder / f"{name}.tar"
        _good(world.inv("sites.join", name, "-i", world.file, "--output", archive))
        done = world.join(name, archive)
        archive.unlink()
        shutil.rmtree(world.folder / f"join-{name}")
        if done.returncode:
            raise StepFailedError(f"{name} does not join: {done.stderr[-300:]}")


def roll_out(world: World, update: Release) -> None:
    """Bring a release to all. Raises StepFailedError."""
    code, result, err = world.rollout(update)
    if code or result["result"] != "all" or set(world.images().values()) != {update.image_id}:
        raise StepFailedError(f"the rollout over sites ended with {code}: {err[-500:]}")


def release(world: World, number: int) -> Release:
    """Return a release whose middle layer differs from those of other numbers."""
    folder = world.folder / f"v{number}"
    result = small_release.build(folder, str(number), bulk=CHANGED + number)
    signing.sign(result.path, world.key)
    return result


def _over_sites(world: World, update: Release) -> dict[str, Any]:
    assert world.meter  # noqa: S101 # measure gave it
    cpu, moved, begun = world.meter.seconds(), world.traffic(), time.monotonic()
    roll_out(world, update)
    return {
        "cpu_s": round(world.meter.seconds() - cpu, 2),
        "bytes": world.traffic() - moved,
        "wall_s": round(time.monotonic() - begun, 1),
    }


def _flat(world: World, count: int) -> dict[str, Any]:
    control = Controller(world.folder, world.key)
    plan = world.folder / "plan.toml"
    first, update = (release(world, number) for number in (1, 2))
    with world.golden(count) as boards:
        control.rollout(boards, first, plan)
        cost = control.rollout(boards, update, plan)
    return {
        "cpu_s": round(cost.cpu_s, 2),
        "bytes": sum(cost.to) + sum(cost.back),
        "wall_s": round(cost.wall_s, 1),
    }


def _good(done: tuple[int, str, str]) -> None:
    if done[0]:
        raise StepFailedError(f"it ended with {done[0]}: {done[2][-500:]}")
