"""A channel as published by the command, and a board without an engine that polls it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.channel import command, repository
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.support.static_server import Server
from tests.unit.bare_board import LIB, Board
from tests.unit.fleet import channel_board
from tests.unit.fleet.channel_board import DAY, VALID, polled, publish

release, board = channel_board.release, channel_board.board
key, server = channel_board.key, channel_board.server

pytestmark = needs_parts("ssh-keygen")


def test_a_new_channel_wants_nothing(board: Board, server: Server) -> None:
    assert polled(board) == "the channel offers no release"


def test_a_released_image_is_offered_with_its_layers(
    board: Board, server: Server, key: Path, release: Release
) -> None:
    result = publish(server, key, release)
    folder = server.folder / result.release
    names = sorted(path.name.partition(".")[2] for path in folder.iterdir())
    assert names == ["release.json", "release.json.sig"]
    assert {path.name for path in (server.folder / "layers").iterdir()} == {
        layer.digest.partition(":")[2] for layer in release.layers
    }
    # All is verified; the next thing that it needs is the engine, which is not here.
    output = board.run("poll", code=3)
    assert "Docker Engine" in output or "docker" in output
    assert (board.root / LIB / "incoming/release.json").read_bytes() == release.path.read_bytes()


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sleep", "infinity"], 10), ([], 3), (["python3", "app.py"], 3), (None, 3)],
)
def test_an_application_that_would_not_run_is_refused_before_its_layers_come(
    board: Board, server: Server, key: Path, tmp_path: Path, command: list[str] | None, code: int,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    built = build(tmp_path / "dist", "1", bulk=100, runnable=False, application="door")
    signing.sign(built.path, board.key)
    caplog.set_level("WARNING")
    publish(server, key, built)
    assert "is the application door: boards refuse it until" in caplog.text
    if command is not None:
        text = json.dumps({"command": command})
        (board.root / "etc/mediapipe-jetson/service.json").write_text(text)
    output = board.run("poll", code=code)
    refused = "is the application door, and this device would run sleep infinity in its place"
    assert (refused in output) is (code == 10)
    assert not list(board.root.rglob("blobs/sha256/*"))
    # The board's own word counts in a rollout, too.
    incoming = board.root / LIB / "incoming/release.json"
    assert (refused in board.run("missing", incoming, code=code)) is (code == 10)


@pytest.mark.parametrize("role", ["timestamp.json", "2.root.json"])
def test_a_server_s_half_character_is_one_line(board: Board, server: Server, role: str) -> None:
    """No signature has been looked at by then."""
    first = server.folder / ("1.root.json" if "root" in role else role)
    body = json.loads(first.read_text())
    body["signed"]["more"] = "HERE"
    (server.folder / role).write_text(json.dumps(body).replace("HERE", "\\ud800"))
    assert board.run("poll", code=5).startswith("error: ")


def test_the_channels_key_releases_nothing(
    board: Board, server: Server, key: Path, release: Release, tmp_path: Path
) -> None:
    forged = tmp_path / "forged"
    subprocess.run(["cp", "-r", release.folder, forged], check=True)
    (forged / "release.json.sig").unlink()
    signing.sign(forged / "release.json", key)
    target = command.Request(str(forged))
    command.publish(server.folder, target, key, VALID)
    assert "is not signed by anyone who may sign for this device" in board.run("poll", code=5)


def test_an_unsigned_release_is_not_published(
    server: Server, key: Path, release: Release, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run(["cp", "-r", release.folder, bare], check=True)
    (bare / "release.json.sig").unlink()
    before = (server.folder / "timestamp.json").read_bytes()
    with pytest.raises(BadInputError, match=r"has no release\.json\.sig"):
        command.publish(server.folder, command.Request(str(bare)), key, VALID)
    assert (server.folder / "timestamp.json").read_bytes() == before


def test_an_expired_channel_is_frozen_until_it_is_renewed(
    board: Board, server: Server, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = repository._after(0) - DAY
    with monkeypatch.context() as patch:
        patch.setattr(repository, "_after", lambda _: past)
        publish(server, key)
    assert "has expired" in board.run("poll", code=5)
    publish(server, key)
    assert polled(board, "--now") == "the channel offers no release"


def test_failures_make_a_board_wait_longer(board: Board, server: Server) -> None:
    (server.folder / "timestamp.json").rename(server.folder / "away")
    board.run("poll", code=7)
    board.run("poll", code=7)
    assert "2 polls failed; the next is in" in polled(board)
    board.run("poll", "--now", code=7)
    # A clock that was set back keeps nobody waiting.
    notes = board.root / LIB / "channel/poll.json"
    body = json.loads(notes.read_text())
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 9999))
    notes.write_text(json.dumps({**body, "at": later}))
    board.run("poll", code=7)
    (server.folder / "away").rename(server.folder / "timestamp.json")
    polled(board, "--now")
    assert json.loads(notes.read_text())["failures"] == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"failures": "x"}', "\x00", '{"refused": 1}'])
def test_damaged_notes_keep_no_board(board: Board, server: Server, text: str) -> None:
    notes = board.root / LIB / "channel/poll.json"
    notes.parent.mkdir(parents=True)
    notes.write_text(text)
    assert polled(board) == "the channel offers no release"


def test_another_anchor_begins_anew(
    board: Board, server: Server, key: Path, tmp_path: Path
) -> None:
    polled(board)
    for name in ("owner2", "channel2"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    anchor = command.begin(tmp_path / "www2", tmp_path / "owner2", tmp_path / "channel2", VALID)
    server.folder = tmp_path / "www2"
    assert "timestamp.json of the channel is signed by 0 of its keys, not by 1" in board.run(
        "poll", code=5
    )
    (board.root / "etc/mediapipe-jetson/channel-root.json").write_bytes(anchor.read_bytes())
    assert polled(board, "--now") == "the channel offers no release"


def test_a_board_without_a_channel_says_so(board: Board) -> None:
    assert "polls no channel" in board.run("poll", code=2)


@pytest.mark.parametrize(
    "change",
    [{"url": "file:///etc"}, {"url": 7}, {"board": None}, {"soak_s": -1}, {"interval_s": 1},
     {"keep": 0}, {"interval_s": True}],
)  # fmt: skip
def test_settings_that_are_none(board: Board, server: Server, change: dict[str, Any]) -> None:
    path = board.root / "etc/mediapipe-jetson/channel.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    board.run("poll", code=2)


def test_a_folder_with_something_in_it_is_no_new_channel(
    board: Board, key: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "x").touch()
    with pytest.raises(BadInputError, match="not empty"):
        command.begin(folder, tmp_path / "owner", key, VALID)
    with pytest.raises(BadInputError, match="is no channel"):
        command.publish(folder, command.Request(), key, VALID)


def test_one_key_is_not_owner_and_channel(board: Board, key: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="owner and channel have one key"):
        command.begin(tmp_path / "one", key, key, VALID)
    assert not (tmp_path / "one").exists()
    with pytest.raises(BadInputError, match="owner and channel have one key"):
        command.publish(tmp_path / "www", command.Request(), key, VALID, owner=key)
