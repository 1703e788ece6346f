"""What a channel has a board do beside taking the newest: pause, stop, go back, leave a trial."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.channel.repository import Repository
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.support.static_server import Server
from tests.unit.bare_board import LIB, Board
from tests.unit.fleet import channel_board
from tests.unit.fleet.channel_board import polled, publish

release, board = channel_board.release, channel_board.board
key, server = channel_board.key, channel_board.server

pytestmark = needs_parts("ssh-keygen")


def test_a_trial_of_a_rollout_is_left_alone(
    board: Board, server: Server, key: Path, release: Release, tmp_path: Path
) -> None:
    publish(server, key, release)
    board.on_trial(build(tmp_path / "b", "b", bulk=100, runnable=False))
    state = board.root / LIB / "state.json"
    before = state.read_bytes()
    assert polled(board) == "a rollout has this board on trial"
    assert state.read_bytes() == before


STUCK = {"at": "", "event": "stays", "image_id": "sha256:1", "why": "unhealthy", "rollout": "r"}


def stuck(board: Board, built: Release, **facts: Any) -> bytes:
    """Put the board on trial, and let it note that nothing from before it is there."""
    board.on_trial(built)
    for name in ("state.json", "state.copy.json"):
        path = board.root / LIB / name
        body = json.loads(path.read_text())
        body["history"] = [STUCK]
        body["current"] |= facts
        path.write_text(json.dumps(body))
    return (board.root / LIB / "state.json").read_bytes()


@pytest.mark.parametrize("rollout", ["r", "channel", ""])
def test_a_trial_without_a_way_back_takes_the_next_release(
    board: Board, server: Server, key: Path, release: Release, tmp_path: Path, rollout: str
) -> None:
    publish(server, key, release)
    before = stuck(board, build(tmp_path / "b", "b", bulk=100, runnable=False), rollout=rollout)
    # It goes on to the engine, which is not here; nothing is lost by that.
    output = board.run("poll", "--now", code=3)
    assert "docker" in output.lower()
    assert (board.root / LIB / "state.json").read_bytes() == before


def test_a_trial_without_a_way_back_obeys_the_channel(
    board: Board, server: Server, key: Path, release: Release, tmp_path: Path
) -> None:
    publish(server, key, release, pause=True)
    other = build(tmp_path / "b", "b", bulk=100, runnable=False)
    before = stuck(board, other, rollout="r")
    assert polled(board) == "the channel is paused"
    publish(server, key, pause=False, stop=True)
    assert polled(board) == "the channel offers no release"
    publish(server, key, release, shares=(0, 100))
    assert "its wave has not begun" in polled(board)
    assert (board.root / LIB / "state.json").read_bytes() == before


def test_the_image_that_it_stays_on_is_left_as_soon_as_there_is_another(
    board: Board, server: Server, key: Path, release: Release
) -> None:
    publish(server, key, release)
    publish(server, key, roll_back=True)
    before = stuck(board, release, rollout="channel")
    assert polled(board) == "the channel has this image left, and none from before it is there"
    assert (board.root / LIB / "state.json").read_bytes() == before


def test_its_own_release_on_which_it_stays_is_watched_anew(
    board: Board, server: Server, key: Path, release: Release
) -> None:
    """Not confirmed without a look: the engine is not here."""
    publish(server, key, release)
    before = stuck(board, release, rollout="channel")
    assert "docker" in board.run("poll", "--now", code=3).lower()
    assert (board.root / LIB / "state.json").read_bytes() == before


def test_pause_window_and_canary(board: Board, server: Server, key: Path, release: Release) -> None:
    publish(
        server,
        key,
        release,
        shares=(0, 100),
        canary=("camera-2",),
        pause=True,
        window="01:00-02:00",
    )
    assert polled(board) == "the channel is paused"
    result = publish(server, key, pause=False)
    assert (result.window, result.canary) == ("01:00-02:00", ("camera-2",))
    assert "its wave has not begun" in polled(board)
    assert not (board.root / LIB / "incoming").exists()
    assert publish(server, key, window="").window == ""


def test_stop_offers_nothing(board: Board, server: Server, key: Path, release: Release) -> None:
    publish(server, key, release)
    result = publish(server, key, stop=True)
    assert (result.release, result.leave) == ("", ())
    assert polled(board) == "the channel offers no release"
    assert list(Repository(server.folder).targets.signed.targets) == ["channel.json"]


def test_rollback_names_the_image(server: Server, key: Path, release: Release) -> None:
    publish(server, key, release)
    result = publish(server, key, roll_back=True)
    assert (result.release, result.leave) == ("", (release.image_id,))
    with pytest.raises(BadInputError, match="offers no release"):
        publish(server, key, roll_back=True)
    # Whoever offers it again means it.
    assert publish(server, key, release).leave == ()


@pytest.mark.parametrize("between", [[], [{"stop": True}], [{}], [{"pause": True}]])
def test_rollback_after_stop_names_the_image_that_was_stopped(
    board: Board, server: Server, key: Path, release: Release, between: list[dict[str, Any]]
) -> None:
    publish(server, key, release)
    publish(server, key, stop=True)
    for request in between:
        publish(server, key, **request)
    # The board took it, and has nothing from before it: it says that it would leave.
    board.on_trial(release)
    assert "has this image left" not in polled(board)
    assert publish(server, key, roll_back=True).leave == (release.image_id,)
    assert "has this image left" in polled(board)
    with pytest.raises(BadInputError, match="offers no release"):
        publish(server, key, roll_back=True)


def test_a_release_after_a_stop_is_the_one_that_a_rollback_names(
    server: Server, key: Path, release: Release
) -> None:
    publish(server, key, release)
    assert publish(server, key, stop=True).stopped_image == release.image_id
    assert publish(server, key, release).stopped_image == ""
    assert publish(server, key, roll_back=True).leave == (release.image_id,)
