"""What a board keeps by itself: its images, its state, its space; and its few rights."""

from __future__ import annotations

import pytest

from tests.fleet.board import LIB, Board
from tests.fleet.board_state import damaged, good, restarted
from tests.fleet.small_release import UNHEALTHY

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.one_engine]
PRUNE = "docker image prune --all --force; docker system prune --all --force"


@pytest.fixture
def on(board: Board) -> str:
    """The image that the board is on for good."""
    return good(board)


def test_a_prune_leaves_what_a_board_needs(board: Board, on: str) -> None:
    bad, other = board.release(UNHEALTHY), board.release()
    board.fetch(bad)
    board.fetch(other)
    board.run(f"mediapipe-image switch --limit 150 {bad.image_id} >/dev/null 2>&1 &")
    board.settle_on(bad.image_id)
    board.run(PRUNE)
    # What nobody needs goes; the image on trial and the one before it are there.
    assert board.there() >= {on, bad.image_id}
    assert other.image_id not in board.there()
    board.settle(on)
    # The service is stopped: even then its image stays.
    board.run(f"systemctl stop mediapipe.service; {PRUNE}; systemctl start mediapipe.service")
    board.settle(on)


def test_a_healthy_trial_ends_by_itself(board: Board, on: str) -> None:
    new = board.release()
    board.fetch(new)
    board.image("switch", new.image_id, "--trial", "8")
    assert board.running() == new.image_id
    # The clock on the wall counts for nothing, and who waits may be gone.
    board.run("kill -9 $(systemctl show -p MainPID --value mediapipe-watch.service)")
    body = board.settle(on)
    assert body["current"]["state"] == "good"
    assert body["current"]["why"] == "not confirmed within 8 s"
    assert not body["pending"]


def test_a_damaged_file_of_each_kind_is_mended(board: Board, on: str) -> None:
    damages = {"state.json": "cut", "current.env": "missing", "releases/*.json": "garbage"}
    for name, damage in damages.items():
        damaged(board, name, damage)
        restarted(board, on)
    # A release comes as ever, and what was good before is the way back.
    new = board.release()
    board.good(new)
    assert board.settle(new.image_id)["previous"]["image_id"] == on
    # Images whose records are lost go with the next ones, but those that are needed.
    board.image("prune", "--keep", "1")
    assert board.there() == {on, new.image_id}
    assert "damaged" not in board.run("mediapipe-image status --json 2>&1 >/dev/null")


def test_what_the_application_prints_is_bounded(board: Board, on: str) -> None:
    sizes = (
        "du -sk $(docker info -f '{{.DockerRootDir}}')/containers /var/log/journal"
        " /run/log/journal 2>/dev/null | awk '{print $1}'"
    )
    before = board.run(sizes).split()
    # 60 MB; without a limit it is more in the engine's log, and once more in the journal.
    flood = "i=0; while test $i -lt 300; do cat /bulk; i=$((i+1)); done > /proc/1/fd/1"
    board.run(f"docker exec mediapipe sh -c '{flood}'")
    after = board.run(sizes).split()
    grown = [int(new) - int(old) for old, new in zip(before, after, strict=True)]
    # In KiB: three files of 10 MB, and one that is being packed.
    assert max(grown) < 45_000, (before, after)
    assert board.running() == on
    assert (
        board.run("docker logs --tail 1 mediapipe 2>/dev/null | head -c 1 | wc -c").strip() == "1"
    )


def test_what_the_application_leaves_is_bounded(board: Board, on: str) -> None:
    folder = f"{LIB}/reports"
    write = f"i=0; while test $i -lt 400; do cat /bulk > {folder}/f$i; i=$((i+1)); done"
    board.run(f"docker exec mediapipe sh -c '{write}'")
    assert int(board.run(f"du -sm {folder}").split()[0]) > 64
    board.run("systemctl start mediapipe-bounds.service")
    assert int(board.run(f"du -sm {folder}").split()[0]) <= 65
    # The oldest went.
    board.run(f"test ! -e {folder}/f0 && test -e {folder}/f399 && rm -rf {folder}/f*")
    assert board.running() == on


def test_the_units_have_few_rights(board: Board, on: str) -> None:
    for unit in ("mediapipe.service", "mediapipe-watch.service", "mediapipe-bounds.service"):
        # In tenths; it ends with an error above that.
        board.run(f"systemd-analyze security --no-pager --threshold=25 {unit}")
    assert board.running() == on
