"""A channel that was published twice, and what reads it: the board and python-tuf's client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet.channel import repository
from jetson_kit.fleet.channel.policy import Policy
from jetson_kit.fleet.channel.repository import Repository
from jetson_kit.fleet.channel.ssh_keys import SshSigner
from jetson_kit.fleet.release import signing
from tests.support.static_server import Server, serving
from tests.unit import board_program
from tests.unit.board_program import Program
from tests.unit.fleet.channel_attacks import (
    LONG,
    Keys,
)
from tests.unit.fleet.channel_clients import Both


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    names = ("owner", "channel", "stranger")
    for name in names:
        signing.make_key(folder / name, name, passphrase=False)
    return Keys(*(SshSigner(folder / name) for name in names))


@pytest.fixture(scope="module")
def first(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel that was published twice."""
    folder = tmp_path_factory.mktemp("channel") / "www"
    repository.begin(folder, keys.owner, keys.channel, LONG, Policy().text().encode())
    Repository(folder).publish({"channel.json": b"one", "a/b": b"two"}, keys.channel, LONG)
    return folder


@pytest.fixture
def www(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "www"))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


@pytest.fixture
def server(www: Path) -> Iterator[Server]:
    with serving(www) as result:
        yield result


@pytest.fixture
def both(program: Program, server: Server, tmp_path: Path) -> Both:
    return Both(program, server, tmp_path / "tuf")
