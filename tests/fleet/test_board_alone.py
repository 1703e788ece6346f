"""What a board comes through by itself, in each way: lost state, lost images, lost watchers."""

from __future__ import annotations

import time

import pytest

from tests.fleet.board import LIB, Board
from tests.fleet.board_state import DAMAGES, FILES, damaged, good, restarted
from tests.fleet.small_release import UNHEALTHY

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def on(board: Board) -> str:
    """The image that the board is on for good."""
    return good(board)


def test_a_trial_stays_where_nothing_from_before_it_is_left(board: Board, on: str) -> None:
    bad = board.release(UNHEALTHY, check_s=15)
    board.fetch(bad)
    board.run(f"mediapipe-image switch --limit 150 {bad.image_id} >/dev/null 2>&1 &")
    board.settle_on(bad.image_id)
    ids = board.status()["engine_ids"]
    for name in set(ids.values()) - {ids[bad.image_id]}:
        board.run(
            f"docker container rm --force mediapipe-holds-{name[7:19]};"
            f"docker image rm --force {name}"
        )
    assert on not in board.there()
    end = time.monotonic() + 180
    while board.status()["history"][-1]["event"] != "stays":
        assert time.monotonic() < end
        time.sleep(0.5)
    body = board.status()
    assert (body["current"]["image_id"], body["current"]["state"]) == (bad.image_id, "trial")
    assert board.running() == bad.image_id
    assert "is gone" in board.image("rollback", code=7)
    # A good one is brought, and all is as before.
    board.good(board.release())


def test_what_says_that_a_trial_goes_on_may_be_lost(board: Board, on: str) -> None:
    new = board.release()
    board.fetch(new)
    board.image("switch", new.image_id, "--trial", "8")
    board.run(
        f"systemctl stop mediapipe-watch.service; rm -rf {LIB}/pending /run/mediapipe-image;"
        "systemctl start mediapipe-watch.service"
    )
    board.settle(on)


@pytest.mark.parametrize("name", FILES)
def test_any_one_file_may_be_damaged_in_any_way(board: Board, on: str, name: str) -> None:
    for damage in DAMAGES:
        damaged(board, name, damage)
        restarted(board, on)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_state_that_is_lost_is_made_anew(board: Board, damage: str) -> None:
    # Both with their records, whatever became of those of the images before.
    before, new = board.release(), board.release()
    for release in (before, new):
        board.good(release)
        board.settle(release.image_id)
    board.run("; ".join(DAMAGES[damage].format(f"{LIB}/{name}") for name in FILES[:2]))
    restarted(board, new.image_id)
    body = board.status()
    assert body["history"][-1]["event"] == "mended"
    assert body["previous"]["image_id"] == before.image_id
    assert "taken from the service's settings" in board.run(
        "journalctl --no-pager --unit mediapipe.service --lines 20"
    )


def test_state_and_records_may_be_lost_at_once(board: Board, on: str) -> None:
    """What ran goes on, and the image before it is a way back still."""
    new = board.release()
    board.good(new)
    board.settle(new.image_id)
    board.run(f"rm -rf {LIB}/state.json {LIB}/state.copy.json {LIB}/releases/*")
    board.run("systemctl restart mediapipe.service")
    board.settle_on(new.image_id)
    assert board.status()["history"][-1]["event"] == "mended"
    board.image("rollback")
    board.settle_on(on)
    board.good(board.release())


def test_settings_that_are_damaged_do_not_stop_what_runs(board: Board, on: str) -> None:
    path = "/etc/mediapipe-jetson/service.json"
    env = board.run(f"cat {LIB}/current.env")
    board.run(f"cp {path} /tmp/kept.json; truncate --size 30 {path}")
    try:
        board.run("systemctl restart mediapipe.service")
        assert board.running() == on
        assert board.run(f"cat {LIB}/current.env") == env
        assert "is damaged" in board.image("switch", on, code=5)
    finally:
        board.run(f"mv /tmp/kept.json {path}")
