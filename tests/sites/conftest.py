"""One controller with two sites for all tests of this folder: to join them takes minutes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.sites import world as worlds
from bench.sites.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    # A socket's path is short: not below pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="kit-sites-"))
    try:
        with worlds.up(folder) as result:
            yield result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def joined(world: World) -> World:
    code, _, err = world.inv("sites.up", "-i", world.file)
    assert code == 0, err
    for name in world.places:
        archive = world.folder / f"{name}.tar"
        code, _, err = world.inv("sites.join", name, "-i", world.file, "--output", archive)
        assert code == 0, err
        done = world.join(name, archive)
        assert done.returncode == 0, done.stderr
    return world
