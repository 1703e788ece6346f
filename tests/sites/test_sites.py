"""Two sites over a real mesh: joined, rolled out to, stopped, killed and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet.sites import journal
from tests.sites import world as worlds
from tests.sites.world import World
from tests.support.here import needs_parts, not_here_if

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    not_here_if(os.geteuid() != 0, "namespaces and overlays need root"),
    needs_parts("ip", "sshd", "rsync", "busybox"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # A socket's path is short: not below pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="kit-sites-"))
    try:
        with worlds.up(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
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


def test_a_token_is_good_once(joined: World) -> None:
    stolen = joined.join("berlin", joined.folder / "berlin.tar")
    assert stolen.returncode == 1
    assert "was used at" in stolen.stderr


def test_a_release_comes_to_all_boards_of_all_sites(joined: World) -> None:
    first = worlds.release(joined, "1")
    code, result, err = joined.rollout(first)
    assert code == 0, err
    assert result["result"] == "all"
    assert set(joined.images().values()) == {first.image_id}
    code, out, _ = joined.inv("sites.status", "-i", joined.file, "--json", "--check")
    rows = {row["site"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert {name: len(row["fleet"]["hosts"]) for name, row in rows.items()} == {
        "berlin": 2,
        "tokyo": 2,
    }


def test_an_unhealthy_release_stops_at_the_canary_site(joined: World) -> None:
    before = joined.images()
    bad = worlds.release(joined, "2", kind="unhealthy")
    code, result, err = joined.rollout(bad)
    assert code == 1, err
    assert result["result"] == journal.STOPPED
    assert result["sites"]["berlin"]["state"] == journal.BACK
    assert result["sites"]["tokyo"]["state"] == journal.PENDING
    assert joined.images() == before
