"""A channel as published by the command, and a board without an engine that polls it."""

from __future__ import annotations

import datetime
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.channel import command, policy, repository
from jetson_kit.fleet.channel.repository import Repository, Validity
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.support.static_server import Server, serving
from tests.unit.bare_board import LIB, Board

pytestmark = needs_parts("ssh-keygen")
VALID = Validity()
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    folder = tmp_path_factory.mktemp("release")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        yield build(folder / "a", "a", bulk=100, runnable=False)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: Release) -> Board:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    result = Board(tmp_path)
    signing.sign(release.path, result.key)
    return result


@pytest.fixture
def key(board: Board, tmp_path: Path) -> Path:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    return tmp_path / "channel"


@pytest.fixture
def server(board: Board, key: Path, tmp_path: Path) -> Iterator[Server]:
    anchor = command.begin(tmp_path / "www", tmp_path / "owner", key, VALID)
    etc = board.root / "etc/mediapipe-jetson"
    (etc / "channel-root.json").write_bytes(anchor.read_bytes())
    with serving(tmp_path / "www") as result:
        body = {"url": result.url, "board": "camera-1", "soak_s": 1, "interval_s": 60, "keep": 3}
        (etc / "channel.json").write_text(json.dumps(body))
        yield result


def publish(
    server: Server, key: Path, made: Release | None = None, **request: Any
) -> policy.Policy:
    target = str(made.folder) if made else ""
    return command.publish(server.folder, command.Request(target, **request), key, VALID)[1]


def polled(board: Board, *words: str) -> str:
    """Return why the board did nothing more."""
    done = board.call("poll", "--json", *words)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["why"])


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
    made = build(tmp_path / "dist", "1", bulk=100, runnable=False, application="door")
    signing.sign(made.path, board.key)
    caplog.set_level("WARNING")
    publish(server, key, made)
    assert "is the application door: boards refuse it until" in caplog.text
    if command is not None:
        text = json.dumps({"command": command})
        (board.root / "etc/mediapipe-jetson/service.json").write_text(text)
    said = board.run("poll", code=code)
    refused = "is the application door, and this device would run sleep infinity in its place"
    assert (refused in said) is (code == 10)
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


def stuck(board: Board, made: Release, **facts: Any) -> bytes:
    """Put the board on trial, and let it note that nothing from before it is there."""
    board.on_trial(made)
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
    said = board.run("poll", "--now", code=3)
    assert "docker" in said.lower()
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
