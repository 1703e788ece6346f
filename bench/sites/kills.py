"""Kills at random moments of rollouts over sites, which must end as if there were none."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.sites import measure
from bench.sites import world as worlds
from bench.sites.world import Place, World
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import journal
from jetson_kit.fleet.sites.journal import SitesRecord

TOP, SITE, TOP_MESH, SITE_MESH, LINK = (
    "the central rollout", "a site's rollout", "the central Receptor", "a site's Receptor",
    "a site's link",
)  # fmt: skip
TARGETS = (TOP, SITE, TOP_MESH, SITE_MESH, LINK)
BOARDS = 2
# So many in one rollout; every third rollout is of an image that is never healthy.
EACH, BAD_EVERY = 3, 3
# Within so many seconds a kill comes after the one before.
SPREAD_S = 8.0
AWAY_S = (0.5, 6.0)
RESUMES = 5
LIMIT_S = 300.0


def run(
    count: int, seed: int, progress: Progress, note: Callable[[Mapping[str, Any]], None]
) -> None:
    """Make so many kills; `note` gets a row for each rollout."""
    choose = random.Random(seed)  # noqa: S311 # moments, which must be found again
    folder = Path(tempfile.mkdtemp(prefix="kit-kills-"))
    try:
        with worlds.up(folder, BOARDS) as world:
            with progress.step("sites", "two sites join"):
                measure.join(world)
                measure.roll_out(world, worlds.release(world, "begin"))
            made = number = 0
            while made < count:
                number += 1
                row = _rollout(world, number, choose, progress)
                made += len(row["kills"])
                note({**row, "seed": seed, "number": number})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rollout(
    world: World, number: int, choose: random.Random, progress: Progress
) -> dict[str, Any]:
    """Roll a release out under kills, resume until it ends; say what came of it."""
    bad = number % BAD_EVERY == 0
    before = world.images()
    release = worlds.release(world, f"kill-{number}", **({"kind": "unhealthy"} if bad else {}))
    kills: list[str] = []
    with progress.step(f"kills {number}", "an unhealthy image" if bad else "a good image") as step:
        code = _under_kills(world, release, choose, kills)
        step.note = f"{', '.join(kills) or 'ended before any'}; exit code {code}"
    shutil.rmtree(release.folder, ignore_errors=True)
    after = world.images()
    wanted = before if bad else dict.fromkeys(before, release.image_id)
    everywhere = set(after.values()) == {release.image_id}
    return {
        "bad_image": bad, "kills": kills, "exit_code": code,
        "lost": sorted(name for name in after if after[name] != wanted[name]),
        "false_success": code == 0 and (bad or not everywhere),
        "unlike": code != (1 if bad else 0),
    }  # fmt: skip


def _under_kills(world: World, release: Release, choose: random.Random, kills: list[str]) -> int:
    process = world.start(*world.rollout_words(release))
    try:
        for _ in range(EACH):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=choose.uniform(0.3, SPREAD_S))
                break
            target = choose.choice(TARGETS)
            if _kill(world, target, choose, process):
                kills.append(target)
            if target == TOP:
                process.communicate()
                process = world.start(*_words(world, release))
    except BaseException:
        _stop(process)
        raise
    code = _end(process)
    for _ in range(RESUMES):
        # As a user would: 0 is done, 1 with nothing open is over, all else goes on.
        if code == 0 or (code == 1 and not _open(world)):
            break
        time.sleep(2)
        code = _end(world.start(*_words(world, release)))
    return code


def _words(world: World, release: Release) -> list[str | Path]:
    """Return the words that go on with a release's rollout, or begin it if it had not begun yet."""
    record = _newest(world)
    if record is None or record.image_id != release.image_id:
        return world.rollout_words(release)
    return ["sites.rollout", "--resume", record.id, "--json"]


def _end(process: subprocess.Popen[str]) -> int:
    try:
        process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        _stop(process)
        return -9
    except BaseException:
        _stop(process)
        raise
    return process.returncode


def _stop(process: subprocess.Popen[str]) -> None:
    """End a rollout that is in a session of its own: it would outlive this program."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _newest(world: World) -> SitesRecord | None:
    """Return the newest rollout; one that was killed in its first line is none."""
    paths = sorted((world.state / "sites" / "rollouts").glob("*.jsonl"))
    for path in reversed(paths):
        with contextlib.suppress(BadInputError):
            return journal.read(path)
    return None


def _open(world: World) -> bool:
    """Tell whether the newest rollout has something left to do."""
    record = _newest(world)
    return record is not None and (not record.ended or bool(record.open))


def _kill(world: World, target: str, choose: random.Random, central: subprocess.Popen[str]) -> bool:
    """Kill something, and start again what its unit would; return whether it was there."""
    place: Place = world.places[choose.choice(list(world.places))]
    away = choose.uniform(*AWAY_S)
    if target == TOP:
        os.killpg(central.pid, signal.SIGKILL)
    elif target == SITE:
        worker = place.worker()
        if not worker:
            return False
        os.kill(worker, signal.SIGKILL)
    elif target == SITE_MESH:
        os.kill(place.pid(), signal.SIGKILL)
        time.sleep(away)
        place.mesh_up()
    elif target == TOP_MESH:
        pid = (world.state / "sites" / "node" / "receptor.pid").read_text("ascii").split()[0]
        os.kill(int(pid), signal.SIGKILL)
        time.sleep(away)
        world.inv("sites.up", "-i", world.file)
    else:
        worlds.cut(world, place.name, whole=False)
        time.sleep(away)
        worlds.cut(world, place.name, whole=True)
    return True
