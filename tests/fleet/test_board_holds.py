"""What a board keeps by itself: its images, its state, its time on trial, its space."""

from __future__ import annotations

import json
import time

import pytest

from tests.fleet.board import LIB, Board
from tests.fleet.small_release import UNHEALTHY

pytestmark = [pytest.mark.docker, pytest.mark.slow]
PRUNES = ("docker image prune --all --force", "docker system prune --all --force")
# What becomes of a file of the state, in the board's shell.
DAMAGES = {
    "missing": "rm {}",
    "empty": ": > {}",
    "cut": "truncate --size 40 {}",
    "garbage": "head -c 300 /dev/urandom > {}",
    "a folder": "rm {0}; mkdir -p {0}/inner",
    "a link": "mv {0} {0}.x; ln -s {0}.x {0}",
    "another's": "chown 10001 {}",
}
FILES = ("state.json", "state.copy.json", "current.env", "pending", "releases/*.json")


@pytest.fixture
def good(board: Board) -> str:
    """The image that the board is on for good, healthy, with one before it."""
    body = board.status()
    while not (body["previous"] and body["settled"] and body["running"]["health"] == "healthy"):
        board.good(board.release())
        body = board.status()
    current: str = body["current"]["image_id"]
    return current


def restarted(board: Board, image_id: str) -> None:
    """Restart the unit; it must run that image, and say so."""
    board.run("systemctl restart mediapipe.service")
    assert board.settle(image_id)["state_problems"] == []


def damaged(board: Board, name: str, damage: str) -> list[str]:
    """Damage the files of that name; return them."""
    files = board.run(f"ls -d {LIB}/{name} 2>/dev/null || echo {LIB}/{name}").split()
    board.run("; ".join(f"touch {one}; {DAMAGES[damage].format(one)}" for one in files))
    return files


@pytest.mark.parametrize("prune", PRUNES, ids=["image", "system"])
def test_a_prune_leaves_what_a_board_needs(board: Board, good: str, prune: str) -> None:
    bad, other = board.release(UNHEALTHY), board.release()
    board.fetch(bad)
    board.fetch(other)
    board.run(f"mediapipe-image switch --limit 60 {bad.image_id} >/dev/null 2>&1 &")
    board.settle_on(bad.image_id)
    board.run(prune)
    # What nobody needs goes; the image on trial and the one before it are there.
    assert board.there() >= {good, bad.image_id}
    assert other.image_id not in board.there()
    board.settle(good)
    # The service is stopped: even then its image stays.
    board.run(f"systemctl stop mediapipe.service; {prune}; systemctl start mediapipe.service")
    board.settle(good)


def test_a_trial_stays_where_nothing_from_before_it_is_left(board: Board, good: str) -> None:
    bad = board.release(UNHEALTHY, check_s=15)
    board.fetch(bad)
    board.run(f"mediapipe-image switch --limit 90 {bad.image_id} >/dev/null 2>&1 &")
    board.settle_on(bad.image_id)
    ids = board.status()["engine_ids"]
    for name in set(ids.values()) - {ids[bad.image_id]}:
        board.run(
            f"docker container rm --force mediapipe-holds-{name[7:19]};"
            f"docker image rm --force {name}"
        )
    assert good not in board.there()
    end = time.monotonic() + 90
    while board.status()["history"][-1]["event"] != "stays":
        assert time.monotonic() < end
        time.sleep(0.5)
    body = board.status()
    assert (body["current"]["image_id"], body["current"]["state"]) == (bad.image_id, "trial")
    assert board.running() == bad.image_id
    assert "is gone" in board.image("rollback", code=7)
    # A good one is brought, and all is as before.
    board.good(board.release())


def test_a_healthy_trial_ends_by_itself(board: Board, good: str) -> None:
    new = board.release()
    board.fetch(new)
    board.image("switch", new.image_id, "--trial", "8")
    assert board.running() == new.image_id
    # The clock on the wall counts for nothing, and who waits may be gone.
    board.run("kill -9 $(systemctl show -p MainPID --value mediapipe-watch.service)")
    body = board.settle(good)
    assert body["current"]["state"] == "good"
    assert body["current"]["why"] == "not confirmed within 8 s"
    assert not body["pending"]


def test_what_says_that_a_trial_goes_on_may_be_lost(board: Board, good: str) -> None:
    new = board.release()
    board.fetch(new)
    board.image("switch", new.image_id, "--trial", "8")
    board.run(
        f"systemctl stop mediapipe-watch.service; rm -rf {LIB}/pending /run/mediapipe-image;"
        "systemctl start mediapipe-watch.service"
    )
    board.settle(good)


@pytest.mark.parametrize("name", FILES)
def test_any_one_file_may_be_damaged_in_any_way(board: Board, good: str, name: str) -> None:
    for damage in DAMAGES:
        damaged(board, name, damage)
        restarted(board, good)


def test_a_damaged_file_of_each_kind_is_mended(board: Board, good: str) -> None:
    damages = ("cut", "a folder", "missing", "a link", "garbage")
    for name, damage in zip(FILES, damages, strict=True):
        damaged(board, name, damage)
    restarted(board, good)
    # A release comes as ever, and what was good before is the way back.
    new = board.release()
    board.good(new)
    assert board.settle(new.image_id)["previous"]["image_id"] == good


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_state_that_is_lost_is_made_anew(board: Board, good: str, damage: str) -> None:
    new = board.release()
    board.good(new)
    for name in FILES[:2]:
        board.run(DAMAGES[damage].format(f"{LIB}/{name}"))
    restarted(board, new.image_id)
    body = board.status()
    assert body["history"][-1]["event"] == "mended"
    assert body["previous"]["image_id"] == good
    assert "taken from the service's settings" in board.run(
        "journalctl --no-pager --unit mediapipe.service --lines 20"
    )


def test_settings_that_are_damaged_do_not_stop_what_runs(board: Board, good: str) -> None:
    path = "/etc/mediapipe-jetson/service.json"
    env = board.run(f"cat {LIB}/current.env")
    board.run(f"cp {path} /tmp/kept.json; truncate --size 30 {path}")
    try:
        board.run("systemctl restart mediapipe.service")
        assert board.running() == good
        assert board.run(f"cat {LIB}/current.env") == env
        assert "is damaged" in board.image("switch", good, code=5)
    finally:
        board.run(f"mv /tmp/kept.json {path}")


def test_what_the_application_prints_is_bounded(board: Board, good: str) -> None:
    sizes = (
        "du -sb $(docker info -f '{{.DockerRootDir}}')/containers | cut -f1;"
        "du -sb /var/log/journal /run/log/journal 2>/dev/null | cut -f1 | paste -sd+ | bc || :"
    )
    before = board.run(sizes)
    flood = "i=0; while test $i -lt 25; do cat /bulk; i=$((i+1)); done > /proc/1/fd/1"
    board.run(f"docker exec mediapipe sh -c '{flood}'")
    board.run(f"docker exec mediapipe sh -c '{flood}'")
    after = board.run(sizes)
    grown = [int(b) - int(a) for a, b in zip(before.split(), after.split(), strict=True)]
    assert max(grown) < 40 << 20, (before, after)
    assert board.running() == good


def test_the_units_have_few_rights(board: Board, good: str) -> None:
    units = ["mediapipe.service", "mediapipe-watch.service"]
    said = json.loads(board.run(f"systemd-analyze security --json=short {' '.join(units)}"))
    assert {row["unit"] for row in said} == set(units)
    assert all(float(row["exposure"]) <= 2.5 for row in said), said
    assert board.status()["running"]["unit"] == "active", good
