"""A channel as published by the command, and a board without an engine that polls it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.channel import command, policy
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.static_server import Server, serving
from tests.unit.bare_board import Board

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
    server: Server, key: Path, built: Release | None = None, **request: Any
) -> policy.Policy:
    target = str(built.folder) if built else ""
    return command.publish(server.folder, command.Request(target, **request), key, VALID)[1]


def polled(board: Board, *arguments: str) -> str:
    """Return why the board did nothing more."""
    done = board.call("poll", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["why"])
